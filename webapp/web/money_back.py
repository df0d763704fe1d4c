"""Money that comes back, at the edge: short transactions around calls to Stripe, and never a call inside one.

Used by the operator's pages, by reconciliation and by the worker. `docs/stripe.md` tells what follows from it.
"""

import datetime as dt
from dataclasses import dataclass

import structlog

from webapp.billing.checkout import locked_purchase
from webapp.billing.errors import (
    Overtaken,
    PaymentsOff,
    RefundRefused,
    RefundUnconfirmed,
    StripeRefused,
    StripeUnreachable,
)
from webapp.billing.gateway import Gateway
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import money_back
from webapp.billing.money_back.models import RefundOrder
from webapp.billing.money_back.orders import (
    Also,
    note_made,
    note_refused,
    order_refund,
    stripe_key,
    stripe_params,
)
from webapp.billing.money_back.refunding import RefundPreview, preview
from webapp.billing.money_back.settling import settle_money_back
from webapp.crashes import point
from webapp.extensions import db, end_reading, parts, transact
from webapp.web.checkout import own_purchase
from webapp.web.overtaken import asked_again
from webapp.web.sending import no_earlier_than

UNREAD = (StripeUnreachable, StripeRefused, Overtaken)

log = structlog.get_logger("refill")


@dataclass(frozen=True)
class Refunded:
    """A refund that Stripe has made, and its purchase. `is_settled`: the credits follow already, else very soon."""

    order: RefundOrder
    purchase: Purchase
    is_settled: bool


def preview_refund(account_id: int, purchase_id: str, *, amount_minor: int | None, now: dt.datetime) -> RefundPreview:
    """What `refund_purchase` would do now with the same amount: money, and the credits it takes. Only reads.

    Refuses what that refuses: UnknownPurchase, NotRefundable, RefundOutOfRange, RefundUnderway, PaymentsOff.
    """
    mode = _gateway().mode
    purchase = own_purchase(account_id, purchase_id)
    return preview(db.session(), purchase, amount_minor=amount_minor, stripe_mode=mode, now=now)


def refund_purchase(
    account_id: int,
    purchase_id: str,
    *,
    amount_minor: int | None,
    order_key: str,
    also: Also | None = None,
    now: dt.datetime,
) -> Refunded:
    """Refund a purchase at Stripe, all that is left of it where `amount_minor` is None, and take back its credits.

    Sent with the same key again it is the same refund, however the first time ended. `also` runs in the transaction
    that stores a new order, before Stripe is asked. Raises what `order_refund` raises, PaymentsOff, RefundRefused
    (no money moved), and RefundUnconfirmed: then it is sent again by the worker or by the same key.
    """
    gateway = _gateway()
    order, is_new = transact(
        lambda session: order_refund(
            session,
            account_id,
            purchase_id,
            amount_minor=amount_minor,
            order_key=order_key,
            stripe_mode=gateway.mode,
            also=also,
            now=now,
        )
    )
    point("refund.ordered")
    return carry_out(gateway, order, is_new=is_new, now=now)


def carry_out(gateway: Gateway, order: RefundOrder, *, is_new: bool, now: dt.datetime) -> Refunded:
    """Send an order to Stripe, unless its refund is there already, and settle what follows. See `refund_purchase`.

    One that is not new may have been made although its answer was lost: Stripe keeps our key for a day only, so its
    refunds are read first.
    """
    if order.state == "refused":
        raise RefundRefused(order.reason)
    if order.state == "asked" and not is_new:
        order = _looked_for(gateway, order, now=now)
    if order.state == "asked":
        _send(gateway, order, now=now)
    return _settled(gateway, order, now=now)


def ask_money_back(gateway: Gateway, account_id: int, purchase_id: str, *, now: dt.datetime) -> Purchase:
    """Ask Stripe what came back of a purchase's payment, and settle that.

    One without a payment, or of another mode, is left alone. Asks again where others settled another answer
    meanwhile, and raises Overtaken after the third time. Raises UnknownPurchase, StripeUnreachable, StripeRefused.
    Ends the request's read session.
    """
    return asked_again(lambda _: _ask_once(gateway, account_id, purchase_id, now=now))


def _ask_once(gateway: Gateway, account_id: int, purchase_id: str, *, now: dt.datetime) -> Purchase:
    purchase = own_purchase(account_id, purchase_id)
    if purchase.payment_intent_id is None or purchase.stripe_mode != gateway.mode:
        return purchase
    told = money_back(gateway, purchase.payment_intent_id, known_at=purchase.money_read_at)
    point("money_back.answered")
    told_at = no_earlier_than(now)
    return transact(lambda session: settle_money_back(session, purchase, told, now=told_at))


def _gateway() -> Gateway:
    gateway = parts().gateway
    if gateway is None:
        raise PaymentsOff
    return gateway


def _looked_for(gateway: Gateway, order: RefundOrder, *, now: dt.datetime) -> RefundOrder:
    try:
        ask_money_back(gateway, order.account_id, order.purchase_id, now=now)
    except UNREAD:
        raise _unconfirmed(order) from None
    return _stored(order)


def _send(gateway: Gateway, order: RefundOrder, *, now: dt.datetime) -> None:
    """Ask Stripe for the refund, and note that it is made."""
    key = (order.account_id, order.purchase_id)
    purchase = own_purchase(*key)
    params = stripe_params(order, str(purchase.payment_intent_id))
    try:
        refund = gateway.create_refund(params, idempotency_key=stripe_key(order))
    except StripeUnreachable:
        if _stored(order).state != "made":  # someone else has sent the same meanwhile
            raise _unconfirmed(order) from None
        return
    except StripeRefused as refusal:
        raise _refused(gateway, order, refusal, now=no_earlier_than(now)) from None
    point("refund.made")
    made_at = no_earlier_than(now)
    transact(lambda session: note_made(session, locked_purchase(session, *key), [refund], now=made_at))


def _settled(gateway: Gateway, order: RefundOrder, *, now: dt.datetime) -> Refunded:
    """The refund is made: whatever breaks now, the webhook or the worker settles it."""
    try:
        purchase = ask_money_back(gateway, order.account_id, order.purchase_id, now=now)
    except UNREAD as error:
        log.warning("refund not settled yet", purchase=order.purchase_id, error=str(error))
        return Refunded(_stored(order), own_purchase(order.account_id, order.purchase_id), is_settled=False)
    return Refunded(_stored(order), purchase, is_settled=True)


def _refused(gateway: Gateway, order: RefundOrder, refusal: StripeRefused, *, now: dt.datetime) -> RefundRefused:
    """Stripe knows something that we don't: ask for it, so that the next one sees why."""
    log.error("refund refused", purchase=order.purchase_id, code=refusal.stripe_code, param=refusal.param)
    reason = refusal.stripe_code or "refused"
    transact(lambda session: note_refused(session, order, reason, now=now))
    try:
        ask_money_back(gateway, order.account_id, order.purchase_id, now=now)
    except UNREAD as error:
        log.warning("refund not settled yet", purchase=order.purchase_id, error=str(error))
    return RefundRefused(reason)


def _unconfirmed(order: RefundOrder) -> RefundUnconfirmed:
    return RefundUnconfirmed(amount_minor=order.amount_minor, currency=order.currency)


def _stored(order: RefundOrder) -> RefundOrder:
    end_reading()
    found = db.session().get_one(RefundOrder, (order.account_id, order.purchase_id, order.number))
    end_reading()
    return found
