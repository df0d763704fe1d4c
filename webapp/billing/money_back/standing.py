"""How purchases stand: what has been refunded of each, what is disputed, and what was lost. Read only."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.money_back.payment import paid_minor


@dataclass(frozen=True, slots=True)
class Standing:
    """A purchase with its refunds and disputes, the oldest first, whatever became of them."""

    purchase: Purchase
    refunds: tuple[PurchaseRefund, ...] = ()
    disputes: tuple[PurchaseDispute, ...] = ()

    @property
    def paid_minor(self) -> int:
        """What was paid: with tax, less a discount."""
        return paid_minor(self.purchase)

    @property
    def refunded_minor(self) -> int:
        """The money of refunds that have not failed: it is back, or on its way."""
        return sum(refund.amount_minor for refund in self.refunds if not refund.is_undone)

    @property
    def withdrawn_minor(self) -> int:
        """The money that banks have taken for disputes: while they are open, or for good."""
        return sum(dispute.amount_minor for dispute in self.disputes if dispute.is_withdrawn)

    @property
    def kept_minor(self) -> int:
        """What is left of what was paid."""
        return max(0, self.paid_minor - self.refunded_minor - self.withdrawn_minor)

    @property
    def is_refund_pending(self) -> bool:
        """Whether the money of a refund is still on its way."""
        return any(not refund.is_undone and refund.state != "succeeded" for refund in self.refunds)

    @property
    def is_refunded(self) -> bool:
        """Whether refunds give back all that was paid. What was paid with nothing can't be given back."""
        return 0 < self.paid_minor <= self.refunded_minor

    @property
    def open_disputes(self) -> tuple[PurchaseDispute, ...]:
        """The disputes that have not ended."""
        return tuple(dispute for dispute in self.disputes if dispute.is_open)

    @property
    def is_lost(self) -> bool:
        """Whether a dispute has ended with the money gone."""
        return any(dispute.is_withdrawn and not dispute.is_open for dispute in self.disputes)


def standings(session: Session, account_id: int, purchases: Iterable[Purchase]) -> dict[str, Standing]:
    """How some of the account's purchases stand, by id. Two queries if money of any was ever asked back, else none."""
    purchases = list(purchases)
    asked = [purchase.id for purchase in purchases if purchase.money_read_at is not None]
    refunds: dict[str, list[PurchaseRefund]] = defaultdict(list)
    disputes: dict[str, list[PurchaseDispute]] = defaultdict(list)
    if asked:
        for refund in session.scalars(_of(PurchaseRefund, account_id, asked)):
            refunds[refund.purchase_id].append(refund)
        for dispute in session.scalars(_of(PurchaseDispute, account_id, asked)):
            disputes[dispute.purchase_id].append(dispute)
    return {
        purchase.id: Standing(purchase, tuple(refunds[purchase.id]), tuple(disputes[purchase.id]))
        for purchase in purchases
    }


def standing_of(session: Session, purchase: Purchase) -> Standing:
    """How one purchase stands."""
    return standings(session, purchase.account_id, [purchase])[purchase.id]


def _of(table: type[PurchaseRefund | PurchaseDispute], account_id: int, purchase_ids: list[str]) -> Select[Any]:
    chosen = select(table).where(table.account_id == account_id, table.purchase_id.in_(purchase_ids))
    return chosen.order_by(table.made_at, table.id)
