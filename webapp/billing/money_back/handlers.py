"""What the events of refunds and disputes make us do. All of them the same: their order and what they say is no matter.

They find the payment, read all of its refunds and disputes anew, and bring the purchase to them.
"""

import datetime as dt
from typing import cast, get_args

import structlog
from sqlalchemy.orm import Session

from webapp.billing.events import Event
from webapp.billing.fulfil import FINAL, fulfil
from webapp.billing.gateway import Gateway, MoneyKind
from webapp.billing.inbox import Outcome
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack, money_back
from webapp.billing.money_back.settling import settle_money_back
from webapp.billing.registry import Effect, Known, ignore, on, purchase_to_settle
from webapp.billing.stripe_objects import CheckoutSession

log = structlog.get_logger("refill")


@on("refund.created")
def refund_created(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """Money goes back to the buyer: take back the credits it paid for."""
    return _settle(event, gateway, known)


@on("refund.updated")
def refund_updated(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A refund changed: take back by what it is now."""
    return _settle(event, gateway, known)


@on("refund.failed")
def refund_failed(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """The money of a refund came back to us, maybe weeks later: the credits come back to the buyer."""
    return _settle(event, gateway, known)


@on("charge.refunded")
def charge_refunded(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A hint that there are refunds, whole or in part: the same as the refunds' own events, and never added to them."""
    return _settle(event, gateway, known)


@on("charge.dispute.created")
def dispute_created(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A bank asks for the money: the credits it paid for are frozen. Inquiries, which move no money, freeze too."""
    return _settle(event, gateway, known)


@on("charge.dispute.updated")
def dispute_updated(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A dispute changed: take, freeze or give back by what it is now."""
    return _settle(event, gateway, known)


@on("charge.dispute.funds_withdrawn")
def dispute_withdrawn(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """The bank has taken the money: its credits are taken back."""
    return _settle(event, gateway, known)


@on("charge.dispute.funds_reinstated")
def dispute_reinstated(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """The bank has given the money back: so are the credits."""
    return _settle(event, gateway, known)


@on("charge.dispute.closed")
def dispute_closed(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A dispute ended: what is frozen is given back, unless the money is lost. An appeal may open it again."""
    return _settle(event, gateway, known)


def _settle(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """Settle all that came back of the event's payment; first the payment itself, if it isn't settled yet.

    What an event says of its purchase is a hint: only a payment that we have noted, or the checkout that made it,
    decides.
    """
    intent_id = event.hint("payment_intent") or _payment_of(event, gateway)
    if intent_id is None:
        return ignore("no_payment")
    if known is not None and known.payment_intent_id != intent_id:
        known = None
    is_settled = known is not None and known.state in FINAL
    checkout = None if is_settled else _checkout(gateway, intent_id, known)
    if known is None and checkout is None:
        return ignore("no_checkout")
    told = money_back(gateway, intent_id, known_at=known.money_read_at if known else None)
    return lambda session, now: _apply(session, known, checkout, told, now=now)


def _apply(
    session: Session, known: Known | None, checkout: CheckoutSession | None, told: MoneyBack, *, now: dt.datetime
) -> Outcome:
    purchase = session.get(Purchase, (known.account_id, known.purchase_id)) if known else None
    if checkout is not None:
        found = purchase_to_settle(session, checkout, known)
        purchase = None if found is None else fulfil(session, found, checkout, now=now)
    if purchase is None:
        return Outcome("ignored", "unknown_purchase")
    if purchase.payment_intent_id not in {None, told.payment_intent_id}:
        log.error("money back of a second payment", purchase=purchase.id, payment=told.payment_intent_id)
        return Outcome("ignored", "other_payment", purchase.account_id, purchase.id)
    settled = settle_money_back(session, purchase, told, now=now)
    return Outcome("handled", settled.state, settled.account_id, settled.id)


def _checkout(gateway: Gateway, intent_id: str, known: Known | None) -> CheckoutSession | None:
    if known is not None and known.session_id is not None:
        return gateway.checkout(known.session_id)
    return gateway.checkout_of_payment(intent_id)


def _payment_of(event: Event, gateway: Gateway) -> str | None:
    """The payment of an event that doesn't name it, as those of older API versions don't."""
    kind = event.json.get("object")
    if not event.object_id or kind not in get_args(MoneyKind):
        return None
    return gateway.payment_of(cast("MoneyKind", kind), event.object_id)
