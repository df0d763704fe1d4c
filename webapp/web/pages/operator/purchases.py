"""The purchases of one account, with the money that came back of each."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.money_back.orders import left_minor
from webapp.billing.money_back.payment import paid_minor
from webapp.extensions import db
from webapp.operators.purchases import disputes_of, purchases_of_account, refunds_of
from webapp.web.pages.credits import CHIPS
from webapp.web.pages.operator.person import side
from webapp.web.pages.reader import Reader

PLACE = re.compile(r"[a-z0-9]{8,40}")

# Stripe's words for the states of refunds and disputes, in ours: the chip's kind, its icon and its words.
REFUND_CHIPS = {
    "succeeded": ("ok", "check", "Refunded"),
    "pending": ("info", "clock", "Refund pending"),
    "requires_action": ("warn", "clock", "Refund needs the customer"),
    "failed": ("bad", "x", "Refund failed"),
    "canceled": ("plain", "x", "Refund cancelled"),
}
DISPUTE_CHIPS = {
    "warning_needs_response": ("warn", "warn", "Inquiry: answer it"),
    "warning_under_review": ("info", "clock", "Inquiry under review"),
    "warning_closed": ("plain", "check", "Inquiry closed"),
    "needs_response": ("bad", "warn", "Dispute: answer it"),
    "under_review": ("info", "clock", "Dispute under review"),
    "won": ("ok", "check", "Dispute won"),
    "lost": ("bad", "x", "Dispute lost"),
    "prevented": ("plain", "shield", "Dispute prevented"),
}


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """A purchase with its chip, what was paid (or is asked), what came back of it, and what may be refunded yet."""

    purchase: Purchase
    chip: tuple[str, str, str]
    refunds: Sequence[PurchaseRefund]
    disputes: Sequence[PurchaseDispute]
    paid_minor: int
    left_minor: int


def purchases_page(reader: Reader, account_id: int, after: str) -> dict[str, Any]:
    """`operator/person/purchases.html`: the account's purchases, the newest first."""
    context = side(reader, account_id, "purchases")
    place = after if PLACE.fullmatch(after) else None
    found, next_after = purchases_of_account(db.session(), account_id, after=place)
    lines = purchase_lines(account_id, found)
    return context | {"lines": lines, "next_after": next_after, "is_continued": place is not None} | chips()


def chips() -> dict[str, Any]:
    """The words for what came back."""
    return {"refund_chips": REFUND_CHIPS, "dispute_chips": DISPUTE_CHIPS}


def purchase_lines(account_id: int, found: Sequence[Purchase]) -> list[PurchaseLine]:
    """The purchases of one account as lines. Two queries."""
    ids = [purchase.id for purchase in found]
    refunds: dict[str, list[PurchaseRefund]] = defaultdict(list)
    disputes: dict[str, list[PurchaseDispute]] = defaultdict(list)
    for refund in refunds_of(db.session(), account_id, ids):
        refunds[refund.purchase_id].append(refund)
    for dispute in disputes_of(db.session(), account_id, ids):
        disputes[dispute.purchase_id].append(dispute)
    return [
        PurchaseLine(one, CHIPS[one.state], refunds[one.id], disputes[one.id], paid_minor(one), _left_minor(one))
        for one in found
    ]


def _left_minor(purchase: Purchase) -> int:
    return left_minor(db.session(), purchase) if purchase.state in {"paid", "quarantined"} else 0
