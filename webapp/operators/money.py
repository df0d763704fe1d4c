"""Purchases of all accounts as operators look for them, newest first, in pages by key. Reads, and each by an index."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select
from sqlalchemy.orm import Session

from webapp.billing.events import OBJECT_ID
from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.stripe_objects import DISPUTE_ENDS, REFUND_FAILURES
from webapp.people.models import User

SHOWN = ("all", "stuck", "quarantined", "disputed", "refunded")
PURCHASES_AT_ONCE = 25
EVENTS_SHOWN = 20
# A bank's payment may take days; one that takes longer is looked at.
SLOW = dt.timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Payment:
    """A purchase, by which e-mail its buyer signs in, and what came back of its money.

    `is_disputed`: a dispute is open, whoever has its money now. `is_refunded`: a refund is made or on its way.
    """

    purchase: Purchase
    email: str
    is_disputed: bool
    is_refunded: bool


@dataclass(frozen=True, slots=True)
class Payments:
    """One page of payments. `next_after` is the purchase after which the list goes on, None at its end."""

    lines: tuple[Payment, ...]
    next_after: str | None


def _some(table: type[PurchaseRefund | PurchaseDispute], ended: frozenset[str]) -> ColumnElement[bool]:
    """Whether the purchase has one that has not ended in these states."""
    of_it = (table.account_id == Purchase.account_id, table.purchase_id == Purchase.id)
    return select(table.id).where(*of_it, table.state.not_in(ended)).exists()


_PAYMENT = select(
    Purchase, User.email, _some(PurchaseDispute, DISPUTE_ENDS), _some(PurchaseRefund, REFUND_FAILURES)
).join(User, User.id == Purchase.user_id)


def payments(
    session: Session, shown: str, text: str, *, after: str | None, now: dt.datetime, limit: int = PURCHASES_AT_ONCE
) -> Payments:
    """The purchases of one kind, or those that an id names: a reference, or an id of ours or Stripe's, in full."""
    chosen = _PAYMENT.where(_named(text)) if text else _PAYMENT.where(*_of_kind(shown, now))
    if after is not None:
        opened_at = select(Purchase.opened_at).where(Purchase.id == after).limit(1).scalar_subquery()
        older = and_(Purchase.opened_at == opened_at, Purchase.id < after)
        chosen = chosen.where(or_(Purchase.opened_at < opened_at, older))
    rows = session.execute(chosen.order_by(Purchase.opened_at.desc(), Purchase.id.desc()).limit(limit + 1)).all()
    lines = tuple(_line(row) for row in rows[:limit])
    return Payments(lines, lines[-1].purchase.id if len(rows) > limit else None)


def payment(session: Session, purchase_id: str) -> Payment | None:
    """The purchase of this id, or None."""
    row = session.execute(_PAYMENT.where(Purchase.id == purchase_id).limit(1)).first()
    return None if row is None else _line(row)


def events_about(session: Session, purchase: Purchase) -> list[WebhookEvent]:
    """The newest events about a purchase's checkout, its payment, its refunds and disputes."""
    ids: Select[str] = select(PurchaseRefund.id).where(*_of(PurchaseRefund, purchase))
    ids_of_disputes = select(PurchaseDispute.id).where(*_of(PurchaseDispute, purchase))
    named = [one for one in (purchase.session_id, purchase.payment_intent_id) if one]
    about = or_(
        WebhookEvent.object_id.in_(named), WebhookEvent.object_id.in_(ids), WebhookEvent.object_id.in_(ids_of_disputes)
    )
    found = select(WebhookEvent).where(about).order_by(WebhookEvent.received_at.desc(), WebhookEvent.id)
    return list(session.scalars(found.limit(EVENTS_SHOWN)))


def _line(row: Row[Purchase, str, bool, bool]) -> Payment:
    return Payment(*row)


def _named(text: str) -> ColumnElement[bool]:
    if not OBJECT_ID.fullmatch(text):
        return Purchase.id == ""
    ids = (Purchase.id, Purchase.session_id, Purchase.payment_intent_id)
    return or_(Purchase.reference == text.upper(), *(column == text for column in ids))


def _of_kind(shown: str, now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    if shown == "quarantined":
        return (Purchase.state == "quarantined",)
    if shown == "stuck":
        left = and_(Purchase.state == "open", Purchase.expires_at < now)
        return (or_(left, and_(Purchase.state == "processing", Purchase.opened_at < now - SLOW)),)
    if shown == "disputed":
        return (_has(PurchaseDispute, PurchaseDispute.state.not_in(DISPUTE_ENDS)),)
    return (_has(PurchaseRefund),) if shown == "refunded" else ()


def _has(table: type[PurchaseRefund | PurchaseDispute], *which: ColumnElement[bool]) -> ColumnElement[bool]:
    return Purchase.id.in_(select(table.purchase_id).where(*which))


def _of(table: type[PurchaseRefund | PurchaseDispute], purchase: Purchase) -> tuple[ColumnElement[bool], ...]:
    return table.account_id == purchase.account_id, table.purchase_id == purchase.id
