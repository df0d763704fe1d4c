"""The act of refunding a purchase: the row that says so, stored with the order, before Stripe hears of it.

The refund itself is ordered and carried out in `billing.money_back`. What was after it is not known at that moment:
the row has what was foreseen, and the ledger what came.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundOrder
from webapp.billing.money_back.payment import paid_currency
from webapp.billing.money_back.refunding import credits_taken
from webapp.ledger.queries import TakebackPreview
from webapp.operators.acts import Act, Asked, Facts, write_down

ACT = "refund"


def order_key(form_key: str) -> str:
    """The key under which a form orders its refund."""
    return f"operator:{form_key}"


def write_down_refund(session: Session, asked: Asked, order: RefundOrder) -> Act:
    """Add the row of a refund that was just ordered, with what it will do. In the order's transaction.

    Raises what `write_down` raises.
    """
    purchase = session.get_one(Purchase, (order.account_id, order.purchase_id))
    seen = credits_taken(session, purchase, amount_minor=order.amount_minor, now=asked.now)
    before, after = before_and_after(purchase, seen, order.amount_minor)
    return write_down(session, asked, ACT, facts_of(purchase, seen, order.amount_minor), before=before, after=after)


def before_and_after(purchase: Purchase, seen: TakebackPreview, amount_minor: int) -> tuple[Facts, Facts]:
    """What the account and its buyer have now, and would have after the refund."""
    before = asdict(seen.before) | {"returned": purchase.returned_minor}
    return before, asdict(seen.after) | {"returned": purchase.returned_minor + amount_minor}


def facts_of(purchase: Purchase, seen: TakebackPreview, amount_minor: int) -> dict[str, Any]:
    """What a refund is of, and what becomes of the credits."""
    return {
        "purchase": purchase.id,
        "reference": purchase.reference,
        "amount_minor": amount_minor,
        "currency": paid_currency(purchase),
        "taken": seen.taken,
        "waits": seen.waits,
        "let_go": seen.let_go,
    }


def order_of(session: Session, act: Act) -> RefundOrder | None:
    """What became of the refund that an act has ordered, by itself or for a customer's request."""
    key = act.facts.get("order_key") or order_key(act.form_key)
    ordered = (RefundOrder.account_id == act.account_id, RefundOrder.order_key == key)
    return session.scalar(select(RefundOrder).where(*ordered))
