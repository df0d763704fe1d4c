"""A subscription's page in the control room, the hosted page of an invoice, the checkout page of a plan."""

import re
from pathlib import Path
from typing import get_args

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect

import webapp
from tests.contract.clock import Clock
from tests.contract.stripe_types import evaluated
from tests.contract.subscribing import Plans, latest_invoice, make_plans, open_subscription, subscribe
from webapp.simulator import SimulatedHTTPClient, register
from webapp.simulator.choices import SUBSCRIPTION_CHIPS
from webapp.simulator.subscription_pages import ACTS

PAY = "/_stripe/c/pay"


@pytest.fixture
def browser(simulated: SimulatedHTTPClient) -> FlaskClient:
    app = Flask("bare", root_path=str(Path(webapp.__file__).parent))
    app.config.update(TESTING=True, SECRET_KEY="secret", WTF_CSRF_TIME_LIMIT=None)
    CSRFProtect(app)
    register(app, simulated)
    return app.test_client()


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    return make_plans(sdk)


class Room:
    """The page of one subscription, and its buttons."""

    def __init__(self, browser: FlaskClient, subscription_id: str) -> None:
        self.browser = browser
        self.path = f"/_stripe/subscriptions/{subscription_id}"

    @property
    def text(self) -> str:
        return self.browser.get(self.path).text

    @property
    def buttons(self) -> list[str]:
        """The names of what may be done to it."""
        return re.findall(r'name="act"\s+value="(\w+)"', self.text.split('id="invoices-t"')[0])

    def press(self, action: str, **fields: str) -> str:
        """Post a form of the page; what the page says then."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.text)
        seen = re.search(r'name="seen" value="([^"]+)"', self.text)
        assert token is not None
        form = {"csrf_token": token[1], **({"seen": seen[1]} if seen else {}), **fields}
        answer = self.browser.post(action if action.startswith("/") else f"{self.path}/{action}", data=form)
        assert answer.status_code == 303, answer.text
        said = re.search(r'class="chip chip--info">([^<]+)</p>', self.browser.get(answer.headers["Location"]).text)
        return said[1] if said else ""

    def act(self, act: str) -> str:
        return self.press("act", act=act)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_checkout_page_of_a_plan_says_how_much_how_often_and_free_until_when(
    browser: FlaskClient, sdk: stripe.StripeClient, plans: Plans
) -> None:
    monthly = words(browser.get(f"{PAY}/{open_subscription(sdk, plans.plus).id}").text)
    assert "Plus $12.00 per month" in monthly
    assert "Total due today $12.00" in monthly
    assert "Subscribe" in monthly
    assert "Card is declined" in monthly
    assert "Bank payment" not in monthly

    trial = open_subscription(sdk, plans.yearly, subscription_data={"trial_period_days": 14})
    free = words(browser.get(f"{PAY}/{trial.id}").text)
    assert "14 days free Then $120.00 per year, from 2 Dec 2026" in free
    assert "Total due today $0.00" in free
    assert "Start the trial" in free
    assert "Card is declined" not in free


@pytest.mark.parametrize("outcome", ["delayed_succeeds", "delayed_fails"])
def test_nobody_subscribes_by_bank_debit(
    browser: FlaskClient, sdk: stripe.StripeClient, plans: Plans, outcome: str
) -> None:
    session = open_subscription(sdk, plans.plus)
    page = browser.get(f"{PAY}/{session.id}").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None

    assert browser.post(f"{PAY}/{session.id}", data={"csrf_token": token[1], "outcome": outcome}).status_code == 400
    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_decline_and_the_banks_question_are_shown_though_the_session_has_no_intent(
    browser: FlaskClient, sdk: stripe.StripeClient, plans: Plans
) -> None:
    session = open_subscription(sdk, plans.plus)
    room = Room(browser, "none")
    room.path = f"{PAY}/{session.id}"

    room.press(room.path, outcome="declined")
    assert "Your card was declined." in room.text
    room.press(room.path, outcome="requires_action")
    assert browser.get(f"{room.path}/3ds").status_code == 200
    room.path += "/3ds"
    room.press(room.path, answer="authenticate")

    paid = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status, paid.payment_intent) == ("complete", "paid", None)


def test_the_room_renews_and_fails_and_retries_and_voids(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    room = Room(browser, subscription_id)
    assert subscription_id in browser.get("/_stripe/").text

    assert room.press("renew", course="paid") == "Done."
    assert room.press("renew", course="failed") == "Done."
    assert "Past due" in room.text
    invoice_id = latest_invoice(sdk, subscription_id).id
    assert room.press(f"/_stripe/invoices/{invoice_id}/act", act="failed", seen="1") == "Done."
    assert room.press(f"/_stripe/invoices/{invoice_id}/act", act="failed", seen="1").startswith("Nothing was done")
    assert sdk.v1.invoices.retrieve(invoice_id).attempt_count == 2
    assert room.press(f"/_stripe/invoices/{invoice_id}/act", act="void", seen="2") == "Done."
    assert sdk.v1.invoices.retrieve(invoice_id).status == "void"
    assert sdk.v1.subscriptions.retrieve(subscription_id).status == "active"


def test_a_stale_form_does_nothing(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    room = Room(browser, subscription_id)
    seen = re.findall(r'name="seen" value="([^"]+)"', room.text)[0]

    assert room.press("renew", course="paid", seen=seen) == "Done."
    assert room.press("renew", course="paid", seen=seen).startswith("Nothing was done")
    assert room.press("act", act="cancel", seen=seen).startswith("Nothing was done")

    assert len(sdk.v1.invoices.list({"subscription": subscription_id}).data) == 2


def test_every_button_of_the_room_is_offered_when_it_can_be_pressed(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    room = Room(browser, subscribe(sdk, simulated, plans.plus).id)
    offered = set(room.buttons)
    for act in ("cancel_later", "resume", "pause", "resume_collection"):
        assert act in room.buttons
        assert room.act(act) == "Done."
        offered |= {*room.buttons}
    assert "canceled" not in room.buttons
    room.press("renew", course="failed")
    offered |= {*room.buttons}
    assert room.act("unpaid") == "Done."
    assert "unpaid" not in room.buttons
    assert room.act("canceled") == "Done."

    assert room.buttons == []
    assert offered == ACTS.keys()


def test_the_room_switches_plans_and_cards(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    room = Room(browser, subscription.id)

    assert room.press("switch", price=plans.pro, when="period_end") == "Done."
    assert re.search(r"From the next period</dt>\s*<dd>\s*Pro", room.text)
    assert room.press("switch", price=plans.pro, when="now") == "Done."
    assert "<h1>Pro, $30.00 per month</h1>" in room.text
    assert "From the next period" not in room.text
    assert room.press("card", last4="0341") == "Done."
    assert "•••• 0341" in room.text


def test_a_plan_that_does_not_exist_is_refused_in_words(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    room = Room(browser, subscribe(sdk, simulated, plans.plus).id)
    token = re.search(r'name="csrf_token" value="([^"]+)"', room.text)
    seen = re.search(r'name="seen" value="([^"]+)"', room.text)
    assert token is not None
    assert seen is not None

    answer = browser.post(
        f"{room.path}/switch", data={"csrf_token": token[1], "seen": seen[1], "price": "price_none", "when": "now"}
    )

    assert answer.status_code == 400
    assert "No such price: &#39;price_none&#39;" in answer.text


def test_the_hosted_invoice_is_shown_and_paid(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.renew(subscription_id, "asks")
    invoice = latest_invoice(sdk, subscription_id)
    assert invoice.hosted_invoice_url is not None
    path = invoice.hosted_invoice_url.removeprefix("http://127.0.0.1:8000")
    room = Room(browser, subscription_id)
    room.path = path

    assert "The bank wants to ask the buyer." in room.text
    room.press(f"{path}/pay", course="failed")
    assert "Your card was declined." in room.text
    room.press(f"{path}/pay", course="paid")
    shown = words(room.text)
    assert f"Invoice {invoice.number} Paid" in shown
    assert "1 × Plus (at $12.00 / month)" in shown
    assert "<form" not in room.text
    assert sdk.v1.subscriptions.retrieve(subscription_id).status == "active"


def test_a_card_typed_on_the_invoice_pays_it_and_is_not_kept(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    trial = {"trial_period_days": 7}
    subscription_id = subscribe(
        sdk, simulated, plans.plus, subscription_data=trial, payment_method_collection="if_required"
    ).id
    simulated.renew(subscription_id)
    invoice = latest_invoice(sdk, subscription_id)
    room = Room(browser, subscription_id)
    room.path = f"/_stripe/i/{invoice.id}"
    assert "no attached payment source" in room.text

    room.press(f"{room.path}/pay", course="paid")

    paid = sdk.v1.subscriptions.retrieve(subscription_id)
    assert (sdk.v1.invoices.retrieve(invoice.id).status, paid.status) == ("paid", "active")
    assert paid.default_payment_method is None


def test_credit_is_on_the_invoice(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.pro).id
    simulated.switch_plan(subscription_id, plans.plus)
    given_back = words(browser.get(f"/_stripe/i/{latest_invoice(sdk, subscription_id).id}").text)
    assert "Unused time on Pro after 18 Nov 2026" in given_back
    assert "Kept as credit $18.00" in given_back

    simulated.renew(subscription_id)
    assert "From credit $12.00" in words(browser.get(f"/_stripe/i/{latest_invoice(sdk, subscription_id).id}").text)


@pytest.mark.parametrize("path", ["/_stripe/subscriptions/none", "/_stripe/i/none"])
def test_what_does_not_exist_is_404(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_a_draft_has_no_page(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.pause_collection(subscription_id, "keep_as_draft")
    simulated.renew(subscription_id)
    draft = latest_invoice(sdk, subscription_id)

    assert (draft.status, draft.hosted_invoice_url) == ("draft", None)
    assert browser.get(f"/_stripe/i/{draft.id}").status_code == 404
    assert draft.id in Room(browser, subscription_id).text


def test_the_pages_are_whole_and_work_without_scripts(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    ids = [
        subscribe(sdk, simulated, plans.plus, **more).id
        for more in ({}, {"subscription_data": {"trial_period_days": 3}})
    ]
    simulated.renew(ids[0], "failed")
    simulated.cancel(ids[1], at_period_end=False)
    invoice_id = latest_invoice(sdk, ids[0]).id
    for page in (*(f"/_stripe/subscriptions/{one}" for one in ids), f"/_stripe/i/{invoice_id}", "/_stripe/"):
        text = browser.get(page).text
        assert len(re.findall("<h1", text)) == 1, page
        assert re.search(r"<title>[^<]+ · Simulated Stripe</title>", text), page
        assert not re.search(r"<script|<style| style=| on\w+=|javascript:", text), page
        found = re.findall(r' id="([^"]+)"', text)
        assert len(found) == len(set(found)), page
        for form in re.findall(r"<form[^>]*>", text):
            assert re.search(r'action="/_stripe/[^"]+"', form), page
            assert 'method="post"' in form, page


def test_every_state_that_stripe_has_has_its_words() -> None:
    of_subscription, of_invoice = (
        set(get_args(get_args(evaluated(f"{kind}.__annotations__['status']", f"stripe._{kind.lower()}"))[0]))
        for kind in ("Subscription", "Invoice")
    )

    # Since basil, Checkout makes no subscription before it is paid.
    assert SUBSCRIPTION_CHIPS.keys() == (of_subscription | of_invoice) - {"incomplete", "incomplete_expired"}
