"""Subscribing, coming back, the portal: what the billing page's forms and addresses do."""

import dataclasses
import datetime as dt
import re

import pytest
import time_machine
from sqlalchemy import delete

from tests.api.books import spend
from tests.support.people import make_operator
from tests.views.subscriber import BILLING, Subscriber
from webapp.billing.models import StripePrice
from webapp.extensions import parts, transact
from webapp.orm import utc_now

SESSIONS, PORTALS = "/v1/checkout/sessions", "/v1/billing_portal/sessions"


@pytest.fixture
def one(app, user):
    return Subscriber.of(app, user)


def with_catalog(app, **plus):
    """The catalogue with another Plus, for all that follows."""
    known = app.extensions["refill"]
    plans = tuple(dataclasses.replace(plan, **plus) if plan.slug == "plus" else plan for plan in known.catalog.plans)
    app.extensions["refill"] = dataclasses.replace(known, catalog=dataclasses.replace(known.catalog, plans=plans))


def test_subscribing_leads_to_stripe_and_back_to_a_page_that_says_what_was_added(one):
    left = one.choose()
    assert left.status_code == 303
    opened = one.checkout()
    assert left.location == opened.session_url

    one.stripe.pay(opened.session_id)
    page = one.pages.open(f"{BILLING}?session_id={opened.session_id}")
    assert page.with_id("notice").text == "You're on Plus 500 credits added. Your new balance is 520 credits."
    assert "Active" in page.with_id("plan-card").text
    assert "every 2s" not in page.html
    assert page.with_id("plan-plus").text.endswith("Current plan")
    assert "Paid" in page.with_id("invoices").text

    again = one.pages.open(f"{BILLING}?session_id={opened.session_id}")
    assert "500 credits added. Your new balance is 520 credits." in again.text, "one grant, however often it is opened"
    assert one.pages.open(BILLING).with_id("notice").text == ""


def test_the_same_form_sent_twice_opens_one_checkout(one):
    page = one.pages.open(BILLING)
    first, second = one.choose(page=page), one.choose(page=page)
    assert first.location == second.location
    assert one.choose("plus").location == first.location, "the one that was left is taken up again"


def test_what_can_not_be_subscribed_to_is_refused_with_a_way_on(one):
    page = one.pages.open(BILLING)
    for typed, status in (({"plan": "free"}, 404), ({"plan": "gold"}, 404), ({"key": "x"}, 400), ({"key": ""}, 400)):
        assert one.choose(page=page, **typed).status_code == status, typed
    one.subscribe()
    refused = one.pages.page_of(one.choose("pro", page=page), status=409)
    assert refused.heading == "You have a subscription already"
    assert "You have not been charged." in refused.text
    (form,) = [form for form in refused.root.all("form") if form.attributes["action"] == "/billing/portal"]
    assert form.text == "Manage subscription"
    assert refused.links()["Back to billing"] == BILLING


def test_stripe_out_of_reach_is_told_and_nothing_was_charged(one):
    page = one.pages.open(BILLING)
    one.stripe.faults.refuse_connection("POST", SESSIONS, times=9)
    refused = one.pages.page_of(one.choose(page=page), status=503)
    assert refused.heading == "Stripe can't be reached"
    assert "You have not been charged." in refused.text
    assert refused.response.headers["Retry-After"]
    assert refused.links()["Back to billing"] == BILLING

    one.stripe.faults.clear()
    assert one.choose(page=page).status_code == 303, "the same form goes through later"


def test_too_many_checkouts_in_a_minute_must_wait(one):
    page = one.pages.open(BILLING)
    for _ in range(10):
        one.choose(page=page)
    refused = one.pages.page_of(one.choose(page=page), status=429)
    assert "You have not been charged" in refused.text


def test_coming_back_before_stripe_knows_is_confirmed_by_the_card_itself(one):
    opened = one.opened()
    page = one.pages.open(f"{BILLING}?session_id={opened.session_id}")
    card = page.with_id("plan-card")
    assert "Confirming your subscription" in card.text
    assert card.attributes["hx-trigger"] == "creditsChanged from:body, every 2s"
    assert f"url={BILLING}?session_id={opened.session_id}&amp;poll=1" in page.html, "for browsers without the script"

    one.stripe.pay(opened.session_id)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6), tick=False):
        told = one.pages.partial(card.attributes["hx-get"])
        assert told.response.headers["HX-Trigger-After-Settle"] == "creditsChanged"
        assert told.with_id("live").text == "You're on Plus. 500 credits added. Your new balance is 520 credits."
        assert "every 2s" not in told.html
        assert "Active" in told.with_id("plan-card").text
        quiet = one.pages.partial(told.with_id("plan-card").attributes["hx-get"])
        assert "HX-Trigger-After-Settle" not in quiet.response.headers


def test_the_card_stops_asking_after_ten_times(one):
    opened = one.opened()
    page = one.pages.open(f"{BILLING}?session_id={opened.session_id}")
    address, asked = page.with_id("plan-card").attributes["hx-get"], 0
    while "poll=" in address:
        card = one.pages.partial(address).with_id("plan-card")
        address, asked = card.attributes["hx-get"], asked + 1
    assert asked == 10
    assert "This is taking longer than usual" in card.text
    assert card.attributes["hx-trigger"] == "creditsChanged from:body"


def test_nobody_sees_what_became_of_the_checkout_of_another(one, stranger):
    opened = one.opened()
    one.stripe.pay(opened.session_id)
    for address in (f"{BILLING}?session_id={opened.session_id}", f"{BILLING}?session_id=cs_test_sim_none"):
        stranger.pages.open(address, status=404)
    stranger.pages.partial(f"/partials/plan-card?session_id={opened.session_id}", status=404)
    bought = one.left("small")
    one.pages.open(f"{BILLING}?session_id={bought.session_id}", status=404)


def test_leaving_the_checkout_says_that_no_money_was_taken_and_a_forged_address_says_nothing(one):
    assert one.pages.open(f"{BILLING}?checkout=cancelled").with_id("notice").text == ""
    opened = one.opened()
    page = one.pages.open(f"{BILLING}?checkout=cancelled")
    assert "Checkout cancelled No money was taken. Plus is still here if you want it." in page.text

    unsure = one.pages.open(f"{BILLING}?checkout=cancelled")
    assert "If you didn't pay, no money was taken." in unsure.text, "nobody asked again within 5 s"

    one.stripe.pay(opened.session_id)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6)):
        assert "You're on Plus" in one.pages.open(f"{BILLING}?checkout=cancelled").text
        assert one.pages.open(f"{BILLING}?checkout=cancelled").with_id("notice").text == ""


def test_an_expired_checkout_can_be_begun_again(one):
    opened = one.opened()
    with time_machine.travel(utc_now() + dt.timedelta(days=2)):
        page = Subscriber.of(one.app, one.user).pages.open(f"{BILLING}?session_id={opened.session_id}")
    assert "That checkout has expired You have not been charged." in page.text
    assert page.links()["See the plans"] == f"{BILLING}#plans"


def test_coming_from_the_portal_reads_the_subscription_again_before_drawing(one):
    one.subscribe()
    row = one.subscription()
    one.stripe.cancel(row.id, at_period_end=True)
    assert "Active" in one.pages.open(BILLING).with_id("plan-card").text, "no webhook came"

    page = one.pages.open(f"{BILLING}?portal=return")
    card = page.with_id("plan-card")
    assert "Cancelled: Plus ends on" in card.text
    assert "Keep it" in page.with_id("plan-plus").text
    assert card.attributes["hx-trigger"].endswith("every 2s")

    one.stripe.resume(row.id)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6), tick=False):
        told = one.pages.partial(card.attributes["hx-get"])
    assert told.response.headers["HX-Trigger-After-Settle"] == "creditsChanged"
    assert told.with_id("live").text == "Your plan has changed."
    assert "Renews on" in told.with_id("plan-card").text


def test_coming_from_the_portal_while_stripe_is_out_of_reach_shows_what_is_stored(one):
    one.subscribe()
    one.stripe.faults.refuse_connection("GET", "/v1/subscriptions/{id}", times=9)
    assert "Active" in one.pages.open(f"{BILLING}?portal=return").with_id("plan-card").text


def test_coming_from_stripe_too_often_must_wait_but_the_page_itself_never(one):
    for _ in range(20):
        one.pages.open(f"{BILLING}?portal=return")
    one.pages.open(f"{BILLING}?portal=return", status=429)
    for _ in range(3):
        one.pages.open(BILLING)


def test_the_portal_is_not_there_for_who_never_paid(one):
    page = one.pages.open(BILLING)
    assert not page.has_id("manage")
    token = page.root.all("input", name="csrf_token")[0].attributes["value"]
    refused = one.pages.page_of(one.pages.client.post("/billing/portal", data={"csrf_token": token}), status=409)
    assert refused.heading == "There is nothing to manage yet"
    unknown = one.pages.client.post("/billing/portal", data={"csrf_token": token, "flow": "everything"})
    assert unknown.status_code == 400


def test_portal_out_of_reach_is_told_with_a_way_back(one):
    one.subscribe()
    page = one.pages.open(BILLING)
    form = next(form for form in page.root.all("form") if form.has_id("manage"))
    data = {field.attributes["name"]: field.attributes["value"] for field in form.all("input")}
    one.stripe.faults.refuse_connection("POST", PORTALS, times=9)
    refused = one.pages.page_of(one.pages.client.post("/billing/portal", data=data), status=503)
    assert refused.heading == "Stripe can't be reached"
    assert refused.links()["Back to billing"] == BILLING

    one.stripe.faults.clear()
    one.stripe.faults.answer("POST", PORTALS, status=400, times=9)
    refused = one.pages.page_of(one.pages.client.post("/billing/portal", data={**data, "flow": "switch"}), status=503)
    assert "can't be opened right now. Nothing was changed." in refused.text
    assert refused.links()["Back to billing"] == BILLING


def test_first_subscription_begins_with_the_trial_of_the_catalogue_and_a_second_one_does_not(one):
    with_catalog(one.app, trial_days=14)
    page = one.pages.open(BILLING)
    assert page.with_id("plan-plus").text.endswith("Start 14-day trial")
    begun = one.subscribe()
    assert "You're on Plus 500 credits added." in begun.text
    assert re.search(r"Trial until .*, then \$19\.00 a month\.", begun.with_id("plan-card").text)

    one.stripe.cancel(one.subscription().id, at_period_end=False)
    ended = one.pages.open(f"{BILLING}?portal=return")
    assert "Plus ended on" in ended.with_id("plan-card").text
    assert ended.with_id("plan-plus").text.endswith("Subscribe")


def test_plan_that_stripe_can_not_sell_is_shown_to_operators_with_the_reason(one):
    transact(lambda session: session.execute(delete(StripePrice).where(StripePrice.lookup_key == "refill_plan_pro")))
    assert not one.pages.open(BILLING).has_id("plan-pro")
    operator = Subscriber.of(one.app, make_operator("support"))
    card = operator.pages.open(BILLING).with_id("plan-pro")
    assert "Only operators see this: Stripe has no Price refill_plan_pro. Run: flask stripe sync" in card.text
    assert not card.all("button")


def test_plan_that_is_not_sold_any_more_is_there_for_who_has_it(one, stranger):
    one.having()
    with_catalog(one.app, is_active=False)
    assert one.pages.open(BILLING).with_id("plan-plus").text.endswith("Current plan")
    assert not stranger.pages.open(BILLING).has_id("plan-plus")


def test_packs_for_subscribers_only_say_so_on_the_billing_page_and_lead_to_the_plans(one):
    known = one.app.extensions["refill"]
    packs = tuple(dataclasses.replace(pack, audience="subscribers") for pack in known.catalog.packs)
    one.app.extensions["refill"] = dataclasses.replace(known, catalog=dataclasses.replace(known.catalog, packs=packs))
    assert "Packs are for subscribers here" in one.pages.open(BILLING).with_id("plan-card").text
    locked = one.pages.open("/dashboard/credits").with_id("pack-small")
    assert [link.attributes["href"] for link in locked.all("a")] == [f"{BILLING}#plans"]
    one.having()
    assert "Packs are for subscribers here" not in one.pages.open(BILLING).text


def test_a_pack_of_a_plan_opens_and_closes_with_the_plan(one):
    for path, card in (("/dashboard/credits", "pack-plus-extra"), ("/dashboard", "extra-plus-extra")):
        locked = one.pages.open(path).with_id(card)
        assert "This pack is part of Plus. You're on Free. See Plus" in locked.text
        assert [link.attributes["href"] for link in locked.all("a")] == [f"{BILLING}#plan-plus"]
        assert not locked.all("form")
    packs = one.pages.open("/dashboard/credits")
    refused = one.pages.page_of(
        one.buy("small", page=packs, pack="plus-extra", terms=parts().catalog.pack("plus-extra").terms), status=403
    )
    assert refused.heading == "This is part of Plus"
    assert refused.links()["See Plus"] == f"{BILLING}#plan-plus"

    one.subscribe()
    assert "Buy Extra Credits" in one.pages.partial("/partials/plus-pack").text
    assert one.buy("plus-extra", page=one.pages.open("/dashboard")).status_code == 303
    assert "Locked" not in one.pages.partial("/partials/pack-grid").text

    one.stripe.cancel(one.subscription().id, at_period_end=False)
    one.pages.open(f"{BILLING}?portal=return")
    assert "Locked" in one.pages.partial("/partials/pack-grid").text
    assert "Locked" in one.pages.partial("/partials/plus-pack").text


def test_settings_tell_monthly_and_bonus_balance_apart_with_reset_and_totals(one):
    one.subscribe()
    balance = one.pages.open("/dashboard/settings").with_id("settings-balance").text
    for words in (
        "Monthly balance 500 Resets",
        "Bonus credits (bought or given) 20",
        "Purchased balance 0",
        "Bonus balance 20",
        "Ever purchased 0 Ever used 0",
    ):
        assert words in balance, balance


def test_history_tells_of_the_allowance_and_of_what_expired_of_it(one):
    one.having(period_ends_at=utc_now() + dt.timedelta(days=2))
    spend(one.user.account_id, 100)
    with time_machine.travel(utc_now() + dt.timedelta(days=3)):
        rows = Subscriber.of(one.app, one.user).pages.open("/dashboard/history").with_id("history-rows").text
    assert "Plus allowance" in rows
    assert re.search(r"Expired .* 400 from Plus allowance, given .* −400 balance after: 20", rows), rows


def test_a_catalogue_without_a_free_plan_says_that_there_is_none(one):
    known = one.app.extensions["refill"]
    paid = dataclasses.replace(known.catalog, plans=known.catalog.paid_plans)
    one.app.extensions["refill"] = dataclasses.replace(known, catalog=paid)
    page = one.pages.open(BILLING)
    assert "No plan You have no plan. Credits that you buy need none." in page.with_id("plan-card").text
    assert not page.has_id("plan-free")
    no_plans = dataclasses.replace(paid, plans=())
    one.app.extensions["refill"] = dataclasses.replace(known, catalog=no_plans)
    assert "No plans are on sale right now." in one.pages.open(BILLING).with_id("plans").text
