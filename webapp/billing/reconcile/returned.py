"""Whether refunds and disputes at Stripe are the ones we have. Asks nobody: facts in, findings out."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.billing.checkout import locked_purchase
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.keeping import kept, same
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.money_back.settling import settle_money_back
from webapp.billing.reconcile.findings import Finding, about
from webapp.billing.stripe_objects import DISPUTE_ENDS, Dispute, Refund

REFUND_ENDS = ("succeeded", "failed", "canceled")
MOST_OPEN = 1000

Rows = Mapping[tuple[str, str], Mapping[str, Any]]


def is_known(session: Session, item: Refund | Dispute) -> bool:
    """Whether we have this refund or dispute as it is at Stripe now."""
    row: PurchaseRefund | PurchaseDispute | None
    if isinstance(item, Refund):
        row = session.scalar(select(PurchaseRefund).where(PurchaseRefund.id == item.id))
    else:
        row = session.scalar(select(PurchaseDispute).where(PurchaseDispute.id == item.id))
    return row is not None and facts(row) == facts(item)


def purchase_of_payment(session: Session, payment_intent_id: str, *, stripe_mode: str) -> Purchase | None:
    """The purchase that a payment paid for."""
    ours = Purchase.stripe_mode == stripe_mode, Purchase.payment_intent_id == payment_intent_id
    return session.scalar(select(Purchase).where(*ours).limit(1))


def unended(session: Session, stripe_mode: str) -> list[Purchase]:
    """The purchases with a refund or a dispute that hasn't ended, as far as we know."""
    refunds = select(PurchaseRefund.purchase_id).where(PurchaseRefund.state.not_in(REFUND_ENDS))
    disputes = select(PurchaseDispute.purchase_id).where(PurchaseDispute.state.not_in(DISPUTE_ENDS))
    found = select(Purchase).where(
        Purchase.stripe_mode == stripe_mode,
        Purchase.payment_intent_id.is_not(None),
        or_(Purchase.id.in_(refunds), Purchase.id.in_(disputes)),
    )
    return list(session.scalars(found.order_by(Purchase.money_read_at).limit(MOST_OPEN)))


def settled(session: Session, purchase: Purchase, told: MoneyBack, *, now: dt.datetime) -> list[Finding]:
    """Bring a purchase to its refunds and disputes, and tell which of them were news. Locks the account."""
    purchase = locked_purchase(session, purchase.account_id, purchase.id)
    if same(told, kept(session, purchase)):
        return []
    before = _rows(session, purchase)
    settle_money_back(session, purchase, told, now=now)
    session.flush()
    session.expire_all()  # the rows were written by statements that the session didn't see
    after = _rows(session, purchase)
    return [
        Finding(
            "differs" if key in before else "missing",
            *key,
            expected=row,
            found=before.get(key, {}),
            done="settled",
            **about(purchase),
        )
        for key, row in after.items()
        if before.get(key) != row
    ]


def facts(item: Refund | Dispute | PurchaseRefund | PurchaseDispute) -> dict[str, Any]:
    """What counts of a refund or a dispute, at Stripe or here."""
    common = {"state": item.state[:40], "amount_minor": item.amount_minor, "currency": item.currency}
    if isinstance(item, Dispute | PurchaseDispute):
        return {**common, "is_withdrawn": item.is_withdrawn}
    return common


def _rows(session: Session, purchase: Purchase) -> Rows:
    own = {"account_id": purchase.account_id, "purchase_id": purchase.id}
    refunds = session.scalars(select(PurchaseRefund).filter_by(**own))
    disputes = session.scalars(select(PurchaseDispute).filter_by(**own))
    rows = {("refund", row.id): facts(row) for row in refunds}
    return rows | {("dispute", row.id): facts(row) for row in disputes}
