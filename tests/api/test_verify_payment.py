"""GET /api/billing/verify-payment: settles the caller's own purchase if it can, and tells the truth either way."""

import datetime as dt

import pytest
import time_machine
from sqlalchemy import select

from tests.api.calling import answer, problem
from webapp.billing.models import Purchase
from webapp.extensions import db, end_reading
from webapp.ledger.models import Grant
from webapp.orm import utc_now

PATH = "/api/billing/verify-payment"
CHECKOUT = "/api/billing/checkout"
WELCOME = 20


@pytest.fixture
def simulator(app):
    return app.extensions["simulator"]


@pytest.fixture
def opened(api):
    return answer(api.post(CHECKOUT, {"pack": "popular"}), 201)


def bought(account_id):
    end_reading()
    return list(
        db.session.scalars(select(Grant.granted).where(Grant.account_id == account_id, Grant.source_kind == "purchase"))
    )


def verify(api, opened, **more):
    return answer(api.get(PATH, session_id=opened["session_id"], **more))


def balance_of(available):
    return {"available": available, "held": 0}


def test_a_purchase_nobody_has_paid_is_open(api, opened):
    assert verify(api, opened) == {"status": "open", "credits_granted": 0, "balance": balance_of(WELCOME)}


def test_a_paid_purchase_is_granted_without_any_webhook_and_once(api, opened, simulator):
    simulator.pay(opened["session_id"])
    paid = {"status": "paid", "credits_granted": 1000, "balance": balance_of(1000 + WELCOME)}
    for _ in range(3):
        assert verify(api, opened) == paid
    assert bought(api.user.account_id) == [1000]
    assert answer(api.get("/api/credits/balance"))["available"] == 1000 + WELCOME


@pytest.mark.parametrize(
    ("outcome", "status", "granted"),
    [("delayed_succeeds", "processing", 0), ("delayed_fails", "processing", 0), ("declined", "open", 0)],
)
def test_money_that_has_not_arrived_grants_nothing(api, opened, simulator, outcome, status, granted):
    simulator.pay(opened["session_id"], outcome)
    assert verify(api, opened) == {"status": status, "credits_granted": granted, "balance": balance_of(WELCOME)}
    assert bought(api.user.account_id) == []


@pytest.mark.parametrize(("end", "status", "credits"), [("succeeds", "paid", 1000), ("fails", "failed", 0)])
def test_a_delayed_payment_is_told_when_it_has_ended(api, opened, simulator, end, status, credits):
    simulator.pay(opened["session_id"], "delayed_succeeds")
    assert verify(api, opened)["status"] == "processing"
    with simulator.store.reading() as state:
        (intent,) = state.rows("SELECT id FROM sim_object WHERE type = 'payment_intent'")
    simulator.settle(intent["id"], end)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6)):  # Stripe is asked every 5 s at most
        found = verify(api, opened)
    assert found == {"status": status, "credits_granted": credits, "balance": balance_of(credits + WELCOME)}


def test_when_stripe_is_gone_the_stored_state_is_told(api, opened, simulator):
    simulator.pay(opened["session_id"])
    simulator.faults.refuse_connection("GET", "/v1/checkout/sessions/{id}", times=9)
    assert verify(api, opened) == {"status": "open", "credits_granted": 0, "balance": balance_of(WELCOME)}
    simulator.faults.clear()
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6)):
        assert verify(api, opened)["status"] == "paid"


def test_anothers_session_is_as_missing_as_none(api, other_api, opened, simulator):
    simulator.pay(opened["session_id"])
    missing = problem(other_api.get(PATH, session_id="cs_test_nothing"), 404, "unknown_purchase")
    assert problem(other_api.get(PATH, session_id=opened["session_id"]), 404, "unknown_purchase") == missing
    for name in ("account", "account_id", "userId", "user_id"):
        owner = {name: api.user.account_id}
        problem(other_api.get(PATH, session_id=opened["session_id"], **owner), 404, "unknown_purchase")
    assert bought(api.user.account_id) == bought(other_api.user.account_id) == []
    end_reading()
    assert db.session.scalar(select(Purchase.state)) == "open"  # the stranger's question has settled nothing


def test_a_parameter_cant_name_another_account(api, other_api, opened, simulator):
    simulator.pay(opened["session_id"])
    found = verify(api, opened, userId=other_api.user.id, account=other_api.user.account_id)
    assert found["balance"] == balance_of(1000 + WELCOME)
    assert bought(other_api.user.account_id) == []


def test_a_session_id_that_cant_be_is_refused(api):
    for query in ({}, {"session_id": ""}, {"session_id": "a" * 256}, {"session_id": "cs_test_1\x00"}):
        found = problem(api.get(PATH, **query), 422, "invalid_request")
        assert [fault["field"] for fault in found["fields"]] == ["session_id"]


def test_any_other_text_is_a_session_that_does_not_exist(api, opened):
    for session_id in ("€", "' OR 1=1--", "cs_%", "a" * 255):
        problem(api.get(PATH, session_id=session_id), 404, "unknown_purchase")


def test_twenty_questions_a_minute_and_then_a_wait(api, other_api, opened):
    with time_machine.travel(utc_now(), tick=False):
        for _ in range(20):
            verify(api, opened)
        refused = api.get(PATH, session_id=opened["session_id"])
        problem(refused, 429, "too_many_requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 61
        problem(other_api.get(PATH, session_id="cs_x"), 404, "unknown_purchase")
        answer(api.post(CHECKOUT, {"pack": "small"}), 201)  # its own count


def test_nobody_has_no_payment(anonymous_api, opened):
    problem(anonymous_api.get(PATH, session_id=opened["session_id"]), 401, "not_signed_in")
