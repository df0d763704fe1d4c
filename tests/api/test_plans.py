"""Plans over the API: subscribing once, what became of it, the subscription as it is, the portal, the catalogue."""

import datetime as dt

import pytest
import time_machine
from sqlalchemy import select, update

from tests.api.calling import answer, problem
from webapp.billing.models import Purchase, StripePrice
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.extensions import db, end_reading, parts, transact
from webapp.orm import utc_now

CHECKOUT = "/api/billing/checkout"
VERIFY = "/api/billing/verify-payment"
SUBSCRIPTION = "/api/billing/subscription"
PORTAL = "/api/billing/portal"
WELCOME = 20


@pytest.fixture
def simulator(app):
    return app.extensions["simulator"]


def rows(kind):
    end_reading()
    return list(db.session.scalars(select(kind)))


def subscribe(api, simulator, plan="plus"):
    """Subscribed and settled by the return: the answer of the verification."""
    opened = answer(api.post(CHECKOUT, {"plan": plan}), 201)
    simulator.pay(opened["session_id"])
    return answer(api.get(VERIFY, session_id=opened["session_id"]))


def change(**facts):
    transact(lambda session: session.execute(update(Subscription).values(**facts)))


def test_a_checkout_of_a_plan_is_opened_and_nothing_else(api, simulator):
    opened = answer(api.post(CHECKOUT, {"plan": "plus"}), 201)
    assert set(opened) == {"checkout", "session_id", "url", "plan"}
    assert opened["plan"] == "plus"
    (stored,) = rows(PlanCheckout)
    assert (stored.id, stored.session_id, stored.session_url) == (
        opened["checkout"],
        opened["session_id"],
        opened["url"],
    )
    assert (stored.account_id, stored.user_id, stored.amount_minor) == (api.user.account_id, api.user.id, 1900)
    assert rows(Purchase) == []


def test_a_paid_plan_gives_its_allowance_once_and_is_told(api, simulator):
    opened = answer(api.post(CHECKOUT, {"plan": "plus"}), 201)
    unpaid = answer(api.get(VERIFY, session_id=opened["session_id"]))
    assert unpaid == {"status": "open", "credits_granted": 0, "balance": {"available": WELCOME, "held": 0}}
    simulator.pay(opened["session_id"])
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6), tick=False):
        paid = answer(api.get(VERIFY, session_id=opened["session_id"]))
        again = answer(api.get(VERIFY, session_id=opened["session_id"]))
    assert paid == {"status": "paid", "credits_granted": 500, "balance": {"available": 520, "held": 0}}
    assert again == paid


def test_another_accounts_checkout_of_a_plan_is_as_missing_as_none(api, other_api):
    opened = answer(api.post(CHECKOUT, {"plan": "plus"}), 201)
    problem(other_api.get(VERIFY, session_id=opened["session_id"]), 404, "unknown_purchase")


def test_a_payment_that_isnt_there_gives_nothing(api, simulator):
    """Stripe's words for a first payment that isn't there are told in the words of payments."""
    opened = answer(api.post(CHECKOUT, {"plan": "plus"}), 201)
    simulator.pay(opened["session_id"], "declined")
    unpaid = {"credits_granted": 0, "balance": {"available": WELCOME, "held": 0}}
    assert answer(api.get(VERIFY, session_id=opened["session_id"])) == {"status": "open", **unpaid}
    simulator.pay(opened["session_id"])
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6), tick=False):
        answer(api.get(VERIFY, session_id=opened["session_id"]))
    for word, status in (("incomplete", "processing"), ("incomplete_expired", "failed")):
        change(status=word, paid_starts_at=None, paid_ends_at=None)
        found = answer(api.get(VERIFY, session_id=opened["session_id"]))
        assert (found["status"], found["credits_granted"]) == (status, 0)


def test_a_plan_that_cant_be_subscribed_to_is_refused_and_nothing_is_written(api):
    for plan, status, code in (("nothing", 404, "unknown_plan"), ("free", 404, "unknown_plan")):
        assert problem(api.post(CHECKOUT, {"plan": plan}), status, code)["plan"] == plan
    lowered = update(StripePrice).where(StripePrice.lookup_key == "refill_plan_plus").values(amount_minor=1)
    transact(lambda session: session.execute(lowered))
    refused = api.post(CHECKOUT, {"plan": "plus"})
    assert "have not been charged" in problem(refused, 503, "plan_unavailable")["detail"]
    assert refused.headers["Retry-After"]
    assert rows(PlanCheckout) == []


def test_one_subscription_an_account(api, simulator):
    subscribe(api, simulator)
    refused = problem(api.post(CHECKOUT, {"plan": "pro"}), 409, "already_subscribed")
    assert refused["plan"] == "plus"
    assert "have not been charged" in refused["detail"]


def test_a_key_opens_one_checkout_and_answers_it_again(api, simulator):
    first = api.post(CHECKOUT, {"plan": "plus"}, key="order-1")
    again = api.post(CHECKOUT, {"plan": "plus"}, key="order-1")
    assert answer(again, 201) == answer(first, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    simulator.pay(answer(first, 201)["session_id"])
    answer(api.get(VERIFY, session_id=answer(first, 201)["session_id"]))
    assert answer(api.post(CHECKOUT, {"plan": "plus"}, key="order-1"), 201) == answer(first, 201)
    for body in ({"plan": "pro"}, {"plan": "plus", "note": "x"}, {"pack": "small"}):
        problem(api.post(CHECKOUT, body, key="order-1"), 422, "idempotency_conflict")
    answer(api.post(CHECKOUT, {"pack": "small"}, key="order-2"), 201)
    problem(api.post(CHECKOUT, {"plan": "plus"}, key="order-2"), 422, "idempotency_conflict")
    assert (len(rows(PlanCheckout)), len(rows(Purchase))) == (1, 1)


NOTHING = dict.fromkeys(
    (
        *("subscribed_to", "next_plan", "amount_minor", "currency", "interval", "period", "allowance"),
        *("trial_ends_at", "ends_at", "ended_at", "resumes_at", "problem", "paid_with"),
    )
)


def test_without_a_subscription_the_plan_that_costs_nothing_is_told(api):
    assert answer(api.get(SUBSCRIPTION)) == {**NOTHING, "plan": "free", "state": "none", "is_ending": False}


def test_a_subscription_is_told_with_what_is_left_of_its_allowance(api, simulator):
    subscribe(api, simulator)
    answer(api.post("/api/credits/spend", {"credits": 30}, key="work-1"), 201)
    found = answer(api.get(SUBSCRIPTION))
    period = found.pop("period")
    starts, ends = (dt.datetime.fromisoformat(period[name]) for name in ("starts_at", "ends_at"))
    assert dt.timedelta(days=28) <= ends - starts <= dt.timedelta(days=31)
    assert found.pop("allowance") == {"given": 500, "left": 470, "resets_at": period["ends_at"]}
    assert found.pop("paid_with") == {"brand": "visa", "last4": "4242"}
    expected = {name: None for name in NOTHING if name not in {"period", "allowance", "paid_with"}}
    expected |= {"plan": "plus", "state": "active", "subscribed_to": "plus", "is_ending": False}
    assert found == expected | {"amount_minor": 1900, "currency": "usd", "interval": "month"}


def test_each_turn_of_a_subscription_is_told(api, simulator):
    subscribe(api, simulator)
    then = utc_now() + dt.timedelta(days=3)
    told = then.isoformat().replace("+00:00", "Z")
    change(ends_at=then, next_plan_slug="pro")
    found = answer(api.get(SUBSCRIPTION))
    assert (found["is_ending"], found["ends_at"], found["next_plan"]) == (True, told, "pro")
    facts = {"problem_at": then, "retries_at": then, "invoice_url": "https://invoice.stripe.com/i/1"}
    change(status="past_due", problem="failed", **facts)
    found = answer(api.get(SUBSCRIPTION))
    assert (found["plan"], found["state"]) == ("plus", "past_due")
    assert found["problem"] == {"kind": "failed", "since": told, "retries_at": told, "url": facts["invoice_url"]}
    change(status="unpaid")
    found = answer(api.get(SUBSCRIPTION))
    assert (found["plan"], found["state"], found["subscribed_to"]) == ("free", "unpaid", "plus")
    change(status="active", is_paused=True, resumes_at=then)
    found = answer(api.get(SUBSCRIPTION))
    assert (found["plan"], found["state"], found["resumes_at"]) == ("free", "paused", told)
    change(status="a_new_word", is_paused=False)
    assert answer(api.get(SUBSCRIPTION))["state"] == "a_new_word"
    change(status="canceled", ended_at=then)
    found = answer(api.get(SUBSCRIPTION))
    assert (found["plan"], found["state"], found["ended_at"]) == ("free", "none", told)
    assert found["subscribed_to"] is None
    assert found["allowance"]["left"] == 500, "what was given stays to its end"


def test_the_portal_needs_something_to_manage_and_a_flow_we_know(api):
    assert "nothing to manage" in problem(api.post(PORTAL, {}), 409, "not_subscribed")["detail"]
    for body in ({"flow": "dance"}, {"flow": 1}, []):
        assert api.post(PORTAL, body).status_code in {400, 422}


def test_the_catalogue_opens_and_locks_by_the_callers_plan(api, simulator):
    found = answer(api.get("/api/catalog"))
    assert [pack["slug"] for pack in found["locked_packs"]] == ["plus-extra"]
    assert found["locked_packs"][0] == {
        "slug": "plus-extra",
        "name": "Plus extra",
        "credits": 200,
        "amount_minor": 599,
        "currency": "usd",
        "price": "$5.99",
        "needs_plan": "plus",
    }
    assert {plan["slug"]: plan["is_yours"] for plan in found["plans"]} == {"free": True, "plus": False, "pro": False}
    assert {plan["slug"]: plan["is_on_sale"] for plan in found["plans"]} == {"free": False, "plus": True, "pro": True}
    problem(api.post(CHECKOUT, {"pack": "plus-extra"}), 403, "pack_locked")
    subscribe(api, simulator)
    found = answer(api.get("/api/catalog"))
    assert "plus-extra" in [pack["slug"] for pack in found["packs"]]
    assert found["locked_packs"] == []
    assert [plan["slug"] for plan in found["plans"] if plan["is_yours"]] == ["plus"]
    assert answer(api.post(CHECKOUT, {"pack": "plus-extra"}), 201)["credits"] == 200


def test_a_shortfall_names_a_pack_that_the_plan_opens(api, simulator):
    subscribe(api, simulator)
    missing = problem(api.post("/api/credits/spend", {"credits": 520 + 150}, key="work-1"), 402, "insufficient_credits")
    assert missing["pack"] == "plus-extra"


def test_without_payments_there_is_nothing_to_subscribe_to(api, app):
    known = parts()
    app.extensions["refill"] = type(known)(known.settings, known.catalog, None)
    problem(api.post(CHECKOUT, {"plan": "plus"}), 503, "payments_off")
    problem(api.post(PORTAL, {}), 503, "payments_off")


def test_nobody_has_no_subscription(anonymous_api):
    problem(anonymous_api.get(SUBSCRIPTION), 401, "not_signed_in")
    problem(anonymous_api.post(PORTAL, {}), 401, "not_signed_in")
    problem(anonymous_api.post(CHECKOUT, {"plan": "plus"}), 401, "not_signed_in")
