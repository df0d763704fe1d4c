"""kill -9 at every point of a refund, ordered here or told by Stripe; then the same again: one refund, taken once."""

import pytest
from sqlalchemy import update

from tests.reliability import work
from tests.reliability.passings import REFUND, WEBHOOK, deaths
from tests.reliability.serving import CrashPoint
from tests.reliability.shop import KIND
from webapp.billing.money_back.models import RefundOrder
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.web.money_back import refund_purchase
from webapp.worker.refunds import SENDING, sweep_refund_orders

HALF = 50  # of the 100 credits of a starter pack


@pytest.mark.gate_on("postgresql")
def test_an_ordered_refund_is_made_once_wherever_its_process_dies(served, shop):
    """Healed by the same form or, every second time, by the worker; Stripe's own event of it comes last."""
    with shop.stripe_keeps_quiet():
        for number, (name, passing, stored) in enumerate(deaths(REFUND)):
            purchase = shop.paid()
            assert shop.tell(shop.event_ids(purchase)[KIND]).status == 200
            facts = (served.given, purchase.account_id, purchase.id, f"key-{number}")
            point = CrashPoint(served.crash_file, name, passing)
            assert work.run(work.refund, *facts) == work.KILLED, name
            point.assert_reached()
            assert shop.voided(purchase) == HALF * stored, name
            if number % 2:
                sweep_later(shop)
            assert refund_again(shop, purchase, number).order.state == "made", name
            assert [made["amount"] for made in shop.refunds(purchase)] == [250], name
            assert shop.voided(purchase) == HALF, name
            tell_refunds(shop, purchase)
            assert shop.voided(purchase) == HALF, name
        shop.assert_sound(len(deaths(REFUND)))


def test_a_refund_told_by_webhook_is_taken_once_wherever_a_worker_dies(served, shop):
    with shop.stripe_keeps_quiet():
        for name, passing, stored in deaths(WEBHOOK):
            purchase = shop.paid()
            assert shop.tell(shop.event_ids(purchase)[KIND]).status == 200
            with shop.stripe.store.reading() as state:
                intent_id = state.load("checkout.session", purchase.session_id)["payment_intent"]
            shop.stripe.refund(intent_id, 250)
            event_id = shop.event_ids(shop.refunds(purchase)[0])["refund.created"]
            point = CrashPoint(served.crash_file, name, passing)
            assert shop.tell(event_id) is None, name
            point.assert_reached()
            assert shop.voided(purchase) == HALF * stored, name
            assert shop.tell(event_id).json()["reason"] == ("told_before" if stored else "paid"), name
            tell_refunds(shop, purchase)
            assert shop.voided(purchase) == HALF, name
        shop.assert_sound(len(deaths(WEBHOOK)))


def tell_refunds(shop, purchase):
    (made,) = shop.refunds(purchase)
    for event_id in shop.event_ids(made).values():
        assert shop.tell(event_id).status == 200


def refund_again(shop, purchase, number):
    key = {"order_key": f"key-{number}", "now": utc_now()}
    with shop.app.app_context():
        return refund_purchase(purchase.account_id, purchase.id, amount_minor=250, **key)


def sweep_later(shop):
    """The worker a minute later, in this process. What was not even ordered it can't know of."""
    with shop.app.app_context():
        ages = update(RefundOrder).values(ordered_at=utc_now() - SENDING)
        transact(lambda session: session.execute(ages))
        assert sweep_refund_orders(utc_now()).failed == 0
