"""Telling the application of refunds and disputes as if Stripe had just been asked, without a Stripe."""

import datetime as dt
import itertools

from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.settling import settle_money_back
from webapp.billing.stripe_objects import Dispute, Refund
from webapp.extensions import transact
from webapp.orm import utc_now

numbers = itertools.count(1)


def refund_of(
    purchase: Purchase, minor: int | None = None, state: str = "succeeded", *, id: str = "", currency: str = "usd"
) -> Refund:
    """A refund of the whole price, or of a part."""
    return Refund(
        id=id or f"re_sim_{next(numbers)}",
        amount_minor=purchase.amount_minor if minor is None else minor,
        currency=currency,
        state=state,
        reason="requested_by_customer",
        payment_intent_id=purchase.payment_intent_id,
        made_at=utc_now(),
        metadata={},
    )


def dispute_of(
    purchase: Purchase,
    state: str = "needs_response",
    *,
    minor: int | None = None,
    is_withdrawn: bool = False,
    id: str = "",
) -> Dispute:
    """A dispute of the whole price, or of a part."""
    return Dispute(
        id=id or f"du_sim_{next(numbers)}",
        amount_minor=purchase.amount_minor if minor is None else minor,
        currency=purchase.currency,
        state=state,
        reason="fraudulent",
        payment_intent_id=purchase.payment_intent_id,
        is_withdrawn=is_withdrawn,
        due_by=utc_now() + dt.timedelta(days=7),
        made_at=utc_now(),
    )


def tell(purchase: Purchase, *items: Refund | Dispute, now: dt.datetime | None = None) -> None:
    """These are all refunds and disputes that Stripe has of the purchase's payment now."""
    told_at = now or utc_now()
    refunds = tuple(item for item in items if isinstance(item, Refund))
    disputes = tuple(item for item in items if isinstance(item, Dispute))

    def work(session: Session) -> None:
        stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
        payment = stored.payment_intent_id or "pi_sim_not_known_yet"
        told = MoneyBack(payment, refunds, disputes, known_at=stored.money_read_at)
        settle_money_back(session, stored, told, now=told_at)

    transact(work)
