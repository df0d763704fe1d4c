"""What the events of a payment make us do: those of Checkout Sessions and of payment intents."""

import datetime as dt

from sqlalchemy.orm import Session

from webapp.billing.events import Event
from webapp.billing.fulfil import fulfil
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome
from webapp.billing.registry import Effect, Known, ignore, on, purchase_to_settle
from webapp.billing.stripe_objects import CheckoutSession


@on("checkout.session.completed")
def checkout_completed(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """The buyer is through: grant if paid, else the payment is on its way and the purchase is processing."""
    return _settle_session(event, gateway, known)


@on("checkout.session.async_payment_succeeded")
def checkout_payment_succeeded(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A delayed payment arrived, maybe days later: grant."""
    return _settle_session(event, gateway, known)


@on("checkout.session.async_payment_failed")
def checkout_payment_failed(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """A delayed payment failed: the purchase has failed; nothing was granted, so nothing is taken back."""
    return _settle_session(event, gateway, known)


@on("checkout.session.expired")
def checkout_expired(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """Nobody paid in time: the purchase has expired."""
    return _settle_session(event, gateway, known)


@on("payment_intent.succeeded")
def payment_succeeded(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """Money arrived: find the payment's checkout and settle that, like the events of the checkout itself."""
    if known and known.session_id:
        return _settle(gateway.checkout(known.session_id), known)
    checkout = gateway.checkout_of_payment(event.object_id)
    return _settle(checkout, known) if checkout else ignore("no_checkout")


@on("payment_intent.payment_failed")
def payment_failed(event: Event, gateway: Gateway, known: Known | None) -> Effect:  # noqa: ARG001  # a handler's shape
    """One try to pay failed: only noted, the buyer may try again in the same checkout."""
    if known is None:
        return ignore("unknown_purchase")
    return lambda _session, _now: Outcome("handled", "noted", known.account_id, known.purchase_id)


def _settle_session(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """Settle by the session the event names. Sessions of somebody else, like `stripe trigger`'s, aren't even read."""
    if known is None:
        return ignore("unknown_purchase")
    return _settle(gateway.checkout(event.object_id), known)


def _settle(checkout: CheckoutSession, known: Known | None) -> Effect:
    def effect(session: Session, now: dt.datetime) -> Outcome:
        purchase = purchase_to_settle(session, checkout, known)
        if purchase is None:
            return Outcome("ignored", "unknown_purchase")
        settled = fulfil(session, purchase, checkout, now=now)
        return Outcome("handled", settled.state, settled.account_id, settled.id)

    return effect
