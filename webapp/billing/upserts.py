"""Insert or update in one statement, the same on SQLite and PostgreSQL: twins at the same moment don't collide."""

from collections.abc import Mapping, Sequence
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
    keys = list(model.__table__.primary_key)
    statement = _insert(session, model).values(**row)
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=dict(changes), where=where))


def insert_once(session: Session, model: type[Base], row: Mapping[str, Any]) -> bool:
    """Insert a row unless there is one of the same primary key; whether it was inserted."""
    keys = list(model.__table__.primary_key)
    statement = _insert(session, model).values(**row).on_conflict_do_nothing(index_elements=keys)
    return session.scalar(statement.returning(keys[0])) is not None


def insert_missing(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those rows of which there is none of the same primary key; how many were inserted."""
    keys = list(model.__table__.primary_key)
    statement = _insert(session, model).values(rows).on_conflict_do_nothing(index_elements=keys)
    return len(session.scalars(statement.returning(keys[0])).all())


def _insert(session: Session, model: type[Base]) -> Any:
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(model) if is_postgresql else sqlite.insert(model)
