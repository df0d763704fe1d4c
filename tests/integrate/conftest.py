from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.calling import Api
from tests.integrate.product import Product
from tests.support.browsing import sign_in
from tests.support.people import make_user
from webapp.extensions import db
from webapp.ledger.models import entries
from webapp.ledger.queries import Balance, balance
from webapp.ledger.verify import verify
from webapp.orm import utc_now
from webapp.people.models import User


@pytest.fixture
def product(app: Flask) -> Product:
    return Product(app)


@pytest.fixture
def payer(app: Flask) -> User:
    """Somebody with ten credits."""
    return make_user("payer@example.com", welcome_credits=10)


@pytest.fixture
def other(app: Flask) -> User:
    """Somebody else with ten credits."""
    return make_user("other@example.com", welcome_credits=10)


@pytest.fixture
def api(app: Flask, product: Product, payer: User) -> Api:
    """The product's API as the payer."""
    return Api(app, sign_in(app, payer), payer)


@pytest.fixture
def books(app: Flask, payer: User) -> Callable[[], Balance]:
    """The payer's balance now; the ledger must be sound."""

    def read() -> Balance:
        with Session(db.engine) as session:
            assert verify(session, payer.account_id, now=utc_now()).faults == ()
            return balance(session, payer.account_id, now=utc_now())

    return read


@pytest.fixture
def written(app: Flask, payer: User) -> Callable[[], list[tuple[str, int]]]:
    """Kind and credits of the payer's entries after the welcome, oldest first."""

    def read() -> list[tuple[str, int]]:
        chosen = select(entries.c.kind, entries.c.credits).where(
            entries.c.account_id == payer.account_id, entries.c.kind != "grant"
        )
        with Session(db.engine) as session:
            return [(row.kind, row.credits) for row in session.execute(chosen.order_by(entries.c.seq))]

    return read
