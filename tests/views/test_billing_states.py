"""The billing page in every state of a subscription: its words, what should be done, and its partials beside it."""

import datetime as dt

import pytest
import time_machine

from tests.api.books import spend
from tests.support.people import make_user
from tests.views.subscriber import BILLING, Subscriber
from tests.views.test_partials import masked
from webapp.billing.plan_objects import ENDED, ON_THE_PLAN

NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)
RENEWS = dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC)
FAILED = {"problem": "failed", "problem_at": NOW - dt.timedelta(days=2), "retries_at": NOW + dt.timedelta(days=1)}
INVOICE = "https://invoice.stripe.com/i/1"

# Each state: what Stripe says, the chip, what stands on the card, and what its first button does: a part of the
# portal, or an address. None: nothing needs to be done.
STATES = {
    "active": ({}, "Active", ["Plus", "$19.00 a month", "Renews on 1 Dec.", "Visa ending in 4242", "500 left"], None),
    "by the year": (
        {"billed_every": "year", "amount_minor": 19000},
        "Active",
        ["$190.00 a year"],
        None,
    ),
    "trial": (
        {"status": "trialing", "trial_ends_at": RENEWS},
        "Trial",
        ["Trial until 1 Dec, then $19.00 a month."],
        None,
    ),
    "trial without a card": (
        {"status": "trialing", "trial_ends_at": RENEWS, "card_brand": "", "card_last4": ""},
        "Trial",
        ["There is no way to pay yet", "Nothing yet", "Add a payment method"],
        None,
    ),
    "another plan to come": (
        {"next_plan_slug": "pro"},
        "Active",
        ["Switches to Pro ($49.00 a month, 2,000 credits) on 1 Dec."],
        None,
    ),
    "cancelled": (
        {"ends_at": RENEWS},
        "Ends 1 Dec",
        ["Cancelled: Plus ends on 1 Dec, and nothing more is charged.", "Keep Plus", "Expires 1 Dec"],
        "",
    ),
    "trial cancelled": ({"status": "trialing", "ends_at": RENEWS}, "Ends 1 Dec", ["Keep Plus"], ""),
    "past due": (
        {"status": "past_due", **FAILED},
        "Payment failed",
        [
            "Your last payment failed on 18 Nov",
            "Update your card to keep your Plus allowance.",
            "It is tried again on 21 Nov.",
        ],
        "payment_method",
    ),
    "past due and cancelled": (
        {"status": "past_due", "ends_at": RENEWS, **FAILED},
        "Payment failed",
        ["Your last payment failed on 18 Nov", "Plus ends on 1 Dec"],
        "payment_method",
    ),
    "past due, nobody told why": (
        {"status": "past_due"},
        "Payment failed",
        ["Your last payment failed"],
        "payment_method",
    ),
    "bank asks": (
        {"status": "past_due", **FAILED, "problem": "action", "invoice_url": INVOICE},
        "To confirm",
        ["Your bank wants you to confirm a payment", "Confirm it there to keep your Plus allowance."],
        INVOICE,
    ),
    "first payment open": (
        {"status": "incomplete", "invoice_url": INVOICE},
        "Not paid yet",
        ["The first payment isn't through yet", "nothing is charged"],
        INVOICE,
    ),
    "first payment open, no page of it": ({"status": "incomplete"}, "Not paid yet", ["Finish the payment"], ""),
    "never begun": (
        {"status": "incomplete_expired", "ended_at": NOW},
        "Not begun",
        ["Free", "The first payment for Plus didn't come through in time", "You have not been charged."],
        None,
    ),
    "unpaid": (
        {"status": "unpaid", **FAILED, "invoice_url": INVOICE},
        "Unpaid",
        ["Plus is not paid", "No new credits come until it is paid."],
        INVOICE,
    ),
    "trial over without a card": (
        {"status": "paused", "card_brand": "", "card_last4": ""},
        "Paused",
        ["Plus is paused", "The trial ended without a way to pay."],
        "payment_method",
    ),
    "payments paused": (
        {"is_paused": True},
        "Paused",
        ["Plus is paused for now", "No new credits come meanwhile"],
        None,
    ),
    "payments paused until": (
        {"is_paused": True, "resumes_at": RENEWS},
        "Paused",
        ["Plus is paused until 1 Dec"],
        None,
    ),
    "ended": ({"status": "canceled", "ended_at": NOW}, "Ended", ["Free", "Plus ended on 20 Nov."], None),
    "new to us": (
        {"status": "on_holiday"},
        "On holiday",
        ["Stripe calls its state “on_holiday”, which is new to us. Your credits are safe."],
        None,
    ),
}


@pytest.fixture
def at_noon():
    with time_machine.travel(NOW, tick=False):
        yield


def somebody(app, name):
    return Subscriber.of(app, make_user(f"{name.replace(' ', '-').replace(',', '')}@example.com"))


def looked_at(card):
    """What the first button does."""
    if not card.has_id("plan-act"):
        return None
    button = card.with_id("plan-act")
    if button.tag == "a":
        return button.attributes["href"]
    (form,) = [form for form in card.all("form") if form.has_id("plan-act")]
    return next((field.attributes["value"] for field in form.all("input", name="flow")), "")


def test_every_state_has_its_words_its_button_and_the_same_partials(app, at_noon):
    for name, (facts, chip, sentences, act) in STATES.items():
        one = somebody(app, name)
        one.having(period_ends_at=RENEWS, **facts)
        one.invoiced("R-0001")
        page = one.pages.open(BILLING)
        card = page.with_id("plan-card")
        for sentence in (chip, *sentences):
            assert sentence in card.text, (name, sentence, card.text)
        assert looked_at(card) == act, name
        for partial in ("plan-card", "plans", "invoices"):
            assert masked(one.pages.partial(f"/partials/{partial}").html) in masked(page.html), (name, partial)


def test_every_status_that_stripe_knows_is_among_them():
    known = {"trialing", "active", "past_due", "incomplete", "incomplete_expired", "unpaid", "paused", "canceled"}
    assert known <= {facts.get("status", "active") for facts, *_ in STATES.values()}
    assert known >= ENDED | ON_THE_PLAN


def test_what_keeps_a_plan_from_going_on_stands_on_every_page(app, at_noon):
    troubled = {
        "past due": "Your last payment failed on 18 Nov",
        "bank asks": "Your bank wants you to confirm a payment",
        "first payment open": "The first payment isn't through yet",
        "unpaid": "Plus is not paid",
        "trial over without a card": "Plus is paused",
        "payments paused": "Plus is paused for now",
    }
    for name, (facts, _, _, act) in STATES.items():
        one = somebody(app, f"{name} alert")
        one.having(period_ends_at=RENEWS, **facts)
        page = one.pages.open("/dashboard")
        if name not in troubled:
            assert page.has_id("alert-plan") is name.startswith(("past due", "first payment", "payments paused")), name
            continue
        banner = page.with_id("alert-plan")
        assert troubled[name] in banner.text
        if act == "payment_method":
            (flow,) = banner.all("input", name="flow")
            assert flow.attributes["value"] == "payment_method"
        elif act:
            assert act in page.html


VERBS = {
    "nobody": ({}, {"plus": "Subscribe", "pro": "Subscribe"}),
    "active": ({}, {"plus": "Current plan", "pro": "Upgrade"}),
    "better": ({"plan_slug": "pro"}, {"plus": "Switch", "pro": "Current plan"}),
    "ending": ({"ends_at": RENEWS}, {"plus": "Ends 1 Dec: Keep it", "pro": "Upgrade"}),
    "to come": ({"plan_slug": "pro", "next_plan_slug": "plus"}, {"plus": "From 1 Dec", "pro": "Current plan"}),
    "past due": ({"status": "past_due", **FAILED}, {"plus": "Current plan", "pro": "Upgrade"}),
    "incomplete": ({"status": "incomplete"}, {"plus": "Current plan", "pro": "Your present subscription comes first."}),
    "paused": ({"is_paused": True}, {"plus": "Current plan", "pro": "Your present subscription comes first."}),
    "ended": ({"status": "canceled", "ended_at": NOW}, {"plus": "Subscribe", "pro": "Subscribe"}),
}


def test_the_table_of_plans_has_the_verb_for_each_relation(app, at_noon):
    for name, (facts, verbs) in VERBS.items():
        one = somebody(app, f"{name} verbs")
        if name != "nobody":
            one.having(period_ends_at=RENEWS, **facts)
        page = one.pages.open(BILLING)
        for slug, verb in verbs.items():
            assert verb in page.with_id(f"plan-{slug}").text, (name, slug)
            assert page.with_id(f"plan-{slug}").text.count("Subscribe") == (verb == "Subscribe"), (name, slug)


def test_allowance_that_runs_out_is_told_in_words_and_never_rounds_to_all(app, at_noon):
    one = somebody(app, "meter")
    one.having(period_ends_at=RENEWS)
    for more, used, words, spoken, state in (
        (1, 1, "under 1% used", "under 1%, on track", "ok"),
        (398, 399, "80% used", "80%, on track", "ok"),
        (1, 400, "80% used, running low", "80%, running low", "warn"),
        (99, 499, "99% used, running low", "99%, running low", "warn"),
        (1, 500, "Used up", "100%, used up", "bad"),
    ):
        spend(one.user.account_id, more)
        card = one.pages.open(BILLING).with_id("plan-card")
        (meter,) = card.all("div", role="meter")
        assert meter.attributes["aria-valuenow"] == str(used)
        assert meter.attributes["aria-valuetext"] == f"{used} of 500 credits used, {spoken}"
        assert words in card.text
        assert [node for node in card if f"meter--{state}" in node.classes]
    assert "Resets 1 Dec" in card.text
    monthly = one.pages.open("/dashboard").with_id("balance-card").text
    assert "Monthly 0 Used up · resets 1 Dec" in monthly


def test_an_allowance_that_no_other_follows_expires_and_is_not_said_to_reset(app, at_noon):
    one = somebody(app, "last")
    one.having(period_ends_at=RENEWS, ends_at=RENEWS)
    assert "Expires 1 Dec" in one.pages.open(BILLING).with_id("plan-card").text
    monthly = one.pages.open("/dashboard").with_id("balance-card").text
    assert ("expires 1 dec" in monthly.lower(), "resets" in monthly) == (True, False)
    assert "Expires 1 Dec" in one.pages.open("/dashboard/settings").text
    spend(one.user.account_id, 500)
    assert "Monthly" not in one.pages.open("/dashboard").with_id("balance-card").text


def test_invoices_are_listed_newest_first_without_drafts(app, at_noon):
    one = somebody(app, "invoices")
    one.having(period_ends_at=RENEWS)
    one.invoiced("R-0001", made_at=NOW - dt.timedelta(days=40))
    one.invoiced("R-0002", "open", made_at=NOW)
    one.invoiced("R-0003", "draft", made_at=NOW)
    one.invoiced("R-0004", "void", made_at=NOW)
    listed = one.pages.open(BILLING).with_id("invoices")
    assert [row.text for row in listed.all("th", scope="row")] == ["R-0002", "R-0001"]
    assert "Pay it R-0002, at Stripe" in listed.text
    assert "11 Oct $19.00 View R-0001, at Stripe" in listed.text
