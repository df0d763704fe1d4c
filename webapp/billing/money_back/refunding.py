"""What a refund of a purchase would do, before anybody orders it: money, and the credits it takes."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.orders import check_refund, left_minor
from webapp.billing.money_back.payment import paid_currency, paid_minor
from webapp.ledger.queries import TakebackPreview, preview_takeback


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """A refund of `amount_minor` where `left_minor` is left of the `total_minor` paid, and what it does to credits."""

    total_minor: int
    left_minor: int
    amount_minor: int
    currency: str
    credits: TakebackPreview


def preview(
    session: Session, purchase: Purchase, *, amount_minor: int | None, stripe_mode: str, now: dt.datetime
) -> RefundPreview:
    """What a refund of that much, or of all that is left, would do now. Only reads.

    By the ledger's own functions, so that it is what happens if nothing else does before. Refuses what `order_refund`
    refuses: NotRefundable, RefundOutOfRange, RefundUnderway.
    """
    check_refund(session, purchase, amount_minor, stripe_mode=stripe_mode)
    left = left_minor(session, purchase)
    refunded = left if amount_minor is None else amount_minor
    taken_back = credits_taken(session, purchase, amount_minor=refunded, now=now)
    return RefundPreview(paid_minor(purchase), left, refunded, paid_currency(purchase), taken_back)


def credits_taken(session: Session, purchase: Purchase, *, amount_minor: int, now: dt.datetime) -> TakebackPreview:
    """What a refund of that much more would do to the account's credits now. Only reads; refuses nothing."""
    return preview_takeback(
        session,
        purchase.account_id,
        source_kind="purchase",
        source_id=purchase.id,
        total_minor=paid_minor(purchase),
        returned_minor=purchase.returned_minor + amount_minor,
        disputed_minor=purchase.disputed_minor,
        is_floor=purchase.takeback == "floor",
        now=now,
    )
