"""Runs the migrations on the application's own engine (`flask db …`), SQLite and PostgreSQL alike."""

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection

from webapp.orm import WRITES, UtcDateTime

database = current_app.extensions["migrate"].db


def render_item(_type: str, item: object, _context: object) -> str | bool:
    """Write our instant as the plain type it is stored as, so that migrations don't import the application."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Run what the command asks for, each migration in a transaction of its own.

    SQLite changes tables by copying them (batch mode).
    """
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_server_default=True,
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(
        url=database.engine.url,
        target_metadata=database.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    with database.engine.execution_options(**{WRITES: True}).connect() as connection:
        run(connection)
