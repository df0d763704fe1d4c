"""Insert or update in one statement, the same on SQLite and PostgreSQL: twins at the same moment don't collide."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.orm import Base


def upsert(
    session: Session,
    model: type[Base],
    row: Mapping[str, Any],
    *,
    changes: Mapping[str, Any],
    where: ColumnElement[bool] | None = None,
) -> None:
    """Insert a row, or apply `changes` to the one of the same primary key if `where` holds for it."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert(model) if is_postgresql else sqlite.insert(model)
    keys = list(model.__table__.primary_key)
    session.execute(insert.values(**row).on_conflict_do_update(index_elements=keys, set_=dict(changes), where=where))
