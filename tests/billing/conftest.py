import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.billing.buying import Buying
from tests.billing.subscribing import Subscribing
from webapp.extensions import db
from webapp.people.models import User


@pytest.fixture
def buying(app: Flask, user: User) -> Iterator[Buying]:
    """A shop with a guard: in every test no thread may ask Stripe while it holds a database connection."""
    held = threading.local()
    asked: list[str] = []
    while_holding: list[str] = []

    def count(change: int) -> None:
        held.connections = getattr(held, "connections", 0) + change

    event.listen(db.engine, "checkout", lambda *_: count(1))
    event.listen(db.engine, "checkin", lambda *_: count(-1))
    buying = Buying(app, user, asked)
    request = buying.simulator.request

    def guarded(method: str, url: str, *rest: Any, **more: Any) -> Any:
        asked.append(f"{method} {url}")
        if getattr(held, "connections", 0):
            while_holding.append(f"{method} {url}")
        return request(method, url, *rest, **more)

    buying.simulator.request = guarded
    yield buying
    assert while_holding == []


@pytest.fixture
def subscribing(buying: Buying) -> Subscribing:
    """The same shop for people who subscribe."""
    return Subscribing(buying.app, buying.user, buying.asked)
