"""A database that asks for another try: nobody sees it; when it never stops asking, a clean 503 and nothing written."""

import sqlite3

import psycopg.errors
import pytest
from sqlalchemy import event

from tests.api.calling import Api, answer, problem
from tests.billing.buying import Buying
from tests.support.browsing import sign_in
from tests.support.pages import PageClient
from webapp.extensions import ATTEMPTS, db
from webapp.orm import Base

FAULTS = {
    "sqlite": [lambda: sqlite3.OperationalError("database is locked")],
    "postgresql": [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected],
}
# The first statement of a writing transaction, and one of its last.
PLACES = {"sqlite": ("BEGIN IMMEDIATE", "UPDATE purchases"), "postgresql": ("FOR NO KEY UPDATE", "UPDATE purchases")}
RETURN = "/dashboard/credits/success?session_id="


class Refusing:
    """Makes the driver refuse a statement so many times; `refused` counts."""

    def __init__(self, part, fault, times):
        self.part, self.fault, self.times, self.refused = part, fault, times, 0

    def __enter__(self):
        event.listen(db.engine, "do_execute", self.refuse)
        return self

    def __exit__(self, *_):
        event.remove(db.engine, "do_execute", self.refuse)

    def refuse(self, _cursor, statement, _parameters, _context):
        if self.part in statement and self.refused < self.times:
            self.refused += 1
            raise self.fault()


@pytest.fixture
def buying(app, user):
    return Buying(app, user, [])


@pytest.fixture(params=[0, 1], ids=["the first statement", "a late statement"])
def place(request, app):
    return PLACES[db.engine.dialect.name][request.param]


def faults():
    return FAULTS[db.engine.dialect.name]


def everything():
    """Every row of every table but the inbox, where a failed event may be noted."""
    tables = [table for table in Base.metadata.sorted_tables if table.name != "webhook_events"]
    with db.engine.connect() as connection:
        tables = {table.name: connection.execute(table.select()).all() for table in tables}
    return {name: sorted(map(repr, rows)) for name, rows in tables.items()}


def test_a_database_that_asks_again_is_not_shown_to_anybody(app, user, buying, place):
    api, browser = Api(app, sign_in(app, user), user), PageClient(sign_in(app, user))
    refused = 0
    for number, fault in enumerate(faults()):
        told, returned = (buying.paid("starter", key=f"form:{number}:{teller}") for teller in ("event", "return"))
        event_id = next(
            waiting.event_id
            for waiting in buying.simulator.deliveries.waiting()
            if waiting.object_id == told.session_id
        )
        works = (
            lambda event_id=event_id: buying.tell(event_id).json["reason"] == "paid",
            lambda purchase=returned: "added" in browser.open(f"{RETURN}{purchase.session_id}").heading,
            lambda key=f"order-{number}": answer(api.post("/api/billing/checkout", {"pack": "small"}, key=key), 201),
        )
        for work in works:
            with Refusing(place, fault, times=2) as refusing:
                assert work()
            assert refusing.refused == 2
            refused += refusing.refused
    assert refused == 6 * len(faults())
    assert buying.bought() == [100] * 2 * len(faults())
    buying.assert_sound()


def test_a_database_that_never_stops_asking_is_told_as_busy_and_nothing_is_written(app, user, buying):
    api, browser = Api(app, sign_in(app, user), user), PageClient(sign_in(app, user))
    purchase = buying.paid("starter")
    event_id = buying.told_types()["checkout.session.completed"]
    first_statement = PLACES[db.engine.dialect.name][0]
    for fault in faults():
        before = everything()
        for work in (
            lambda: buying.tell(event_id),
            lambda: api.post("/api/billing/checkout", {"pack": "small"}, key="order"),
            lambda: browser.open(f"{RETURN}{purchase.session_id}", status=503).response,
        ):
            with Refusing(first_statement, fault, times=1000) as refusing:
                response = work()
            assert refusing.refused % ATTEMPTS == 0
            assert refusing.refused > 0
            assert_busy(response)
        assert everything() == before
        assert {event.state for event in buying.events()} <= {"failed"}
    assert buying.tell(event_id).json["reason"] == "paid"
    assert buying.bought() == [100]


def assert_busy(response):
    """Says what it means for money, when to come again, and nothing of the database."""
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    words = response.get_data(as_text=True)
    assert "Your balance is safe. Please try again in a few seconds." in words
    for detail in ("locked", "deadlock", "serialize", "SELECT", "UPDATE", "Traceback", "Operational"):
        assert detail not in words
    if response.mimetype != "text/html":
        problem(response, 503, "busy")
