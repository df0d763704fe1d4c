"""Writing what may as well be written later: one attempt that waits a second at most, so that no request waits long."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.extensions import committing, db, end_reading
from webapp.orm import WRITES, is_transient

LOCK_TIMEOUT_SECONDS = 1
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL, when lock_timeout has passed


@contextmanager
def impatient_transaction() -> Iterator[Session]:
    """One write transaction that gives up after LOCK_TIMEOUT_SECONDS behind another writer."""
    end_reading()
    engine = db.engine.execution_options(**{WRITES: True})
    is_sqlite = engine.dialect.name == "sqlite"
    with (
        engine.connect() as connection,
        _short_wait(connection, is_sqlite=is_sqlite),
        committing(connection) as session,
    ):
        if not is_sqlite:
            session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        yield session


@contextmanager
def _short_wait(connection: Connection, *, is_sqlite: bool) -> Iterator[None]:
    """SQLite waits as its first statement, BEGIN IMMEDIATE, so its patience is set before and restored after."""
    if not is_sqlite:
        yield
        return
    driver = connection.connection.cursor()  # beside SQLAlchemy, which would begin first
    (usual_ms,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout={int(LOCK_TIMEOUT_SECONDS * 1000)}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={usual_ms}")
        driver.close()


def is_busy(error: DBAPIError) -> bool:
    """Whether an attempt failed because somebody else was writing."""
    return is_transient(error) or getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE
