"""The sweep over open purchases: the webhook never comes, the tab is closed, and the credits arrive."""

import datetime as dt
from typing import Any

import pytest
import stripe
from sqlalchemy import select
from structlog.testing import capture_logs

from webapp.billing.models import Purchase
from webapp.billing.opening import SENDABLE
from webapp.extensions import Parts, transact
from webapp.orm import utc_now
from webapp.worker.purchases import sweep_purchases
from webapp.worker.rounds import CHECKOUTS_PER_RUN, UNREACHABLE_UNTIL_REST, due_checkouts
from webapp.worker.sweeps import Swept

MINUTE = dt.timedelta(minutes=1)
READ = ("GET", "/v1/checkout/sessions/{id}")


def set_facts(purchase: Purchase, **facts: Any) -> None:
    def change(session: Any) -> None:
        stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
        for name, fact in facts.items():
            setattr(stored, name, fact)

    transact(change)


def due_after(purchase: Purchase, *, age: dt.timedelta, asked: dt.timedelta) -> bool:
    """Whether a purchase of this age that was asked about so long ago is due."""
    now = utc_now()
    set_facts(purchase, opened_at=now - age, asked_at=now - asked)
    return transact(lambda session: bool(due_checkouts(session, Purchase, "simulated", now=now)))


def test_what_was_paid_is_granted_although_nobody_told_us(buying):
    purchase = buying.paid()
    assert sweep_purchases(utc_now()) == Swept(settled=1)
    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])
    assert sweep_purchases(utc_now() + MINUTE) == Swept()
    buying.assert_sound()


def test_a_delayed_payment_is_followed_to_its_end(buying):
    purchase = buying.paid(outcome="delayed_succeeds")
    assert sweep_purchases(utc_now()) == Swept(settled=1)
    assert buying.purchase(purchase).state == "processing"
    buying.simulator.settle(buying.gateway.checkout(purchase.session_id).payment_intent_id, "fails")
    assert sweep_purchases(utc_now() + MINUTE) == Swept(settled=1)
    stored = buying.purchase(purchase)
    assert (stored.state, stored.reason) == ("failed", "payment_intent_payment_attempt_failed")
    assert buying.bought() == []


def test_an_open_checkout_stays_open_and_ends_when_stripe_says_so(buying):
    purchase = buying.start()
    assert sweep_purchases(utc_now()) == Swept()
    assert buying.purchase(purchase).state == "open"
    stripe.StripeClient("sk_test_simulated", http_client=buying.simulator).v1.checkout.sessions.expire(
        purchase.session_id
    )
    assert sweep_purchases(utc_now() + MINUTE) == Swept(settled=1)
    assert buying.purchase(purchase).state == "expired"


def test_an_old_open_purchase_is_not_closed_by_its_age_alone(buying):
    purchase = buying.start()
    set_facts(purchase, opened_at=utc_now() - dt.timedelta(days=40), expires_at=utc_now() - dt.timedelta(days=39))
    sweep_purchases(utc_now())
    assert buying.purchase(purchase).state == "open", "Stripe still says open"


def test_a_purchase_whose_session_we_never_heard_of_is_sent_again_and_found(buying, monkeypatch):
    def crash(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as crashing:
        crashing.setattr("webapp.web.sending.attach_session", crash)
        with pytest.raises(SystemExit):
            buying.start(key="form:1")
    buying.asked.clear()
    assert sweep_purchases(utc_now()) == Swept()
    assert buying.asked == [], "it may be in the middle of being sent"
    sweep_purchases(utc_now() + MINUTE)
    purchase = buying.start(key="form:1")
    with buying.simulator.store.reading() as state:
        ids = [row["id"] for row in state.rows("SELECT id FROM sim_object WHERE type = 'checkout.session'")]
    assert ids == [purchase.session_id]


def test_a_purchase_that_never_had_a_session_expires_when_none_can_be_made_any_more(buying):
    buying.simulator.faults.refuse_connection("POST", "/v1/checkout/sessions", times=2)
    with pytest.raises(Exception, match="reach Stripe"):
        buying.start(key="form:1")
    assert sweep_purchases(utc_now() + SENDABLE).failed == 0
    with buying.simulator.store.reading() as state:
        assert list(state.rows("SELECT id FROM sim_object WHERE type = 'checkout.session'")) == []
    assert transact(lambda session: session.scalars(select(Purchase)).one().state) == "expired"


def test_one_purchase_that_breaks_does_not_keep_the_others_from_their_credits(buying):
    broken, fine = buying.paid("starter", key="form:1"), buying.paid("small", key="form:2")
    set_facts(broken, asked_at=dt.datetime(1969, 1, 1, tzinfo=dt.UTC))
    buying.simulator.faults.answer(*READ, status=400)
    assert sweep_purchases(utc_now()) == Swept(settled=1, failed=1)
    assert (buying.purchase(broken).state, buying.purchase(fine).state) == ("open", "paid")


def test_a_session_that_stripe_does_not_know_ends_with_the_purchases_life_and_is_no_error_before(buying):
    purchase = buying.start()
    set_facts(purchase, session_id="cs_test_sim_gone")
    with capture_logs() as logged:
        assert sweep_purchases(utc_now()) == Swept()
        assert buying.purchase(purchase).state == "open"
        assert sweep_purchases(purchase.expires_at - dt.timedelta(hours=1)) == Swept()
        assert buying.purchase(purchase).state == "open"
        assert sweep_purchases(purchase.expires_at) == Swept(settled=1)
    assert [line for line in logged if line["log_level"] == "error"] == []
    stored = buying.purchase(purchase)
    assert (stored.state, stored.reason, stored.settled_at) == ("expired", "session_missing", purchase.expires_at)
    buying.asked.clear()
    assert sweep_purchases(purchase.expires_at + dt.timedelta(days=1)) == Swept()
    assert buying.asked == [], "it has ended"


def test_money_for_a_session_that_was_missing_is_granted_when_it_arrives_after_all(buying):
    purchase = buying.paid()
    set_facts(purchase, session_id="cs_test_sim_gone")
    assert sweep_purchases(purchase.expires_at) == Swept(settled=1)
    set_facts(purchase, session_id=purchase.session_id)
    assert {answer.status_code for answer in buying.tell_all()} == {200}
    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])
    assert buying.purchase(purchase).reason == ""
    buying.assert_sound()


def test_a_missing_session_of_a_payment_on_its_way_is_a_fault(buying):
    purchase = buying.paid(outcome="delayed_succeeds")
    buying.settle(purchase)
    set_facts(purchase, session_id="cs_test_sim_gone")
    assert sweep_purchases(purchase.expires_at) == Swept(failed=1)
    assert buying.purchase(purchase).state == "processing"


def test_when_stripe_is_gone_the_rest_waits_for_the_next_run(buying):
    for number in range(UNREACHABLE_UNTIL_REST + 2):
        buying.paid("starter", key=f"form:{number}")
    buying.simulator.faults.refuse_connection(*READ, times=100)
    assert sweep_purchases(utc_now()) == Swept(failed=UNREACHABLE_UNTIL_REST)
    buying.simulator.faults.clear()
    assert sweep_purchases(utc_now() + MINUTE) == Swept(settled=UNREACHABLE_UNTIL_REST + 2)
    assert buying.bought() == [100] * (UNREACHABLE_UNTIL_REST + 2)


def test_a_checkout_that_was_left_is_asked_about_less_and_less_often(buying):
    purchase = buying.start()
    seconds, minutes, hours = (
        (lambda n: dt.timedelta(seconds=n)),
        (lambda n: dt.timedelta(minutes=n)),
        (lambda n: dt.timedelta(hours=n)),
    )
    assert not due_after(purchase, age=minutes(5), asked=seconds(30))
    assert due_after(purchase, age=minutes(5), asked=seconds(60))
    assert not due_after(purchase, age=minutes(20), asked=minutes(9))
    assert due_after(purchase, age=minutes(20), asked=minutes(10))
    assert not due_after(purchase, age=hours(5), asked=minutes(59))
    assert due_after(purchase, age=hours(5), asked=hours(1))


@pytest.mark.parametrize("state", ["failed", "expired", "quarantined"])
def test_what_is_settled_is_not_asked_about(buying, state):
    purchase = buying.paid()
    set_facts(purchase, state=state)
    buying.asked.clear()
    assert sweep_purchases(utc_now()) == Swept()
    assert buying.asked == []


def test_purchases_of_another_mode_wait_for_their_own_stripe(buying):
    purchase = buying.paid()
    set_facts(purchase, stripe_mode="live")
    buying.asked.clear()
    assert sweep_purchases(utc_now()) == Swept()
    assert buying.asked == []


def test_without_payments_there_is_nothing_to_sweep(buying):
    buying.paid()
    parts = buying.app.extensions["refill"]
    buying.app.extensions["refill"] = Parts(parts.settings, parts.catalog, None)
    assert sweep_purchases(utc_now()) == Swept()


def test_one_run_takes_a_bounded_number_and_the_longest_unasked_first(buying):
    first, second = buying.start(key="form:1"), buying.start(key="form:2")
    now = utc_now()
    set_facts(first, asked_at=now - 10 * MINUTE)
    set_facts(second, asked_at=now - 20 * MINUTE)
    due = transact(lambda session: due_checkouts(session, Purchase, "simulated", now=now))
    assert [purchase.id for purchase in due] == [second.id, first.id]
    assert CHECKOUTS_PER_RUN < 1000
