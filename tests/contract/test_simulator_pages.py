"""The pages of the simulated Stripe: the hosted checkout as a buyer uses it, the control room, and who may see them."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect

import webapp
from tests.contract.clock import Clock
from tests.contract.conftest import BASE_URL
from tests.contract.test_simulator_checkout import open_session
from webapp.simulator import SimulatedHTTPClient, register

PAY = "/_stripe/c/pay"


@pytest.fixture
def app(simulated: SimulatedHTTPClient) -> Flask:
    """A bare application that has nothing but the simulated Stripe's pages."""
    root = Path(webapp.__file__).parent
    app = Flask("bare", root_path=str(root))
    app.config.update(TESTING=True, SECRET_KEY="secret", WTF_CSRF_TIME_LIMIT=None)
    CSRFProtect(app)
    register(app, simulated)
    return app


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def session(sdk: stripe.StripeClient, price_id: str) -> stripe.checkout.Session:
    return open_session(sdk, price_id, cancel_url=f"{BASE_URL}/dashboard/credits?checkout=cancelled")


def submit(browser: FlaskClient, page: str, action: str, **fields: str) -> str:
    """Post a form with the token of the page it is on; where it leads."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)
    assert token is not None, f"{page} has no form"
    answer = browser.post(action, data={**fields, "csrf_token": token[1]})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def pay(browser: FlaskClient, session_id: str, **fields: str) -> str:
    return submit(browser, f"{PAY}/{session_id}", f"{PAY}/{session_id}", **fields)


def test_the_page_shows_what_is_bought_and_the_way_back(browser: FlaskClient, session: stripe.checkout.Session) -> None:
    page = browser.get(f"{PAY}/{session.id}").text

    assert re.search(r"<h1[^>]*>Popular pack</h1>", page)
    assert "SIMULATED — no money" in page
    assert "Pay $35.00" in page
    assert re.findall(r"<d[td]>\s*([^<]+?)\s*</d[td]>", page) == [
        "1,000 credits",
        "$35.00",
        "Tax",
        "$0.00",
        "Total due",
        "$35.00",
    ]
    assert f'href="{BASE_URL}/dashboard/credits?checkout=cancelled"' in page
    assert re.findall(r'name="outcome"\s+value="(\w+)"', page) == [
        "succeeds",
        "declined",
        "insufficient_funds",
        "requires_action",
        "delayed_succeeds",
        "delayed_fails",
        "disputed",
    ]


def test_paying_leads_to_the_success_address_with_the_session_in_it(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    assert pay(browser, session.id, outcome="succeeds") == f"{BASE_URL}/done?session_id={session.id}"
    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_second_click_leads_to_the_same_place_and_charges_nothing(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{PAY}/{session.id}").text)
    assert token is not None
    form = {"outcome": "succeeds", "csrf_token": token[1]}

    places = [browser.post(f"{PAY}/{session.id}", data=form).headers["Location"] for _ in range(2)]

    assert places == [f"{BASE_URL}/done?session_id={session.id}"] * 2
    assert len(sdk.v1.charges.list().data) == 1


def test_a_decline_is_said_on_the_page_and_the_buyer_chooses_again(
    browser: FlaskClient, session: stripe.checkout.Session
) -> None:
    assert pay(browser, session.id, outcome="insufficient_funds") == f"{PAY}/{session.id}"
    page = browser.get(f"{PAY}/{session.id}").text
    assert "Your card has insufficient funds." in page
    assert "You have not been charged." in page

    assert pay(browser, session.id, outcome="succeeds").startswith(f"{BASE_URL}/done")


def test_the_bank_asks_on_a_page_of_its_own(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    bank = f"{PAY}/{session.id}/3ds"
    assert pay(browser, session.id, outcome="requires_action") == bank
    assert "Is this payment yours?" in browser.get(bank).text

    assert submit(browser, bank, bank, answer="fail") == f"{PAY}/{session.id}"
    assert "unable to authenticate" in browser.get(f"{PAY}/{session.id}").text
    assert browser.get(bank).status_code == 303, "the bank asks nothing now"

    pay(browser, session.id, outcome="requires_action")
    assert submit(browser, bank, bank, answer="authenticate") == f"{BASE_URL}/done?session_id={session.id}"
    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_buyer_who_closes_the_tab_is_not_sent_back(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient, price_id: str
) -> None:
    place = pay(browser, session.id, outcome="succeeds", **{"return": "none"})
    assert place == f"{PAY}/{session.id}/closed"
    assert "You can close this tab" in browser.get(place).text

    asked = open_session(sdk, price_id)
    bank = pay(browser, asked.id, outcome="requires_action", **{"return": "none"})
    page = browser.get(bank).text
    assert '<input type="hidden" name="return" value="none">' in page
    assert submit(browser, bank, f"{PAY}/{asked.id}/3ds", answer="authenticate", **{"return": "none"}).endswith(
        "/closed"
    )


def test_the_form_says_how_the_app_hears_of_it(
    browser: FlaskClient, session: stripe.checkout.Session, simulated: SimulatedHTTPClient, clock: Clock
) -> None:
    pay(browser, session.id, outcome="succeeds", webhook="late", duplicate="1")

    waiting = simulated.deliveries.waiting()
    assert {delivery.due_at for delivery in waiting} == {clock.now + 10}
    assert len(waiting) == 8


def test_a_paid_and_an_expired_session_say_so(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient, price_id: str, clock: Clock
) -> None:
    pay(browser, session.id, outcome="succeeds")
    assert "already complete" in browser.get(f"{PAY}/{session.id}").text

    late = open_session(sdk, price_id, expires_at=clock.now + 1800)
    clock.forward(1800)
    page = browser.get(f"{PAY}/{late.id}").text
    assert "has expired" in page
    assert "<form" not in page


def test_paying_an_expired_session_charges_nothing(
    browser: FlaskClient, sdk: stripe.StripeClient, price_id: str, clock: Clock
) -> None:
    late = open_session(sdk, price_id, expires_at=clock.now + 1800)
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{PAY}/{late.id}").text)
    assert token is not None
    clock.forward(1800)

    answer = browser.post(f"{PAY}/{late.id}", data={"outcome": "succeeds", "csrf_token": token[1]})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAY}/{late.id}")
    assert sdk.v1.charges.list().data == []


@pytest.mark.parametrize("fields", [{"outcome": "gift"}, {"webhook": "maybe"}])
def test_a_choice_that_does_not_exist_is_refused(
    browser: FlaskClient, session: stripe.checkout.Session, fields: dict[str, str], sdk: stripe.StripeClient
) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{PAY}/{session.id}").text)
    assert token is not None

    assert browser.post(f"{PAY}/{session.id}", data={**fields, "csrf_token": token[1]}).status_code == 400
    assert sdk.v1.charges.list().data == []


def test_no_form_works_without_its_token(
    browser: FlaskClient, app: Flask, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    unsafe = [rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(unsafe) == 26

    for rule in unsafe:
        assert browser.post(re.sub(r"<\w+>", session.id, rule)).status_code == 400
    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(
    "path", [f"{PAY}/cs_test_none", "/_stripe/objects/none", "/_stripe/events/none", "/_stripe/receipts/none"]
)
def test_what_does_not_exist_is_404(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).status_code == 404


AWAY: list[dict[str, Any]] = [
    {"REMOTE_ADDR": "192.0.2.7"},
    {"REMOTE_ADDR": ""},
    {"REMOTE_ADDR": "192.0.2.7", "werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "127.0.0.1"}},  # through a local proxy
    {"REMOTE_ADDR": "127.0.0.1", "werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "192.0.2.7"}},  # X-Forwarded-For forged
]


def test_other_machines_see_nothing(
    browser: FlaskClient, app: Flask, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/_stripe")]
    assert len(rules) == 42

    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(f"{PAY}/{session.id}").text)
    assert token is not None
    for rule in rules:
        path = re.sub(r"<[^>]+>", session.id, rule.rule)
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        form = {"csrf_token": token[1]} if method == "POST" else None
        for peer in AWAY:
            assert browser.open(path, method=method, data=form, environ_base=peer).status_code == 403, path
    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_the_control_room_shows_what_happened_and_resends(
    browser: FlaskClient, session: stripe.checkout.Session, simulated: SimulatedHTTPClient, clock: Clock
) -> None:
    assert "Nothing has happened yet" not in browser.get("/_stripe/").text
    pay(browser, session.id, outcome="succeeds")
    delivery = simulated.deliveries.waiting()[-1]
    simulated.deliveries.deliver(delivery, lambda *_: (503, "<b>down</b>"), now=clock.now)

    room = browser.get("/_stripe/").text
    page = browser.get(f"/_stripe/events/{delivery.event_id}").text

    assert "1: 503, " in room
    assert "2: planned for " in room
    assert "&lt;b&gt;down&lt;/b&gt;" in page
    assert "&#34;checkout.session.completed&#34;" in page
    again = submit(browser, "/_stripe/", f"/_stripe/events/{delivery.event_id}/resend")
    assert again == f"/_stripe/events/{delivery.event_id}"
    assert "3: planned for " in browser.get(again).text
    assert session.id in browser.get(f"/_stripe/objects/{session.id}").text


@pytest.mark.parametrize(("end", "payment_status"), [("succeeds", "paid"), ("fails", "unpaid")])
def test_the_control_room_ends_delayed_payments(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient, end: str, payment_status: str
) -> None:
    pay(browser, session.id, outcome="delayed_succeeds")
    intent_id = sdk.v1.payment_intents.list().data[0].id

    assert submit(browser, "/_stripe/", f"/_stripe/payments/{intent_id}/settle", end=end) == "/_stripe/"

    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == payment_status
    assert f"/_stripe/payments/{intent_id}/settle" not in browser.get("/_stripe/").text


def test_the_control_room_lets_a_session_expire(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    for _ in range(2):
        assert submit(browser, "/_stripe/", f"/_stripe/sessions/{session.id}/expire") == "/_stripe/"
        assert sdk.v1.checkout.sessions.retrieve(session.id).status == "expired"
        open_session(sdk, sdk.v1.prices.list().data[0].id)  # so that the room has a form for the second time


def test_a_charge_has_a_receipt_and_a_failed_one_has_none(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient
) -> None:
    pay(browser, session.id, outcome="declined")
    declined = sdk.v1.charges.list().data[0]
    assert declined.receipt_url is None
    assert browser.get(f"/_stripe/receipts/{declined.id}").status_code == 404

    pay(browser, session.id, outcome="succeeds")
    receipt_url = sdk.v1.charges.list().data[0].receipt_url
    assert receipt_url is not None
    receipt = browser.get(receipt_url.removeprefix(BASE_URL)).text
    assert "$35.00" in receipt
    assert "Refunded" not in receipt

    sdk.v1.refunds.create({"charge": sdk.v1.charges.list().data[0].id, "amount": 1050})
    assert re.findall(r"<dd>\s*(\$[^<]+?)\s*</dd>", browser.get(receipt_url.removeprefix(BASE_URL)).text) == [
        "$35.00",
        "$10.50",
    ]


def test_every_page_is_whole_and_works_without_scripts(
    browser: FlaskClient, session: stripe.checkout.Session, sdk: stripe.StripeClient, price_id: str
) -> None:
    asked = open_session(sdk, price_id)
    pay(browser, asked.id, outcome="requires_action")
    paid = open_session(sdk, price_id)
    pay(browser, paid.id, outcome="succeeds")
    event_id = sdk.v1.events.list().data[0].id
    charge_id = sdk.v1.charges.list().data[0].id
    pages = [
        f"{PAY}/{session.id}",
        f"{PAY}/{asked.id}/3ds",
        f"{PAY}/{paid.id}",
        f"{PAY}/{paid.id}/closed",
        f"{PAY}/{paid.id}/confirming",
        "/_stripe/",
        f"/_stripe/events/{event_id}",
        f"/_stripe/objects/{paid.id}",
        f"/_stripe/receipts/{charge_id}",
    ]
    for page in pages:
        answer = browser.get(page)
        text = answer.text
        assert answer.status_code == 200, page
        assert len(re.findall("<h1", text)) == 1, page
        assert re.search(r"<title>[^<]+ · Simulated Stripe</title>", text), page
        assert not re.search(r"<script|<style| style=| on\w+=|javascript:", text), page
        assert "SIMULATED — no money" in text, page
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), page
        for form in re.findall(r"<form[^>]*>", text):
            assert re.search(r'action="/_stripe/[^"]+"', form), page
            assert 'method="post"' in form, page


def test_the_delivery_thread_starts_with_the_first_request_served_and_never_in_a_test(
    browser: FlaskClient, app: Flask, simulated: SimulatedHTTPClient
) -> None:
    before = set(threading.enumerate())

    def started() -> list[str]:
        """The threads since then, whatever other tests left running."""
        return [thread.name for thread in threading.enumerate() if thread not in before]

    browser.get("/_stripe/")
    assert started() == []

    app.testing = False
    browser.get("/_stripe/")
    assert started() == ["simulated-stripe"]
    simulated.courier.stop()
    assert started() == []
