"""Looking at money that comes back: each refund and dispute that Stripe has, and those of ours that haven't ended."""

from webapp.billing.gateway import Span
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import money_back
from webapp.billing.reconcile import returned
from webapp.billing.stripe_objects import Dispute, Refund
from webapp.extensions import db, end_reading
from webapp.web.overtaken import asked_again
from webapp.web.reconcile.walk import Walk


def look_at_refunds(walk: Walk, made: Span) -> None:
    """Settle every refund of a span that we don't have as it is."""
    walk.each("refunds", walk.gateway.refunds(made), _item, lambda refund: refund.id)


def look_at_disputes(walk: Walk, made: Span) -> None:
    """Settle every dispute of a span that we don't have as it is."""
    walk.each("disputes", walk.gateway.disputes(made), _item, lambda dispute: dispute.id)


def look_at_unended(walk: Walk) -> None:
    """Ask again about each refund and dispute of ours that hasn't ended."""
    open_ones = returned.unended(db.session(), walk.gateway.mode)
    end_reading()
    walk.each("purchases", open_ones, _purchase, lambda purchase: purchase.id)


def _item(walk: Walk, item: Refund | Dispute) -> None:
    payment = item.payment_intent_id
    if payment is None or payment in walk.asked or returned.is_known(db.session(), item):
        return
    purchase = returned.purchase_of_payment(db.session(), payment, stripe_mode=walk.gateway.mode)
    if purchase is not None:
        _purchase(walk, purchase)


def _purchase(walk: Walk, purchase: Purchase) -> None:
    """All refunds and disputes of one payment, whichever of them led here; again where a webhook was faster."""
    asked_again(lambda _: _settle(walk, purchase))


def _settle(walk: Walk, purchase: Purchase) -> None:
    end_reading()
    purchase = db.session().get_one(Purchase, (purchase.account_id, purchase.id))
    end_reading()
    payment = str(purchase.payment_intent_id)
    told = money_back(walk.gateway, payment, known_at=purchase.money_read_at)
    walk.settle(lambda session, now: returned.settled(session, purchase, told, now=now))
    walk.asked.add(payment)
