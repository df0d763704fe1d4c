"""A balance as pages and the API show it: nothing that is due is left unsettled behind it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.extensions import db, end_reading
from webapp.ledger.operations import expire
from webapp.ledger.queries import Balance, balance
from webapp.orm import WRITES, is_transient
from webapp.web.logs import log

# A page is not made to wait long for a writer: the stored state is right too, only its history is a line short.
LOCK_TIMEOUT_SECONDS = 1
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL, when lock_timeout has passed


def fresh_balance(account_id: int, *, now: dt.datetime) -> Balance:
    """The account's balance; writes the entries of what has ended by `now` first, in one short transaction.

    One attempt: when the account is busy, the balance comes from the stored state (what is due has stopped counting
    there as well) and the next reader or the worker settles. Raises UnknownAccount. Ends the request's read session
    when it writes.
    """
    found = balance(db.session(), account_id, now=now)
    if not found.is_due or not _settle(account_id, now=now):
        return found
    return balance(db.session(), account_id, now=now)


def _settle(account_id: int, *, now: dt.datetime) -> bool:
    try:
        with _impatient_transaction() as session:
            expire(session, account_id, now=now)
    except DBAPIError as error:
        if not _is_busy(error):
            raise
        log.warning("due entries not written: the account is busy", account_id=account_id, error=type(error).__name__)
        return False
    return True


@contextmanager
def _impatient_transaction() -> Iterator[Session]:
    """One write transaction that gives up after LOCK_TIMEOUT_SECONDS behind another writer."""
    end_reading()
    engine = db.engine.execution_options(**{WRITES: True})
    is_sqlite = engine.dialect.name == "sqlite"
    with (
        engine.connect() as connection,
        _short_wait(connection, is_sqlite=is_sqlite),
        Session(connection, expire_on_commit=False) as session,
        session.begin(),
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


def _is_busy(error: DBAPIError) -> bool:
    return is_transient(error) or getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE
