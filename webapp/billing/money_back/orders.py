"""Refunds ordered here: each is a row before Stripe hears of it, so that however often it is sent, it is made once."""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from webapp.billing import queries
from webapp.billing.checkout import locked_purchase
from webapp.billing.errors import NotRefundable, RefundOutOfRange, RefundUnderway, UnknownPurchase
from webapp.billing.models import Purchase
from webapp.billing.money_back.following import follow_orders
from webapp.billing.money_back.keeping import kept
from webapp.billing.money_back.models import RefundOrder
from webapp.billing.money_back.payment import paid_currency, paid_minor
from webapp.billing.stripe_objects import Refund
from webapp.ledger.errors import IdempotencyConflict
from webapp.money import smallest_step_minor

ORDER_METADATA = "refund_order"
NUMBER = re.compile(r"[1-9][0-9]{0,3}")  # metadata can be edited at Stripe

Also = Callable[[Session, RefundOrder], None]


def order_refund(
    session: Session,
    account_id: int,
    purchase_id: str,
    *,
    amount_minor: int | None,
    order_key: str,
    stripe_mode: str,
    also: Also | None = None,
    now: dt.datetime,
) -> tuple[RefundOrder, bool]:
    """Order a refund of a purchase, of all that is left where `amount_minor` is None; whether it is new.

    Locks the account. The same key gives the order it has made. `also` runs in this transaction for a new one. No
    money moves yet. Raises UnknownPurchase, NotRefundable, RefundOutOfRange, RefundUnderway; IdempotencyConflict when
    the key ordered something else.
    """
    if queries.purchase(session, account_id, purchase_id) is None:
        raise UnknownPurchase
    purchase = locked_purchase(session, account_id, purchase_id)
    ordered = session.scalar(_orders_of(account_id).where(RefundOrder.order_key == order_key))
    if ordered is not None:
        if ordered.purchase_id != purchase_id or amount_minor not in {None, ordered.amount_minor}:
            raise IdempotencyConflict("This key has ordered another refund.")
        return ordered, False
    check_refund(session, purchase, amount_minor, stripe_mode=stripe_mode)
    order = RefundOrder(
        account_id=account_id,
        purchase_id=purchase_id,
        number=1 + (session.scalar(_last_number(purchase)) or 0),
        order_key=order_key,
        amount_minor=left_minor(session, purchase) if amount_minor is None else amount_minor,
        currency=paid_currency(purchase),
        state="asked",
        ordered_at=now,
    )
    session.add(order)
    session.flush()
    if also is not None:
        also(session, order)
    return order, True


def check_refund(session: Session, purchase: Purchase, amount_minor: int | None, *, stripe_mode: str) -> None:
    """Refuse a refund that can't be: see `order_refund`."""
    if purchase.state not in {"paid", "quarantined"} or purchase.payment_intent_id is None:
        raise NotRefundable("Nobody has paid for this purchase, so nothing can be refunded.", state=purchase.state)
    if purchase.stripe_mode != stripe_mode:
        raise NotRefundable("This purchase was paid at another Stripe than the present one.", state=purchase.state)
    if order := unfinished(session, purchase.account_id, purchase.id):
        raise RefundUnderway(amount_minor=order.amount_minor, currency=order.currency)
    left, currency = left_minor(session, purchase), paid_currency(purchase)
    if left == 0:
        raise NotRefundable("Nothing is left of this payment: it came back, or is in dispute.", state=purchase.state)
    asked = left if amount_minor is None else amount_minor
    if type(asked) is not int or not 0 < asked <= left or asked % smallest_step_minor(currency):
        raise RefundOutOfRange(
            "A refund is more than nothing and at most what is left of the payment.", left_minor=left, currency=currency
        )


def left_minor(session: Session, purchase: Purchase) -> int:
    """What of the payment has neither come back nor is in dispute: as much can be refunded.

    An inquiry keeps nothing from being refunded: that is how most of them end well.
    """
    total_minor = paid_minor(purchase)
    if not purchase.disputed_minor:
        return total_minor - purchase.returned_minor
    backs = kept(session, purchase).without_inquiries()
    return total_minor - sum(backs.sums(total_minor=total_minor, currency=paid_currency(purchase)))


def unfinished(session: Session, account_id: int, purchase_id: str) -> RefundOrder | None:
    """The order of a purchase's refund whose answer is not known yet."""
    asked = (RefundOrder.purchase_id == purchase_id, RefundOrder.state == "asked")
    return session.scalar(_orders_of(account_id).where(*asked))


def all_unfinished(session: Session, stripe_mode: str, *, before: dt.datetime, limit: int) -> list[RefundOrder]:
    """The orders of this mode, of all accounts, from before that moment and with no known answer: the oldest first."""
    of_mode = select(RefundOrder).join(
        Purchase, (Purchase.account_id == RefundOrder.account_id) & (Purchase.id == RefundOrder.purchase_id)
    )
    asked = (RefundOrder.state == "asked", RefundOrder.ordered_at < before, Purchase.stripe_mode == stripe_mode)
    return list(session.scalars(of_mode.where(*asked).order_by(RefundOrder.ordered_at).limit(limit)))


def stripe_key(order: RefundOrder) -> str:
    """Our idempotency key for making this refund."""
    return f"refund:{order.purchase_id}:{order.number}"


def stripe_params(order: RefundOrder, payment_intent_id: str) -> dict[str, Any]:
    """Every parameter of the refund, the same each time. The metadata finds the order when Stripe's answer is lost."""
    return {
        "payment_intent": payment_intent_id,
        "amount": order.amount_minor,
        "reason": "requested_by_customer",
        "metadata": {"purchase_id": order.purchase_id, ORDER_METADATA: stripe_key(order)},
    }


def note_made(session: Session, purchase: Purchase, refunds: Iterable[Refund], *, now: dt.datetime) -> None:
    """End the orders whose refunds Stripe has. Whatever was thought of them before, that is true."""
    for refund in refunds:
        name, _, number = refund.metadata.get(ORDER_METADATA, "").rpartition(":")
        if name == f"refund:{purchase.id}" and NUMBER.fullmatch(number):
            made = {"state": "made", "reason": "", "refund_id": refund.id, "ended_at": now}
            session.execute(
                update(RefundOrder).where(_is(purchase, int(number)), RefundOrder.state != "made").values(made)
            )
            follow_orders(session, purchase, now=now)


def note_refused(session: Session, order: RefundOrder, reason: str, *, now: dt.datetime) -> None:
    """End an order that Stripe said no to. Locks the account."""
    purchase = locked_purchase(session, order.account_id, order.purchase_id)
    refused = {"state": "refused", "reason": reason[:255], "ended_at": now}
    asked = RefundOrder.state == "asked"
    session.execute(update(RefundOrder).where(_is(purchase, order.number), asked).values(refused))
    follow_orders(session, purchase, now=now)


def _is(purchase: Purchase, number: int) -> ColumnElement[bool]:
    return (
        (RefundOrder.account_id == purchase.account_id)
        & (RefundOrder.purchase_id == purchase.id)
        & (RefundOrder.number == number)
    )


def _orders_of(account_id: int) -> Select[RefundOrder]:
    return select(RefundOrder).where(RefundOrder.account_id == account_id).execution_options(populate_existing=True)


def _last_number(purchase: Purchase) -> Select[int]:
    of_purchase = (RefundOrder.account_id == purchase.account_id, RefundOrder.purchase_id == purchase.id)
    return select(func.max(RefundOrder.number)).where(*of_purchase)
