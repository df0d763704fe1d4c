"""The clock of the simulated Stripe, moved ahead: by the application's side and from another process."""

import datetime as dt
import re
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient

from tests.billing.buying import Buying
from tests.contract.clock import Clock
from tests.contract.subscribing import make_plans, period, subscribe
from tests.contract.test_simulator_checkout import open_session
from tests.contract.test_simulator_pages import submit
from webapp import orm
from webapp.people.models import User
from webapp.simulator import SimulatedHTTPClient
from webapp.simulator.clock import Clock as SimulatedClock
from webapp.simulator.clock import RenewalCourse, month_after, next_renewal, renewal_course
from webapp.simulator.store import Store

DAY = 24 * 3600


def test_the_clock_is_ahead_by_what_it_was_moved_and_lets_happen_what_is_due(
    simulated: SimulatedHTTPClient, sdk: stripe.StripeClient, clock: Clock, price_id: str
) -> None:
    session = open_session(sdk, price_id)

    assert simulated.move_clock(DAY)
    assert simulated.move_clock(DAY)

    assert simulated.now() == clock.now + 2 * DAY
    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "expired"
    listed = sdk.v1.events.list({"type": "checkout.session.expired"})
    assert [event.created for event in listed.data] == [session.expires_at]
    with pytest.raises(ValueError, match="ahead only"):
        simulated.move_clock(-1)


def test_another_process_follows_and_reads_the_file_a_few_times_a_second_at_most(
    simulated: SimulatedHTTPClient, clock: Clock
) -> None:
    other = SimulatedClock(Store(simulated.store.path), clock)
    assert other.ahead_seconds == 0

    simulated.move_clock(DAY)
    other._read_at = time.monotonic()
    assert other.ahead_seconds == 0, "what was read lately is not read again"

    other._read_at -= 0.2
    assert other.ahead_seconds == DAY


def test_a_clock_that_was_never_moved_makes_no_file(tmp_path: Path, clock: Clock) -> None:
    still = SimulatedClock(Store(tmp_path / "none.sqlite3"), clock)

    assert still() == clock.now
    assert [*tmp_path.iterdir()] == []


def test_a_form_that_was_sent_twice_moves_the_clock_once(simulated: SimulatedHTTPClient) -> None:
    assert simulated.move_clock(DAY, seen=0)
    assert not simulated.move_clock(DAY, seen=0)
    assert simulated.clock.ahead_seconds == DAY


def test_what_becomes_due_by_a_move_goes_as_the_move_said(simulated: SimulatedHTTPClient, clock: Clock) -> None:
    simulated.move_clock(DAY, "failed")

    with simulated.store.reading() as state:
        assert renewal_course(state, clock.now + DAY) == "failed"
        assert renewal_course(state, clock.now + DAY + 1) is None, "later ones are none of that move's"
    simulated.move_clock(1)
    with simulated.store.reading() as state:
        assert renewal_course(state, clock.now + DAY) is None


@pytest.mark.parametrize(
    ("course", "status", "invoices"),
    [("card", "active", ["paid"]), ("failed", "past_due", ["open"]), ("asks", "past_due", ["open"])],
)
def test_a_renewal_becomes_due_by_a_move_and_goes_as_it_said(
    simulated: SimulatedHTTPClient, sdk: stripe.StripeClient, course: RenewalCourse, status: str, invoices: list[str]
) -> None:
    subscription = subscribe(sdk, simulated, make_plans(sdk).plus)
    renews_at = period(subscription)[1]
    with simulated.store.reading() as state:
        assert next_renewal(state, now=simulated.now()) == renews_at

    simulated.move_clock(renews_at - simulated.now(), course)

    renewed = sdk.v1.subscriptions.retrieve(subscription.id)
    assert (renewed.status, period(renewed)[0]) == (status, renews_at)
    made = sdk.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in made] == [*invoices, "paid"]


def test_what_a_long_move_leaps_over_happens_each_at_its_time(
    simulated: SimulatedHTTPClient, sdk: stripe.StripeClient
) -> None:
    subscription = subscribe(sdk, simulated, make_plans(sdk).plus)

    simulated.move_clock(100 * DAY)

    made = sdk.v1.invoices.list({"subscription": subscription.id}).data[::-1]
    months = [dt.datetime.fromtimestamp(invoice.created, dt.UTC).strftime("%m-%d %H:%M:%S") for invoice in made]
    assert months == ["11-18 11:06:40", "12-18 11:06:40", "01-18 11:06:40", "02-18 11:06:40"]
    assert sdk.v1.subscriptions.retrieve(subscription.id).status == "active"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-01-31T10:00:00+00:00", "2027-02-28T10:00:00+00:00"),
        ("2028-01-31T10:00:00+00:00", "2028-02-29T10:00:00+00:00"),
        ("2026-12-15T23:59:59+00:00", "2027-01-15T23:59:59+00:00"),
    ],
)
def test_a_month_is_a_month_of_the_calendar(start: str, end: str) -> None:
    moved = month_after(int(dt.datetime.fromisoformat(start).timestamp()))

    assert dt.datetime.fromtimestamp(moved, dt.UTC).isoformat() == end


def test_the_application_follows_and_nobody_is_signed_out(app: Flask, signed_in: FlaskClient) -> None:
    assert "not moved" in signed_in.get("/_stripe/").text
    assert "The clock was moved" not in signed_in.get("/dashboard").text
    form = {"seen": "0", "by": "month", "course": "paid"}

    places = [submit(signed_in, "/_stripe/", "/_stripe/clock", **form) for _ in range(2)]

    assert places == ["/_stripe/?said=moved#clock", "/_stripe/?said=not-moved#clock"]
    today = orm.utc_now()
    assert dt.timedelta(days=27) < today - orm.machine_now() < dt.timedelta(days=32)
    assert abs(app.extensions["simulator"].now() - today.timestamp()) <= 2
    dashboard = signed_in.get("/dashboard")
    assert dashboard.status_code == 200, "the sign-in of 12 hours goes on"
    words = f"{today.day} {today:%b %Y}"
    assert f"The clock was moved ahead: it is <strong>{words}, " in dashboard.text
    assert re.search(rf"SIMULATED — no money — it is {words}, ", signed_in.get("/_stripe/").text)


def test_webhooks_and_calls_are_dated_by_the_moved_clock(app: Flask, user: User) -> None:
    buying = Buying(app, user, [])
    simulated = buying.simulator
    simulated.move_clock(40 * DAY)

    buying.paid()
    assert {buying.tell(waiting.event_id).status_code for waiting in simulated.deliveries.waiting()} == {200}
    assert buying.bought() == [1000]
    assert {waiting.due_at // 60 for waiting in simulated.deliveries.waiting()} == {simulated.now() // 60}

    *_, headers = simulated.request("GET", "https://api.stripe.com/v1/events", {})
    assert abs(parsedate_to_datetime(headers["Date"]) - orm.utc_now()) < dt.timedelta(seconds=3)


def test_the_room_offers_the_next_renewal_only_when_something_renews(app: Flask) -> None:
    browser = app.test_client()
    room = browser.get("/_stripe/").text

    assert re.findall(r'name="by"\s+value="(\w+)"', room) == ["hour", "day", "month"]
    place = submit(browser, "/_stripe/", "/_stripe/clock", seen="0", by="renewal", course="paid")
    assert place == "/_stripe/?said=not-moved#clock"
    assert orm.utc_now() - orm.machine_now() < dt.timedelta(seconds=1)
