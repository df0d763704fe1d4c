"""Fixtures of the ledger's tests, and the profile that keeps generated examples the same in every run."""

import datetime as dt
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.ledger.operations import grant, open_account
from webapp.orm import WRITES, configure_engine, is_transient

settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("gate")

DATABASES = ("sqlite", "postgresql")
Transact = Callable[[Callable[[Session], Any]], Any]


@pytest.fixture(scope="session", params=DATABASES)
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One migrated database for all tests that never commit."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("ledger") / "shared.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgresql_server")
        server.run(f"CREATE DATABASE shared_ledger TEMPLATE {request.getfixturevalue('postgresql_template')}")
        url = server.url("shared_ledger")
    engine = create_engine(url)
    configure_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(shared_engine: Engine) -> Iterator[Session]:
    """A write transaction on the shared database, rolled back at the end."""
    with Session(shared_engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def transact(engine: Engine) -> Transact:
    """Run work in a transaction of its own that commits; again when the database asks for it, as the edges do."""
    writing = engine.execution_options(**{WRITES: True})

    def run(work: Callable[[Session], Any]) -> Any:
        for attempt in range(10):
            try:
                with Session(writing, expire_on_commit=False) as session, session.begin():
                    return work(session)
            except DBAPIError as error:
                if attempt == 9 or not is_transient(error):
                    raise
                time.sleep(0.01 * (attempt + 1))
        raise AssertionError("unreachable")

    return run


@pytest.fixture
def account_id(session: Session, now: dt.datetime) -> int:
    """An empty account in the test's own transaction."""
    return open_account(session, now=now)


@pytest.fixture
def give(session: Session, account_id: int, now: dt.datetime) -> Callable[..., Any]:
    """Grant credits to the account, each time from a source of its own."""
    numbers = iter(range(1, 1000))

    def run(credits: int, kind: str = "purchased", **facts: Any) -> Any:
        number = next(numbers)
        given = {"key": f"give:{number}", "source_kind": "test", "source_id": str(number), "now": now} | facts
        return grant(session, account_id, kind=kind, credits=credits, **given)

    return run


@pytest.fixture
def session_of() -> Callable[[Engine], Session]:
    """A write session on a database of the test's own; nothing is committed by itself."""
    return lambda engine: Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False)
