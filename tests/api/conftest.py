import pytest
from flask import Flask

from tests.api.calling import Api
from tests.support.browsing import sign_in
from tests.support.people import make_user
from webapp.extensions import limiter
from webapp.people.models import User


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
