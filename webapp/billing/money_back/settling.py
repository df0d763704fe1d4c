"""Bringing a purchase, its refunds and disputes, and its lot to what Stripe says of its payment now."""

import datetime as dt
from typing import Any

import structlog
from sqlalchemy.orm import Session

from webapp.billing.checkout import locked_purchase
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.changes import differences_of, keep_changes
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.stripe_objects import Dispute, Refund
from webapp.billing.upserts import upsert
from webapp.ledger.models import Account
from webapp.ledger.operations import settle_takeback

log = structlog.get_logger("refill")


def settle_money_back(session: Session, purchase: Purchase, told: MoneyBack, *, now: dt.datetime) -> Purchase:
    """Take back the credits that the payment's refunds and disputes ask for, and give back what they ask no more.

    Locks the account. `told` must be all that Stripe has of the payment, asked for and not taken from an event. An
    answer to an earlier question than the last one changes nothing: whatever it knows, the later one knew too. The
    grant may come later; it keeps to what is told here. What each credit's share is: `ledger.claims`.
    """
    purchase = locked_purchase(session, purchase.account_id, purchase.id)
    if purchase.money_read_at is not None and told.asked_at < purchase.money_read_at:
        return purchase
    purchase.money_read_at = told.asked_at
    if not (told.refunds or told.disputes or purchase.returned_minor or purchase.disputed_minor):
        return purchase
    differences = differences_of(session, purchase, told)
    after_seq = session.get_one(Account, purchase.account_id).seq  # as it was read with the lock
    for refund in told.refunds:
        _keep(session, PurchaseRefund, purchase, _refund_facts(refund), now=now)
    for dispute in told.disputes:
        _keep(session, PurchaseDispute, purchase, _dispute_facts(dispute), now=now)
    purchase.returned_minor, purchase.disputed_minor = told.returned_minor, told.disputed_minor
    session.flush()
    entries = settle_takeback(
        session,
        purchase.account_id,
        source_kind="purchase",
        source_id=purchase.id,
        total_minor=purchase.amount_minor if purchase.total_minor is None else purchase.total_minor,
        returned_minor=purchase.returned_minor,
        disputed_minor=purchase.disputed_minor,
        is_floor=purchase.takeback == "floor",
        now=now,
    )
    keep_changes(session, purchase, differences, after_seq=after_seq, entries=entries, now=now)
    if entries:
        log.info(
            "money came back",
            purchase=purchase.id,
            account_id=purchase.account_id,
            returned_minor=purchase.returned_minor,
            disputed_minor=purchase.disputed_minor,
            entries=[entry.seq for entry in entries],
        )
    return purchase


def _keep(
    session: Session,
    table: type[PurchaseRefund | PurchaseDispute],
    purchase: Purchase,
    facts: dict[str, Any],
    *,
    now: dt.datetime,
) -> None:
    """Store a refund or a dispute as it is now; `changed_at` is when its state was first seen."""
    row = {"account_id": purchase.account_id, "purchase_id": purchase.id, "changed_at": now, **facts}
    seen_before = (table.state != facts["state"]) | (table.amount_minor != facts["amount_minor"])
    if table is PurchaseDispute:
        seen_before |= (table.is_withdrawn != facts["is_withdrawn"]) | (table.due_by.is_distinct_from(facts["due_by"]))
    upsert(session, table, row, changes={**facts, "changed_at": now}, where=seen_before)


def _refund_facts(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "state": refund.state[:40],
        "reason": refund.reason[:255],
        "made_at": refund.made_at,
    }


def _dispute_facts(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "amount_minor": dispute.amount_minor,
        "currency": dispute.currency,
        "state": dispute.state[:40],
        "reason": dispute.reason[:255],
        "is_withdrawn": dispute.is_withdrawn,
        "due_by": dispute.due_by,
        "made_at": dispute.made_at,
    }
