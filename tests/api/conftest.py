import shutil
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.api.books import grant
from tests.api.calling import Api
from tests.api.keyed import KeyApi, make_account, make_key
from tests.conftest import settings_of
from tests.support.browsing import Browser, sign_in
from tests.support.lock_order import LockOrder
from tests.support.people import make_user
from webapp import create_app
from webapp.extensions import db, limiter
from webapp.people.models import User
from webapp.web.prices import sync_now


@pytest.fixture
def api(app: Flask, user: User) -> Api:
    """The API as `user`, who has the catalogue's welcome credits."""
    return Api(app, sign_in(app, user), user)


@pytest.fixture
def other_user(app: Flask) -> User:
    return make_user("other@example.com")


@pytest.fixture
def other_api(app: Flask, other_user: User) -> Api:
    """The API as someone else."""
    return Api(app, sign_in(app, other_user), other_user)


@pytest.fixture
def anonymous_api(app: Flask) -> Api:
    """The API as nobody, with a CSRF token of their own."""
    return Api(app, app.test_client())


@pytest.fixture
def without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that ask more often than a user may."""
    monkeypatch.setattr(limiter, "enabled", False)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application on each database, for tests that make accounts of their own."""
    folder = tmp_path_factory.mktemp(f"shared-{request.param}")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "refill.sqlite3")
        url = f"sqlite:///{folder}/refill.sqlite3"
    else:
        server = request.getfixturevalue("postgresql_server")
        server.run(f"CREATE DATABASE shared_api TEMPLATE {request.getfixturevalue('postgresql_template')}")
        url = server.url("shared_api")
    app = create_app(settings_of(url, folder))
    app.config["TESTING"] = True
    app.test_client_class = Browser
    with app.app_context():
        sync_now()
        db.session.remove()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def product(shared_app: Flask) -> Iterator[KeyApi]:
    """The product itself: a service key that has named no account yet."""
    with LockOrder() as locks, shared_app.app_context():
        yield make_key(shared_app, None)
        db.session.remove()
    assert locks.faults == []


@pytest.fixture
def account_id(product: KeyApi) -> int:
    """An account with 100 bought credits."""
    made = make_account()
    grant(made, 100)
    return made


@pytest.fixture
def mine(shared_app: Flask, account_id: int) -> KeyApi:
    """A key of that account, with every scope."""
    return make_key(shared_app, account_id)


@pytest.fixture
def theirs(shared_app: Flask, product: KeyApi) -> KeyApi:
    """A key of another account, which has 100 credits too."""
    made = make_account()
    grant(made, 100)
    return make_key(shared_app, made)
