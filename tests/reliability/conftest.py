"""A real server on each database, shared by the tests of one process: starting it takes longer than killing it."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from tests.reliability.books import Books
from tests.reliability.serving import Served
from tests.reliability.shop import Shop
from tests.reliability.work import Given, application
from tests.support.site import site_environment
from webapp.extensions import db
from webapp.web.prices import sync_now

numbers = itertools.count(1)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server, its catalogue synced."""
    folder = tmp_path_factory.mktemp(f"served-{request.param}")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "refill.sqlite3")
        url = f"sqlite:///{folder}/refill.sqlite3"
    else:
        server = request.getfixturevalue("postgresql_server")
        server.run(f"CREATE DATABASE served TEMPLATE {request.getfixturevalue('postgresql_template')}")
        url = server.url("served")
    served = Served(url, folder)
    with application_of(served):
        sync_now()
    served.start()
    yield served
    served.stop()


@pytest.fixture
def shop(served: Served) -> Iterator[Shop]:
    """A new buyer at the served Refill."""
    with application_of(served) as app:
        shop = Shop(app, served, f"buyer-{next(numbers)}@example.com")
    yield shop
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def given(database_url: str, tmp_path: Path) -> Given:
    """The settings of an application on a database of the test's own."""
    return {name.lower(): text for name, text in site_environment(database_url, tmp_path, 8000).items()}


@pytest.fixture
def ledger(given: Given) -> Iterator[Books]:
    """The ledger of that database, in this process."""
    with application(given) as app:
        yield Books(app)


@contextmanager
def application_of(served: Served) -> Iterator[Flask]:
    """The application that is served, in this process and with no crash point."""
    with application({name: text for name, text in served.given.items() if name != "crash_file"}) as app:
        app.config["TESTING"] = True
        yield app
