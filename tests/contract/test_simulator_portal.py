"""The pages of the customer portal: what a customer sees there, does there, and where they come back to."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect
from werkzeug.test import TestResponse

import webapp
from tests.contract.clock import Clock
from tests.contract.payments import forget
from tests.contract.portals import BILLING, configure, open_portal
from tests.contract.subscribing import Plans, latest_invoice, make_plans, open_subscription, period, subscribe, told
from webapp.simulator import SimulatedHTTPClient, register

DAY = 24 * 3600


@pytest.fixture
def browser(simulated: SimulatedHTTPClient) -> FlaskClient:
    app = Flask("bare", root_path=str(Path(webapp.__file__).parent))
    app.config.update(TESTING=True, SECRET_KEY="secret", WTF_CSRF_TIME_LIMIT=None)
    CSRFProtect(app)
    register(app, simulated)
    return app.test_client()


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    made = make_plans(sdk)
    configure(sdk, made)
    return made


class Portal:
    """One customer in the portal."""

    def __init__(self, browser: FlaskClient, opened: stripe.billing_portal.Session) -> None:
        self.browser = browser
        self.path = f"/_stripe/p/session/{opened.id}"

    def get(self, part: str = "") -> TestResponse:
        return self.browser.get(self.path + part)

    def words(self, part: str = "") -> str:
        """What a page says, in one line."""
        answer = self.get(part)
        assert answer.status_code == 200
        main = answer.text[answer.text.index("<main") :]
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main))).strip()

    def form(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of the form on a page that posts to `action`."""
        text = self.get(page).text
        found = re.search(rf'<form[^>]*action="{re.escape(self.path + action)}".*?</form>', text, re.DOTALL)
        assert found is not None, f"{page} has no form for {action}"
        return dict(re.findall(r'type="hidden"\s+name="(\w+)"\s+value="([^"]*)"', found[0]))

    def post(self, action: str, form: dict[str, str], **fields: str) -> TestResponse:
        return self.browser.post(self.path + action, data={**form, **fields})

    def submit(self, page: str, action: str, **fields: str) -> str:
        """Send the form of a page; where that leads, without the portal's own address."""
        answer = self.post(action, self.form(page, action), **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"].removeprefix(self.path)


@pytest.fixture
def subscription(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans) -> stripe.Subscription:
    """$12.00 a month, since now."""
    return subscribe(sdk, simulated, plans.plus)


@pytest.fixture
def portal(browser: FlaskClient, sdk: stripe.StripeClient, subscription: stripe.Subscription) -> Portal:
    return Portal(browser, open_portal(sdk, subscription.customer))


def date_of(seconds: int) -> str:
    import datetime as dt

    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment.day} {moment:%b %Y}"


def test_the_front_page_says_what_there_is_and_leads_back(
    portal: Portal, sdk: stripe.StripeClient, subscription: stripe.Subscription
) -> None:
    words = portal.words()
    invoice = latest_invoice(sdk, subscription.id)

    assert "Plus $12.00 per month" in words
    assert f"Renews on {date_of(period(subscription)[1])}." in words
    assert "Visa •••• 4242, until 12/2034" in words
    assert re.search(rf"{invoice.number} \d+ \w+ \d+ \$12.00 paid", words)
    page = portal.get().text
    assert f'href="{BILLING}"' in page
    assert f'href="{invoice.hosted_invoice_url}"' in page
    assert "SIMULATED — no money" in page


def test_a_customer_without_a_plan_sees_that(browser: FlaskClient, sdk: stripe.StripeClient, plans: Plans) -> None:
    words = Portal(browser, open_portal(sdk, sdk.v1.customers.create().id)).words()

    assert "There is no plan." in words
    assert "Payment method None." in words
    assert "Invoices None yet." in words


def test_an_upgrade_shows_what_it_costs_and_is_billed_that_once(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient,
    subscription: stripe.Subscription, plans: Plans, clock: Clock,
) -> None:  # fmt: skip
    start, end = period(subscription)
    clock.now = start + (end - start) // 2
    portal = Portal(browser, open_portal(sdk, subscription.customer))
    switch = f"/switch/{subscription.id}"
    assert re.search(r"Pro \$30.00 per month Choose .*Plus \$120.00 per year Choose", portal.words(switch))
    page = f"{switch}?price={plans.pro}"

    words = portal.words(page)
    assert "Unused time on Plus" in words
    assert "−$6.00" in words
    assert "Due today $9.00" in words
    assert told(simulated) == [], "looking at it does nothing"
    form = portal.form(page, switch)

    places = [portal.post(switch, form).headers["Location"] for _ in range(2)]

    assert [place.removeprefix(portal.path) for place in places] == ["?said=switched", "?said=nothing"]
    invoice = latest_invoice(sdk, subscription.id)
    assert (invoice.amount_paid, invoice.billing_reason) == (900, "subscription_update")
    assert sdk.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == plans.pro
    assert len(sdk.v1.invoices.list({"subscription": subscription.id}).data) == 2
    assert "Your plan was changed." in portal.words("?said=switched")


def test_a_downgrade_waits_for_the_period_and_can_be_taken_back(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.pro)
    portal = Portal(browser, open_portal(sdk, subscription.customer))
    switch = f"/switch/{subscription.id}"
    page = f"{switch}?price={plans.plus}"
    ends = date_of(period(subscription)[1])
    assert f"Nothing is due today. Pro goes on until {ends}." in portal.words(page)

    assert portal.submit(page, switch) == "?said=planned"
    assert f"From {ends} on: Plus, $12.00 per month." in portal.words()
    assert told(simulated) == ["subscription_schedule.created", "customer.subscription.updated"]
    assert portal.submit("", switch) == "?said=kept"
    assert "From " not in portal.words()

    assert portal.submit(page, switch) == "?said=planned"
    simulated.renew(subscription.id)
    assert sdk.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == plans.plus


def test_a_year_is_an_upgrade_and_a_month_again_comes_after_it(
    portal: Portal, sdk: stripe.StripeClient, subscription: stripe.Subscription, plans: Plans
) -> None:
    switch = f"/switch/{subscription.id}"

    assert "Due today $108.00" in portal.words(f"{switch}?price={plans.yearly}")
    assert portal.submit(f"{switch}?price={plans.yearly}", switch) == "?said=switched"
    start, end = period(sdk.v1.subscriptions.retrieve(subscription.id))
    assert 365 * DAY <= end - start <= 366 * DAY
    assert portal.submit(f"{switch}?price={plans.pro}", switch) == "?said=planned"


def test_a_plan_ends_with_its_period_and_goes_on_again(
    portal: Portal, sdk: stripe.StripeClient, subscription: stripe.Subscription, simulated: SimulatedHTTPClient
) -> None:
    cancel = f"/cancel/{subscription.id}"
    ends = re.findall(r'name="end"\s+value="(\w+)"', portal.get(cancel).text)
    assert ends == ["at_period_end", "immediately"], "what is configured comes first"
    form = portal.form(cancel, cancel)

    places = [portal.post(cancel, form, end="at_period_end").headers["Location"] for _ in range(2)]
    assert [place.removeprefix(portal.path) for place in places] == ["?said=ends", "?said=nothing"]
    assert told(simulated) == ["customer.subscription.updated"]
    assert sdk.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert f"Ends on {date_of(period(subscription)[1])}." in portal.words()

    assert portal.submit("", f"/resume/{subscription.id}") == "?said=resumed"
    assert not sdk.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_a_plan_ends_now(
    portal: Portal, sdk: stripe.StripeClient, subscription: stripe.Subscription, simulated: SimulatedHTTPClient
) -> None:
    cancel = f"/cancel/{subscription.id}"

    assert portal.submit(cancel, cancel, end="immediately") == "?said=ended"

    assert told(simulated) == ["customer.subscription.deleted"]
    assert "There is no plan." in portal.words()
    for part in (cancel, f"/switch/{subscription.id}"):
        assert portal.get(part).headers["Location"] == f"{portal.path}?said=nothing"


def test_the_card_is_changed_and_one_that_is_declined_is_not(
    portal: Portal, sdk: stripe.StripeClient, subscription: stripe.Subscription, simulated: SimulatedHTTPClient
) -> None:
    form = portal.form("/card", "/card")

    refused = portal.post("/card", form, last4="0002")
    assert (refused.status_code, "Your card was declined." in refused.text) == (400, True)
    assert told(simulated) == []
    places = [portal.post("/card", form, last4="0341").headers["Location"] for _ in range(2)]

    assert [place.removeprefix(portal.path) for place in places] == ["?said=card", "?said=nothing"]
    assert "Visa •••• 0341" in portal.words()
    simulated.renew(subscription.id)
    assert sdk.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert "The last payment has failed." in portal.words()


def deep_link(
    browser: FlaskClient, sdk: stripe.StripeClient, customer: Any, flow: dict[str, Any], **after: Any
) -> Portal:
    given = {**flow, **({"after_completion": after} if after else {})}
    return Portal(browser, open_portal(sdk, customer, flow_data=given))


def test_deep_links_open_their_part(
    browser: FlaskClient, sdk: stripe.StripeClient, subscription: stripe.Subscription, plans: Plans
) -> None:
    sub, item = subscription.id, subscription["items"].data[0].id
    confirm = {"subscription": sub, "items": [{"id": item, "price": plans.pro}]}
    for flow, part in (
        ({"type": "payment_method_update"}, "/card"),
        ({"type": "subscription_cancel", "subscription_cancel": {"subscription": sub}}, f"/cancel/{sub}"),
        ({"type": "subscription_update", "subscription_update": {"subscription": sub}}, f"/switch/{sub}"),
        (
            {"type": "subscription_update_confirm", "subscription_update_confirm": confirm},
            f"/switch/{sub}?price={plans.pro}",
        ),
    ):
        portal = deep_link(browser, sdk, subscription.customer, flow)
        assert portal.get().headers["Location"] == portal.path + part
        assert f'href="{BILLING}"' in portal.get(part).text, "the way back is the app"


def test_a_deep_link_that_is_done_goes_where_it_said(
    browser: FlaskClient, sdk: stripe.StripeClient, subscription: stripe.Subscription
) -> None:
    customer, card = subscription.customer, {"type": "payment_method_update"}

    goes = deep_link(browser, sdk, customer, card, type="redirect", redirect={"return_url": f"{BILLING}?done=1"})
    assert goes.post("/card", goes.form("/card", "/card"), last4="0002").status_code == 400, "that was not it"
    assert goes.get().status_code == 303
    assert goes.submit("/card", "/card", last4="4242") == f"{BILLING}?done=1"
    assert f'href="{BILLING}?done=1"' in goes.get().text

    says = deep_link(
        browser, sdk, customer, card, type="hosted_confirmation", hosted_confirmation={"custom_message": "Thank you"}
    )
    assert says.submit("/card", "/card", last4="4242") == "?said=card"
    assert says.words() == "Your payment method was changed. Thank you Return to Northwind"

    stays = deep_link(browser, sdk, customer, card)
    assert stays.submit("/card", "/card", last4="4242") == "?said=card"
    assert "Your plan" in stays.words()


def test_the_portal_has_only_what_is_configured(
    browser: FlaskClient, sdk: stripe.StripeClient, subscription: stripe.Subscription
) -> None:
    bare = sdk.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": False}}})
    portal = Portal(browser, open_portal(sdk, subscription.customer, configuration=bare.id))

    words = portal.words()
    assert not re.search(r"Change|Cancel|Invoices", words)
    for part in ("/card", f"/cancel/{subscription.id}", f"/switch/{subscription.id}"):
        assert portal.get(part).status_code == 404


def test_nobody_reaches_the_plan_of_another_customer(
    portal: Portal, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans,
    subscription: stripe.Subscription,
) -> None:  # fmt: skip
    other = subscribe(sdk, simulated, plans.pro)
    form = portal.form(f"/cancel/{subscription.id}", f"/cancel/{subscription.id}")

    for part in ("cancel", "switch", "resume"):
        assert portal.post(f"/{part}/{other.id}", form, end="immediately", price=plans.plus).status_code == 404
    assert portal.get(f"/cancel/{other.id}").status_code == 404
    assert portal.post(f"/switch/{subscription.id}", form, price="price_none").status_code == 400
    assert sdk.v1.subscriptions.retrieve(other.id).status == "active"
    assert portal.browser.get("/_stripe/p/session/bps_none").status_code == 404


def test_the_way_in_is_closed_after_an_hour(
    portal: Portal, subscription: stripe.Subscription, clock: Clock, sdk: stripe.StripeClient
) -> None:
    cancel = f"/cancel/{subscription.id}"
    form = portal.form(cancel, cancel)
    clock.forward(3600)

    assert "This portal is closed" in portal.words()
    assert "This portal is closed" in portal.post(cancel, form, end="immediately").text
    assert sdk.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_a_trial_says_what_comes_after_it_and_switches_for_nothing(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    session = open_subscription(sdk, plans.pro, subscription_data={"trial_period_days": 14})
    simulated.pay(session.id)
    forget(simulated)
    (subscription,) = sdk.v1.subscriptions.list().data
    portal = Portal(browser, open_portal(sdk, subscription.customer))
    assert re.search(r"Free until \d+ \w+ \d+, then \$30.00 per month.", portal.words())

    switch = f"/switch/{subscription.id}"
    assert "Due today $0.00" in portal.words(f"{switch}?price={plans.plus}")
    assert portal.submit(f"{switch}?price={plans.plus}", switch) == "?said=switched"


def test_every_page_of_the_portal_is_whole_and_works_without_scripts(
    portal: Portal, subscription: stripe.Subscription, plans: Plans
) -> None:
    switch = f"/switch/{subscription.id}"
    for part in ("", "/card", f"/cancel/{subscription.id}", switch, f"{switch}?price={plans.pro}"):
        text = portal.get(part).text
        assert len(re.findall("<h1", text)) == 1, part
        assert re.search(r"<title>[^<]+ · Simulated Stripe</title>", text), part
        assert not re.search(r"<script|<style| style=| on\w+=|javascript:", text), part
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), part
        for form in re.findall(r"<form[^>]*>.*?</form>", text, re.DOTALL):
            assert 'method="post"' in form, part
            assert 'name="csrf_token"' in form, part
            assert 'name="seen"' in form, part
