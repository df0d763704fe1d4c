"""The control room's buttons for hard situations, and the checkout page that waits for the webhook."""

import re
from pathlib import Path

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

import webapp
from tests.contract.clock import Clock
from tests.contract.conftest import BASE_URL
from tests.contract.test_simulator_checkout import open_session
from tests.contract.test_simulator_queue import attempts, types
from webapp.simulator import SimulatedHTTPClient, register
from webapp.simulator.choices import CALLS, FIRST_CALLS, TROUBLES
from webapp.simulator.events import Sending
from webapp.simulator.routes import ENDPOINTS
from webapp.simulator.signing import MANNERS
from webapp.simulator.waiting import Delivery

ROOM = "/_stripe/"


@pytest.fixture
def browser(simulated: SimulatedHTTPClient) -> FlaskClient:
    app = Flask("bare", root_path=str(Path(webapp.__file__).parent))
    app.config.update(TESTING=True, SECRET_KEY="secret", WTF_CSRF_TIME_LIMIT=None)
    CSRFProtect(app)
    register(app, simulated)
    return app.test_client()


@pytest.fixture
def paid(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> list[Delivery]:
    simulated.pay(open_session(sdk, price_id).id)
    return simulated.deliveries.waiting()


def post(browser: FlaskClient, action: str, *fields: tuple[str, object]) -> TestResponse:
    """Send a form of the control room."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(ROOM).text)
    assert token is not None
    return browser.post(f"/_stripe/{action}", data=MultiDict([*fields, ("csrf_token", token[1])]))


def press(browser: FlaskClient, action: str, *fields: tuple[str, object]) -> str:
    """Press a button of the control room; what the page says afterwards."""
    answer = post(browser, action, *fields)
    assert answer.status_code == 303, answer.text
    said = re.search(r'role="status">(.*?)</div>', browser.get(answer.headers["Location"]).text, re.DOTALL)
    assert said is not None
    return re.sub(r"<[^>]+>", "", said[1]).strip()


def test_everything_is_held_turned_around_and_let_go(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery]
) -> None:
    assert "Sent as they happen" in browser.get(ROOM).text

    assert press(browser, "deliveries", ("act", "hold")) == "Webhooks are held."
    assert "Everything is held" in browser.get(ROOM).text
    assert press(browser, "deliveries", ("act", "reverse")) == "The order is turned around."
    assert types(simulated.deliveries.waiting()) == types(paid)[::-1]
    shown = re.findall(r"<strong>([a-z_.]+)</strong>", browser.get(ROOM).text)
    assert shown == types(paid)[::-1], "the page has the order of sending"
    assert press(browser, "deliveries", ("act", "let_go")) == "Webhooks go out again."
    assert not any(delivery.is_held for delivery in simulated.deliveries.waiting())


def test_an_outage_begins_is_shown_plainly_and_ends(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery]
) -> None:
    assert "Start an outage" in browser.get(ROOM).text

    assert press(browser, "deliveries", ("act", "out")).startswith("An outage: the app is told nothing")
    room = browser.get(ROOM).text
    assert "Outage: everything is lost" in room
    assert "Start an outage" not in room
    assert "Hold everything" not in room
    assert "1: lost in the outage" in room
    assert (simulated.deliveries.is_out, simulated.deliveries.waiting()) == (True, [])
    assert press(browser, "deliveries", ("act", "back")).startswith("The outage is over.")
    assert "Sent as they happen" in browser.get(ROOM).text
    assert not simulated.deliveries.is_out


@pytest.mark.parametrize("manner", MANNERS)
def test_a_chosen_delivery_is_sent_in_the_chosen_manner(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock, manner: str
) -> None:
    simulated.deliveries.hold_all()
    chosen = [("delivery", paid[1].id), ("delivery", paid[3].id)]

    assert press(browser, "deliveries/chosen", ("act", "send"), ("manner", manner), *chosen).startswith("Sent.")

    due = simulated.deliveries.due(now=clock.now)
    assert [(found.id, found.manner) for found in due] == [(paid[1].id, manner), (paid[3].id, manner)]
    assert [found.id for found in simulated.deliveries.waiting() if found.is_held] == [paid[0].id, paid[2].id]


def test_chosen_deliveries_are_held_doubled_and_dropped(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery]
) -> None:
    press(browser, "deliveries/chosen", ("act", "hold"), ("delivery", paid[0].id))
    press(browser, "deliveries/chosen", ("act", "duplicate"), ("manner", "corrupt"), ("delivery", paid[1].id))
    press(browser, "deliveries/chosen", ("act", "drop"), ("delivery", paid[2].id))

    assert attempts(simulated, paid[0].event_id) == [("held", "held back")]
    assert [found.manner for found in simulated.deliveries.waiting()] == ["plain", "plain", "plain", "corrupt"]
    assert attempts(simulated, paid[2].event_id) == [("dropped", "dropped")]
    room = browser.get(ROOM).text
    assert "signature corrupted, duplicate" in room
    assert "1: dropped" in room


@pytest.mark.parametrize("chosen", [[], [("delivery", "999999")], [("delivery", "9" * 40)], [("delivery", "x")]])
def test_without_a_delivery_nothing_happens_and_the_page_says_so(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery], chosen: list[tuple[str, object]]
) -> None:
    assert press(browser, "deliveries/chosen", ("act", "drop"), *chosen).startswith("Nothing was chosen")
    assert simulated.deliveries.waiting() == paid


def test_an_event_is_resent_in_a_chosen_manner(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery]
) -> None:
    page = browser.get(f"/_stripe/events/{paid[0].event_id}").text
    assert re.findall(r'<option value="(\w+)"', page) == list(MANNERS)
    assert "forgotten, so refused" in page

    post(browser, f"events/{paid[0].event_id}/resend", ("manner", "old_secret"))

    assert simulated.deliveries.waiting()[-1].manner == "old_secret"


def test_a_call_is_made_to_fail_and_the_page_counts(
    browser: FlaskClient, raw_sdk: stripe.StripeClient, price_id: str, simulated: SimulatedHTTPClient
) -> None:
    asked = (("call", FIRST_CALLS[0]), ("fault", "lost_answer"), ("times", 2))
    assert press(browser, "faults", *asked) == "The next call will run into it."
    assert "2 will fail" in browser.get(ROOM).text

    with pytest.raises(stripe.APIConnectionError):
        open_session(stripe.StripeClient("sk_test_simulated", http_client=simulated, max_network_retries=0), price_id)

    assert "1 to come, met 1" in browser.get(ROOM).text
    assert press(browser, "faults/clear") == "Calls to Stripe work as they should."
    assert simulated.faults.armed() == []
    assert "Answered as they should be" in browser.get(ROOM).text


def test_every_call_and_every_fault_can_be_chosen(browser: FlaskClient, simulated: SimulatedHTTPClient) -> None:
    assert {f"{one.method} {one.path}" for one in ENDPOINTS} < set(CALLS)
    for call in CALLS:
        press(browser, "faults", ("call", call), ("fault", "500"), ("times", "1"))
    for trouble in TROUBLES:
        press(browser, "faults", ("call", "* *"), ("fault", trouble.name), ("times", "1"))

    assert simulated.faults.coming == len(CALLS) + len(TROUBLES)
    room = browser.get(ROOM).text
    assert all(room.count(trouble.words) >= 2 for trouble in TROUBLES), "offered and armed"


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("deliveries", {"act": "burn"}),
        ("deliveries/chosen", {"act": "burn"}),
        ("deliveries/chosen", {"act": "send", "manner": "shouted"}),
        ("faults", {"call": "GET /v1/nothing"}),
        ("faults", {"fault": "flood"}),
        ("faults", {"times": "0"}),
        ("faults", {"times": "21"}),
        ("faults", {"times": "often"}),
    ],
)
def test_what_no_button_offers_is_refused(
    browser: FlaskClient, simulated: SimulatedHTTPClient, paid: list[Delivery], action: str, fields: dict[str, str]
) -> None:
    assert post(browser, action, *fields.items()).status_code == 400
    assert (simulated.deliveries.waiting(), simulated.faults.armed()) == (paid, [])


def test_the_page_says_only_its_own_sentences(browser: FlaskClient) -> None:
    assert "<b>" not in browser.get(f"{ROOM}?said=<b>hello</b>").text
    assert "hello" not in browser.get(f"{ROOM}?said=hello").text


def confirming(browser: FlaskClient, session_id: str) -> TestResponse:
    return browser.get(f"/_stripe/c/pay/{session_id}/confirming")


@pytest.mark.parametrize("outcome", ["succeeds", "requires_action", "delayed_succeeds"])
def test_the_page_waits_for_the_apps_answer_before_the_buyer_goes_back(
    browser: FlaskClient,
    sdk: stripe.StripeClient,
    simulated: SimulatedHTTPClient,
    price_id: str,
    clock: Clock,
    outcome: str,
) -> None:
    session_id = open_session(sdk, price_id).id
    pay = ("outcome", outcome), ("webhook", "before")
    place = post(browser, f"c/pay/{session_id}", *pay).headers["Location"]
    if outcome == "requires_action":
        place = post(browser, f"c/pay/{session_id}/3ds", ("answer", "authenticate")).headers["Location"]

    assert place == f"/_stripe/c/pay/{session_id}/confirming"
    page = confirming(browser, session_id)
    assert (page.status_code, page.headers["Refresh"]) == (200, "1")
    assert f'href="{BASE_URL}/done?session_id={session_id}"' in page.text, "nobody has to wait"
    for delivery in simulated.deliveries.due(now=clock.now):
        simulated.deliveries.deliver(delivery, lambda *_: (200, "ok"), now=clock.now)
    answer = confirming(browser, session_id)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{BASE_URL}/done?session_id={session_id}")


def test_the_page_waits_ten_seconds_and_no_longer(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    session_id = open_session(sdk, price_id).id
    assert confirming(browser, session_id).headers["Location"] == f"/_stripe/c/pay/{session_id}", "not paid yet"
    simulated.pay(session_id, sending=Sending(webhook="before"))
    clock.forward(9)
    assert confirming(browser, session_id).status_code == 200
    clock.forward(1)
    assert confirming(browser, session_id).headers["Location"].startswith(f"{BASE_URL}/done")


def test_the_page_does_not_wait_for_a_webhook_that_was_dropped(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    session_id = open_session(sdk, price_id).id
    simulated.pay(session_id, sending=Sending(webhook="before"))
    simulated.deliveries.drop(*simulated.deliveries.waiting(), now=clock.now)

    assert confirming(browser, session_id).headers["Location"].startswith(f"{BASE_URL}/done")
