"""Storage basics shared by every ring: the declarative base, UTC times, engine set-up. SQLAlchemy only."""

import datetime as dt
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, MetaData, TypeDecorator, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# How far `utc_now` is ahead of the machine's clock: not at all, but where the simulated Stripe moves it.
_clock: dict[str, Callable[[], dt.timedelta]] = {"ahead": dt.timedelta}

# A date that never comes: "never expires" is a real value, so that one index can order lots by expiry.
NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)

# Serialization failure and deadlock: the database asks to try the same transaction again.
TRANSIENT_SQLSTATES = frozenset({"40001", "40P01"})
WRITES = "refill_writes"

# A pooled connection that has rested longer is asked whether it lives before it is used: a server that was started anew
# has ended all of them. To ask before each use would cost every request two round trips.
RESTED_SECONDS = 1.0


class Base(DeclarativeBase):
    """Every table of Refill."""

    metadata = MetaData(naming_convention=NAMES)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An instant: aware and UTC in Python, naive UTC text on SQLite, timestamptz on PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Refuse naive times: nobody can know which instant they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone can't be stored.")
        moment = value.astimezone(dt.UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002  # SQLAlchemy calls it
        """Give the instant back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def utc_now() -> dt.datetime:
    """The present instant. Called at the edges only; everything inside takes `now`."""
    return machine_now() + _clock["ahead"]()


def machine_now() -> dt.datetime:
    """What this machine's own clock says. Sign-ins end by this one: nobody is signed out because a clock was moved."""
    return dt.datetime.now(dt.UTC)


def run_ahead(shift: Callable[[], dt.timedelta] = dt.timedelta) -> None:
    """Let `utc_now` be ahead of the machine's clock by what `shift` says each time; without it, by nothing.

    The simulated Stripe alone calls this, so that a developer needn't wait a month for a renewal.
    """
    _clock["ahead"] = shift


def configure_engine(engine: Engine) -> None:
    """Make SQLite durable and its write transactions exclusive from their first statement; wake PostgreSQL's pool.

    Without BEGIN IMMEDIATE two transactions may read the same balance before either writes.
    synchronous=FULL, because NORMAL can lose the last commits in a power cut.
    """
    if engine.dialect.name != "sqlite":
        _ask_the_rested(engine)
        return
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def is_transient(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in TRANSIENT_SQLSTATES


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection ended under the statement. What was not committed is undone by that."""
    return error.connection_invalidated


def _ask_the_rested(engine: Engine) -> None:
    def note(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    def ask(connection: Any, record: Any, _proxy: object) -> None:
        since = record.info.get("rests_since", time.monotonic())
        if time.monotonic() - since < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the others are as old

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ask)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself
    # SQLite's own knows the letters of ASCII only.
    connection.create_function("lower", 1, lambda given: given and str(given).lower(), deterministic=True)
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
