"""The rows of a purchase's refunds and disputes: each as Stripe had it when it was last told."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.stripe_objects import Dispute, Refund
from webapp.billing.upserts import upsert

REFUND_FACTS = ("id", "amount_minor", "currency", "state", "reason", "made_at")
DISPUTE_FACTS = (*REFUND_FACTS, "is_withdrawn", "due_by")
LENGTHS = {"state": 40, "reason": 255}

Table = type[PurchaseRefund | PurchaseDispute]
Facts = dict[str, Any]


def keep(session: Session, purchase: Purchase, told: MoneyBack, *, now: dt.datetime) -> None:
    """Store each refund and dispute as it is now; `changed_at` is when it was first seen so. The account is locked."""
    for refund in told.refunds:
        _keep(session, PurchaseRefund, purchase, _facts(refund, REFUND_FACTS), now=now)
    for dispute in told.disputes:
        _keep(session, PurchaseDispute, purchase, _facts(dispute, DISPUTE_FACTS), now=now)


def kept(session: Session, purchase: Purchase) -> MoneyBack:
    """What is stored of a purchase's payment, as it was told."""
    intent_id = str(purchase.payment_intent_id)
    refunds = (
        Refund(**_facts(row, REFUND_FACTS), payment_intent_id=intent_id, metadata={})
        for row in _rows(session, PurchaseRefund, purchase)
    )
    disputes = (
        Dispute(**_facts(row, DISPUTE_FACTS), payment_intent_id=intent_id)
        for row in _rows(session, PurchaseDispute, purchase)
    )
    return MoneyBack(intent_id, tuple(refunds), tuple(disputes), known_at=purchase.money_read_at)


def same(one: MoneyBack, other: MoneyBack) -> bool:
    """Whether two answers say the same of a payment."""
    return _all(one) == _all(other)


def _keep(session: Session, table: Table, purchase: Purchase, facts: Facts, *, now: dt.datetime) -> None:
    row = {"account_id": purchase.account_id, "purchase_id": purchase.id, "changed_at": now, **facts}
    is_news = table.state != facts["state"]
    for name in facts.keys() - {"id", "state"}:
        is_news |= getattr(table, name).is_distinct_from(facts[name])
    upsert(session, table, row, changes={**facts, "changed_at": now}, where=is_news)


def _rows(session: Session, table: Table, purchase: Purchase) -> Any:
    of_purchase = (table.account_id == purchase.account_id, table.purchase_id == purchase.id)
    return session.scalars(select(table).where(*of_purchase).execution_options(populate_existing=True))


def _facts(back: Refund | Dispute | PurchaseRefund | PurchaseDispute, names: tuple[str, ...]) -> Facts:
    """The facts that are stored, cut to the length that is."""
    facts = {name: getattr(back, name) for name in names}
    return facts | {name: facts[name][:length] for name, length in LENGTHS.items()}


def _all(told: MoneyBack) -> tuple[dict[str, Facts], dict[str, Facts]]:
    return (
        {refund.id: _facts(refund, REFUND_FACTS) for refund in told.refunds},
        {dispute.id: _facts(dispute, DISPUTE_FACTS) for dispute in told.disputes},
    )
