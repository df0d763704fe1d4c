"""Fixtures of the whole suite: both databases, migrated once and copied for each test."""

import datetime as dt
import shutil
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from tests.support.browsing import Browser, sign_in
from tests.support.cheap import collect_rarely, hash_cheaply
from tests.support.databases import ROOT, PostgresServer, migrate, start_postgresql
from tests.support.lock_order import LockOrder
from tests.support.memory import copy_strategy, write_into_memory
from tests.support.ready import SyncedStripe, share_routes, share_statements, share_templates, synced_stripe
from webapp.orm import WRITES, configure_engine, machine_now, run_ahead, utc_now
from webapp.people.models import User
from webapp.settings import Settings, read_settings

write_into_memory()
hash_cheaply()
share_templates()
share_routes()
share_statements()

NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)


ROUNDS_IN_THE_GATE = 2
POSTGRESQL_SHARE = 6
ALL_ROUNDS = 50
SHARE_IN_THE_GATE = 9


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-cases", action="store_true", help="every case on PostgreSQL, every state in every look")
    parser.addoption("--all-rounds", action="store_true", help="50 rounds of a race, 10 kills, whole grids")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the gate PostgreSQL runs every sixth case of a test with many; SQLite runs them all, so does --all-cases.

    A test that takes half a minute may name the one database it runs on in the gate (`gate_on`).
    """
    if config.getoption("--all-cases") or config.getoption("--all-rounds"):
        return
    met: Counter[str] = Counter()
    left_out = []
    for item in items:
        case = getattr(item, "callspec", None)
        only = item.get_closest_marker("gate_on")
        if case is not None and only is not None and only.args[0] not in case.params.values():
            left_out.append(item)
        elif case is not None and "postgresql" in case.params.values():
            name = item.nodeid.partition("[")[0]
            if met[name] % POSTGRESQL_SHARE:
                left_out.append(item)
            met[name] += 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def pytest_collection_finish() -> None:
    collect_rarely()


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a race is run: a sample in the gate, all of them by `make prove-concurrency`."""
    return ALL_ROUNDS if request.config.getoption("--all-rounds") else ROUNDS_IN_THE_GATE


@pytest.fixture
def one_in(request: pytest.FixtureRequest) -> int:
    """Which share of a big grid is tried: one in so many in the gate, all of it by `make prove-concurrency`."""
    return 1 if request.config.getoption("--all-rounds") else SHARE_IN_THE_GATE


@pytest.fixture
def now() -> dt.datetime:
    return NOW


@pytest.fixture(autouse=True)
def no_courier_is_left() -> Iterator[None]:
    """End the threads that deliver webhooks for applications a test has served: they would outlive it and its files."""
    yield
    for thread in threading.enumerate():
        if thread.name == "simulated-stripe":
            thread._target.__self__.stop()  # type: ignore[attr-defined]  # the courier whose thread it is


@pytest.fixture(autouse=True)
def no_clock_is_left_ahead() -> Iterator[None]:
    """Set the clock right after a test that has moved the simulated Stripe's: other tests have other files."""
    yield
    if utc_now() - machine_now() >= dt.timedelta(seconds=1):
        run_ahead()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:  # one file, without its write-ahead log, can be copied
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    with start_postgresql(is_durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresServer) -> str:
    name = "template_refill"
    postgresql_server.run(f"CREATE DATABASE {name}")
    migrate(postgresql_server.url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database: each test runs once on SQLite and once on PostgreSQL."""
    make = request.getfixturevalue(f"{request.param}_database")
    return make()


@pytest.fixture
def sqlite_database(tmp_path: Path, sqlite_template: Path) -> Callable[[], str]:
    def make() -> str:
        path = tmp_path / f"refill-{uuid.uuid4().hex[:8]}.sqlite3"
        shutil.copy(sqlite_template, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def postgresql_database(postgresql_server: PostgresServer, postgresql_template: str) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        postgresql_server.run(f"CREATE DATABASE {name} TEMPLATE {postgresql_template} STRATEGY {copy_strategy()}")
        made.append(name)
        return postgresql_server.url(name)

    yield make
    for name in made:
        postgresql_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine without Flask, as the inner rings see it."""
    engine = create_engine(database_url)
    configure_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A write transaction that is rolled back at the end; `commit()` in it if the test needs that."""
    with Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of one test application."""
    return settings_of(database_url, tmp_path)


def settings_of(database_url: str, folder: Path) -> Settings:
    """Settings of a test application: simulated Stripe, nothing read from the environment's secrets."""
    return read_settings(
        _env_file=None,
        app_env="test",
        secret_key="test-secret-key-of-32-characters-or-more",
        database_url=database_url,
        base_url="http://127.0.0.1:8000",
        stripe_mode="simulated",
        stripe_secret_key=None,
        stripe_webhook_secret="whsec_test_present,whsec_test_old",
        stripe_api_base=None,
        simulator_path=folder / "simulator.sqlite3",
        catalog=ROOT / "catalog.toml",
        brand_name="Refill",
    )


@pytest.fixture(scope="session")
def synced(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SyncedStripe:
    """The sample catalogue at the simulated Stripe, synced once by an application of its own."""
    from webapp.web.prices import sync_now

    folder = tmp_path_factory.mktemp("synced")
    database = shutil.copy(sqlite_template, folder / "refill.sqlite3")
    with application(settings_of(f"sqlite:///{database}", folder)) as app:
        sync_now()
        return synced_stripe(app)


@pytest.fixture
def app(settings: Settings, synced: SyncedStripe) -> Iterator[Flask]:
    """A whole application on a fresh database, its catalogue synced to the simulated Stripe, inside its context.

    Whatever locks two accounts out of the order of their ids fails the test.
    """
    with LockOrder() as locks, application(settings) as app:
        synced.give_to(app)
        yield app
    assert locks.faults == []


@contextmanager
def application(settings: Settings) -> Iterator[Flask]:
    """An application of these settings, inside its context until the end of the block.

    Every request it makes to Stripe, and all that the simulated Stripe makes of it, is held against the SDK's types.
    """
    from tests.contract.validating import check, watch
    from webapp import create_app
    from webapp.extensions import db

    app = create_app(settings)
    app.config["TESTING"] = True
    app.test_client_class = Browser
    watched = watch(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    check(watched)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that has not signed in. It sends no CSRF token by itself: see tests/support/pages.py."""
    return app.test_client()


@pytest.fixture
def user(app: Flask) -> User:
    """A registered user with the catalogue's welcome credits."""
    from tests.support.people import make_user
    from webapp.extensions import parts

    return make_user("someone@example.com", name="Some One", welcome_credits=parts().catalog.welcome_credits)


@pytest.fixture
def signed_in(app: Flask, user: User) -> FlaskClient:
    """A browser in which `user` has signed in."""
    return sign_in(app, user)
