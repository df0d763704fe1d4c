"""Fixtures of the operators' tests: one migrated database for all that never commit."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from webapp.ledger.operations import grant, open_account
from webapp.operators.acts import Asked
from webapp.orm import WRITES, configure_engine
from webapp.people.models import User
from webapp.people.passwords import NO_PASSWORD
from webapp.people.users import add_user


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("operators") / "shared.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgresql_server")
        server.run(f"CREATE DATABASE shared_operators TEMPLATE {request.getfixturevalue('postgresql_template')}")
        url = server.url("shared_operators")
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
def person(session: Session, now: dt.datetime) -> Callable[..., User]:
    """Make somebody who signs in, with an account of their own."""

    def make(email: str, **facts: str) -> User:
        account_id = open_account(session, now=now)
        return add_user(session, account_id, email=email, password_hash=NO_PASSWORD, now=now, **facts)

    return make


@pytest.fixture
def operator(person: Callable[..., User]) -> User:
    return person("operator@example.com", role="admin")


@pytest.fixture
def customer(session: Session, person: Callable[..., User], now: dt.datetime) -> User:
    """Somebody with a pack of 100 and a bonus of 50."""
    user = person("customer@example.com")
    for kind, given in (("purchased", 100), ("bonus", 50)):
        source = {"source_kind": "test", "source_id": kind, "key": kind}
        grant(session, user.account_id, kind=kind, credits=given, **source, now=now)
    return user


@pytest.fixture
def asked(operator: User, customer: User, now: dt.datetime) -> Callable[..., Asked]:
    """What an act on the customer's account is asked with; each time a form of its own."""
    numbers = iter(range(1000))

    def ask(reason: str = "They asked", **other: object) -> Asked:
        facts = {"operator_id": operator.id, "account_id": customer.account_id, "form_key": f"form-{next(numbers)}"}
        return Asked(**{**facts, "reason": reason, "now": now, **other})

    return ask
