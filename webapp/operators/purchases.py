"""The purchases of an account as operators see them: all of them, and what came back of each. Reads."""

from collections.abc import Collection

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund

PURCHASES_AT_ONCE = 15


def purchases_of_account(
    session: Session, account_id: int, *, after: str | None = None, limit: int = PURCHASES_AT_ONCE
) -> tuple[list[Purchase], str | None]:
    """A page of the account's purchases, the newest first, and the id after which the next begins.

    `after` continues a page; an id that is not the account's finds nothing.
    """
    chosen = select(Purchase).where(Purchase.account_id == account_id)
    if after is not None:
        last = select(Purchase.opened_at).where(Purchase.account_id == account_id, Purchase.id == after)
        opened_at = last.scalar_subquery()
        older = and_(Purchase.opened_at == opened_at, Purchase.id > after)
        chosen = chosen.where(or_(Purchase.opened_at < opened_at, older))
    found = list(session.scalars(chosen.order_by(Purchase.opened_at.desc(), Purchase.id).limit(limit + 1)))
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def refunds_of(session: Session, account_id: int, purchase_ids: Collection[str]) -> list[PurchaseRefund]:
    """The refunds of some of the account's purchases, the oldest first."""
    table = PurchaseRefund
    chosen = select(table).where(table.account_id == account_id, table.purchase_id.in_(purchase_ids))
    return list(session.scalars(chosen.order_by(table.made_at, table.id))) if purchase_ids else []


def disputes_of(session: Session, account_id: int, purchase_ids: Collection[str]) -> list[PurchaseDispute]:
    """The disputes of some of the account's purchases, the oldest first."""
    table = PurchaseDispute
    chosen = select(table).where(table.account_id == account_id, table.purchase_id.in_(purchase_ids))
    return list(session.scalars(chosen.order_by(table.made_at, table.id))) if purchase_ids else []
