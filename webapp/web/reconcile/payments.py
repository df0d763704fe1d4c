"""Looking at payments: each checkout that Stripe has, and those purchases of ours that are not among them."""

from webapp.billing.errors import StripeRefused
from webapp.billing.gateway import Span
from webapp.billing.models import Purchase
from webapp.billing.reconcile import payments
from webapp.billing.reconcile.findings import of_purchase
from webapp.billing.stripe_objects import CheckoutSession
from webapp.extensions import db, end_reading
from webapp.orm import utc_now
from webapp.web.checkout import ask_about
from webapp.web.reconcile.walk import Walk


def look_at_checkouts(walk: Walk, made: Span) -> None:
    """Settle every checkout of a span that its buyer went through."""
    walk.each("checkouts", walk.gateway.completed_checkouts(made), _checkout, lambda checkout: checkout.id)


def look_at_purchases(walk: Walk, opened: Span) -> None:
    """Ask Stripe about each paid purchase of a span whose checkout it didn't list."""
    unseen = payments.paid_unseen(db.session(), walk.gateway.mode, opened, walk.seen)
    end_reading()
    walk.each("purchases", unseen, _paid, lambda purchase: purchase.id)


def look_at_old_purchases(walk: Walk, first: Span) -> None:
    """Ask about each unsettled purchase that is older than the first checkouts Stripe is asked to list."""
    old = payments.unsettled_before(db.session(), walk.gateway.mode, first.since)
    end_reading()
    walk.each("purchases", old, _unsettled, lambda purchase: purchase.id)


def _checkout(walk: Walk, checkout: CheckoutSession) -> None:
    walk.seen.add(checkout.id)
    purchase = payments.purchase_of(db.session(), checkout, stripe_mode=walk.gateway.mode)
    end_reading()
    if purchase is None:
        walk.keep(payments.unknown(checkout, base_url=walk.base_url))
    elif payments.needs_asking(purchase, checkout):
        fresh = walk.gateway.checkout(checkout.id)
        walk.settle(lambda session, now: payments.settled(session, purchase, fresh, now=now))
    else:
        walk.keep(payments.unlike(purchase, checkout))


def _paid(walk: Walk, purchase: Purchase) -> None:
    try:
        checkout = walk.gateway.checkout(str(purchase.session_id))
    except StripeRefused as refusal:
        if not refusal.is_missing:
            raise
        walk.keep(payments.gone(purchase))
    else:
        walk.keep(payments.unlike(purchase, checkout))


def _unsettled(walk: Walk, purchase: Purchase) -> None:
    before = of_purchase(purchase)
    after = ask_about(walk.gateway, purchase, now=utc_now())
    now_there = {"state": after.state, "total_minor": after.total_minor}
    walk.keep(payments.moved(before, after, checkout_id=str(after.session_id), expected=now_there))
