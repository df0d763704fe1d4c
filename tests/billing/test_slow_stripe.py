"""A call to Stripe takes time: what is written after it is dated after it, and nothing is sent too late."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import stripe
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.billing.buying import Buying
from webapp.billing.errors import CheckoutExpired, StripeUnreachable
from webapp.billing.models import Purchase
from webapp.billing.opening import SENDABLE
from webapp.extensions import db, transact
from webapp.ledger.models import Entry
from webapp.orm import utc_now
from webapp.worker.purchases import sweep_purchases

SLOW = dt.timedelta(seconds=9)
CREATE = ("POST", "/v1/checkout/sessions")


@pytest.fixture
def clock():
    """A clock that only the test moves."""
    with time_machine.travel(utc_now(), tick=False) as clock:
        yield clock


def slow_down(buying: Buying, clock: Any, takes: dt.timedelta = SLOW) -> Callable[[], int]:
    """Each call to Stripe takes this long from here on."""
    request, calls = buying.simulator.request, []

    def slow(*given: Any, **more: Any) -> Any:
        calls.append(1)
        clock.shift(takes)
        return request(*given, **more)

    buying.simulator.request = slow
    return lambda: len(calls)


def granted_at(purchase: Purchase) -> dt.datetime:
    entry = select(Entry.created_at).where(Entry.account_id == purchase.account_id, Entry.source_id == purchase.id)
    with Session(db.engine) as session:
        return session.scalars(entry).one()


def test_the_return_page_dates_the_credits_when_stripe_had_answered(buying, clock):
    purchase, began = buying.paid(), utc_now()
    slow_down(buying, clock)
    assert buying.settle(purchase, now=began).state == "paid"
    assert granted_at(purchase) == buying.purchase(purchase).settled_at == began + SLOW
    buying.assert_sound()


def test_the_sweep_dates_each_purchase_by_itself(buying, clock):
    purchases, began = [buying.paid("starter", key=f"form:{number}") for number in range(3)], utc_now()
    slow_down(buying, clock)
    assert sweep_purchases(began).settled == 3
    stored = sorted((buying.purchase(purchase) for purchase in purchases), key=lambda purchase: purchase.asked_at)
    assert [purchase.asked_at for purchase in stored] == [began, began + SLOW, began + 2 * SLOW]
    assert [granted_at(purchase) for purchase in stored] == [began + SLOW, began + 2 * SLOW, began + 3 * SLOW]
    buying.assert_sound()


def test_what_was_refused_after_a_slow_call_failed_when_the_answer_came(buying, clock):
    price_id = buying.start("popular", key="form:1").price_id
    stripe.StripeClient("sk_test_simulated", http_client=buying.simulator).v1.prices.update(price_id, {"active": False})
    slow_down(buying, clock)
    began = utc_now()
    with pytest.raises(Exception, match="Stripe refused"):
        buying.start("popular", key="form:2")
    (failed,) = transact(lambda session: list(session.scalars(select(Purchase).where(Purchase.state == "failed"))))
    assert failed.settled_at == began + SLOW


def test_parameters_are_not_sent_again_once_a_slow_refusal_has_used_up_their_life(buying, clock, monkeypatch):
    """The first sending is in time; the one without the refused e-mail address would not be."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)
    buying.simulator.faults.refuse_connection(*CREATE, times=2)
    with pytest.raises(StripeUnreachable):
        buying.start(key="form:1")
    clock.shift(SENDABLE - SLOW)
    refuse_email(buying)
    calls = slow_down(buying, clock)
    with pytest.raises(CheckoutExpired):
        buying.start(key="form:1")
    assert calls() == 1
    assert transact(lambda session: session.scalars(select(Purchase)).one().state) == "expired"


def refuse_email(buying: Buying) -> None:
    request = buying.simulator.request
    refusal = (
        '{"error": {"type": "invalid_request_error", "code": "email_invalid", "param": "customer_email",'
        ' "message": "No."}}'
    )

    def picky(method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        if "customer_email" in str(post_data):
            return refusal, 400, {"Stripe-Should-Retry": "false"}
        return request(method, url, headers, post_data, **more)

    buying.simulator.request = picky
