"""A purchase that is paid, and what the ledger says of it and of its account, as a test compares it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.billing.buying import Buying
from tests.billing.returning import taken, tell
from webapp.billing.models import Purchase
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.extensions import db, transact
from webapp.ledger import operations as ledger
from webapp.ledger.models import BOOKS, grants
from webapp.ledger.queries import balance, history
from webapp.orm import utc_now


def lot_of(buying: Buying, purchase: Purchase) -> dict[str, int]:
    """The books of a purchase's lot that are not empty."""
    chosen = grants.select().where(grants.c.source_kind == "purchase", grants.c.source_id == purchase.id)
    with Session(db.engine) as session:
        row = session.execute(chosen).mappings().one_or_none()
    return {book: row[book] for book in BOOKS if row[book]} if row else {}


def standing(buying: Buying) -> dict[str, int]:
    """The account's numbers."""
    with Session(db.engine) as session:
        found = balance(session, buying.user.account_id, now=utc_now())
    return {name: getattr(found, name) for name in ("available", "held", "frozen", "debt", "balance")}


def kinds(buying: Buying) -> list[tuple[str, int]]:
    """The kind and the credits of each entry, oldest first."""
    with Session(db.engine) as session:
        page = history(session, buying.user.account_id, limit=100, now=utc_now())
    return [(entry.kind, entry.credits) for entry in reversed(page.entries)]


def money_of(buying: Buying, purchase: Purchase) -> tuple[int, int]:
    """What came back of a purchase, and what is in dispute."""
    stored = buying.purchase(purchase)
    return stored.returned_minor, stored.disputed_minor


def rows_of(buying: Buying, purchase: Purchase) -> set[tuple[Any, ...]]:
    """Its refunds and disputes: money and state."""
    with Session(db.engine) as session:
        refunds = session.scalars(select(PurchaseRefund).where(PurchaseRefund.purchase_id == purchase.id))
        disputes = session.scalars(select(PurchaseDispute).where(PurchaseDispute.purchase_id == purchase.id))
        return {(row.id[:2], row.amount_minor, row.state) for row in (*refunds, *disputes)}


def use(buying: Buying, operation: str, *args: Any, **facts: Any) -> Any:
    """One operation of the ledger on the buyer's account."""
    run = getattr(ledger, operation)
    now = facts.pop("now", utc_now())
    return transact(lambda session: run(session, buying.user.account_id, *args, **facts, now=now))


def bought(buying: Buying, number: object = 1, pack: str = "starter") -> Purchase:
    """A paid purchase whose credits are there, every event told: 100 credits for 500 cents."""
    purchase = buying.paid(pack, key=f"form:{number}")
    tell(buying, *[telling for telling in taken(buying) if telling.kind == "checkout.session.completed"])
    assert buying.purchase(purchase).state == "paid"
    return purchase


def set_facts(purchase: Purchase, **facts: Any) -> None:
    """Change a stored purchase by hand."""

    def change(session: Session) -> None:
        stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
        for name, fact in facts.items():
            setattr(stored, name, fact)

    transact(change)
