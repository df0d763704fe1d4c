"""Quotes: what of a purchase's money belongs to its unused credits, and so can be refunded on request."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.billing.errors import BillingRefusal, RefundNotOffered, RefundUnderway
from webapp.billing.models import Purchase
from webapp.billing.money_back.orders import check_refund, left_minor
from webapp.billing.money_back.payment import paid_currency, paid_minor
from webapp.billing.money_back.refunding import credits_taken
from webapp.ledger.queries import lot_books
from webapp.money import smallest_step_minor

NEVER = "A refund of this purchase can't be asked for here."


@dataclass(frozen=True, slots=True)
class Quote:
    """A refund of `amount_minor` that takes exactly `credits`, all of them unused and none of them as a debt.

    `unused` is what is available of the purchase's own credits: where money has smaller parts than credits do, a few
    of them have no part of their own and stay.
    """

    credits: int
    amount_minor: int
    currency: str
    unused: int

    @property
    def stays(self) -> int:
        """The unused credits that are not taken."""
        return self.unused - self.credits


def refund_ends_at(purchase: Purchase) -> dt.datetime | None:
    """When the time to ask for a refund of this purchase is over; None for one that nobody may ask for."""
    if not purchase.refund_days or purchase.state != "paid" or purchase.settled_at is None:
        return None
    return purchase.settled_at + dt.timedelta(days=purchase.refund_days)


def may_ask(purchase: Purchase, *, now: dt.datetime) -> bool:
    """Whether a refund of the purchase may be asked for, as far as its own row tells."""
    ends_at = refund_ends_at(purchase)
    return ends_at is not None and now < ends_at and not purchase.disputed_minor and not _is_gone(purchase)


def quote(session: Session, purchase: Purchase, *, stripe_mode: str, now: dt.datetime) -> Quote:
    """What a refund of the purchase's unused credits would be now. Only reads; settle what is due before.

    The money is the share of what was paid that belongs to the credits that are available of its own lot, rounded
    down. What is on hold, spent or expired has no part in it. Raises RefundNotOffered.
    """
    _refuse_if_closed(purchase, now=now)
    lot = lot_books(session, purchase.account_id, [purchase.grant_seq or 0])[purchase.grant_seq or 0]
    currency, step = paid_currency(purchase), smallest_step_minor(paid_currency(purchase))
    amount_minor = min(paid_minor(purchase) * lot.available // lot.granted, left_minor(session, purchase))
    amount_minor -= amount_minor % step
    if not amount_minor:
        raise RefundNotOffered("used", "You have used these credits, so there is nothing to refund.")
    try:
        check_refund(session, purchase, amount_minor, stripe_mode=stripe_mode)
    except RefundUnderway:
        raise RefundNotOffered("underway", "A refund of this purchase is under way already.") from None
    except BillingRefusal:
        raise RefundNotOffered("never", NEVER) from None
    found = credits_taken(session, purchase, amount_minor=amount_minor, now=now)
    if found.after.debt > found.before.debt or not 0 < found.taken <= lot.available:
        raise RefundNotOffered("used", "You have used these credits, so there is nothing to refund.")
    return Quote(found.taken, amount_minor, currency, lot.available)


def _is_gone(purchase: Purchase) -> bool:
    return purchase.returned_minor >= paid_minor(purchase)


def _refuse_if_closed(purchase: Purchase, *, now: dt.datetime) -> None:
    ends_at = refund_ends_at(purchase)
    if ends_at is None:
        raise RefundNotOffered("never", NEVER)
    if purchase.disputed_minor:
        raise RefundNotOffered("disputed", "This payment is disputed, so nothing of it is refunded until that ends.")
    if _is_gone(purchase):
        raise RefundNotOffered("gone", "All the money of this purchase has gone back already.")
    if now >= ends_at:
        days = "1 day" if purchase.refund_days == 1 else f"{purchase.refund_days} days"
        raise RefundNotOffered("over", f"Refunds could be asked for in the first {days} after the payment.")
