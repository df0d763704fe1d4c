from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.pages import PageClient
from tests.views.shopper import Shopper
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.people.users import register


@pytest.fixture
def database_url(sqlite_database: Callable[[], str]) -> str:
    """What pages say does not depend on the database. Modules where it might run on both: see `both_databases`."""
    return sqlite_database()


@pytest.fixture
def shopper(app: Flask, user: User) -> Shopper:
    """Some One, with the catalogue's 20 welcome credits."""
    return Shopper.of(app, user)


@pytest.fixture
def stranger(app: Flask) -> Shopper:
    """Somebody else."""
    other = transact(
        lambda session: register(
            session, email="other@example.com", password="another long password", welcome_credits=0, now=utc_now()
        )
    )
    return Shopper.of(app, other)


@pytest.fixture
def anonymous(app: Flask) -> PageClient:
    """Somebody who has not signed in."""
    return PageClient(app.test_client())
