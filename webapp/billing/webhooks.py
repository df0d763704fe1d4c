"""What each event of Stripe's makes us do: a registry of one small function for each exact event name.

Every event is a hint. A handler reads the object it names at our API version, with no transaction open, and returns
an effect that is applied in one; the inbox row commits with it. What each handler's first line says stands in the
table of docs/stripe.md.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.events import Event
from webapp.billing.fulfil import fulfil
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome, keep
from webapp.billing.models import Purchase
from webapp.billing.stripe_objects import SIMULATED_MARK, CheckoutSession


@dataclass(frozen=True, slots=True)
class Known:
    """The purchase that an event seems to be about."""

    account_id: int
    purchase_id: str
    session_id: str | None


Effect = Callable[[Session, dt.datetime], Outcome]
Handler = Callable[[Event, Gateway, Known | None], Effect]

HANDLERS: dict[str, Handler] = {}

log = structlog.get_logger("refill")


class DuplicateHandler(Exception):
    """Two functions claim one event name."""


def on(event_type: str) -> Callable[[Handler], Handler]:
    """Register the one handler of an exact event name."""

    def register(handler: Handler) -> Handler:
        if event_type in HANDLERS:
            raise DuplicateHandler(f"{event_type} has a handler: {HANDLERS[event_type]}")
        HANDLERS[event_type] = handler
        return handler

    return register


def event_types() -> tuple[str, ...]:
    """The events we listen to, for `flask stripe listen` and for webhook endpoints."""
    return tuple(HANDLERS)


def named_purchase(session: Session, event: Event, *, stripe_mode: str) -> Known | None:
    """The purchase an event seems to be about: by its session, its payment, or what we wrote into metadata.

    Only reads, and only hints: which purchase is settled is decided by the object that Stripe gives us.
    """
    is_session = event.json.get("object") == "checkout.session"
    intent_id = event.hint("payment_intent") if is_session else event.object_id
    purchase = _purchase_of(
        session,
        stripe_mode,
        session_id=event.object_id if is_session else "",
        intent_id=intent_id,
        purchase_ids=(event.hint("client_reference_id"), event.hint("metadata.purchase_id")),
    )
    return Known(purchase.account_id, purchase.id, purchase.session_id) if purchase else None


def prepare(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """What to do about a verified event. Asks Stripe, so no transaction may be open.

    Raises StripeUnreachable or StripeRefused; then the event failed and is tried again.
    """
    if reason := _not_ours(event, gateway):
        log.warning("event ignored", stripe_event=event.id, type=event.type, reason=reason)
        return _ignore(reason)
    handler = HANDLERS.get(event.type)
    return handler(event, gateway, known) if handler else _ignore("unknown_type")


def apply(session: Session, event: Event, effect: Effect, *, stripe_mode: str, now: dt.datetime) -> Outcome:
    """Apply an event's effect and store the event, both in this transaction. Locks the purchase's account."""
    outcome = effect(session, now)
    keep(session, event, outcome, stripe_mode=stripe_mode, now=now)
    return outcome


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
    return _settle(checkout, known) if checkout else _ignore("no_checkout")


@on("payment_intent.payment_failed")
def payment_failed(event: Event, gateway: Gateway, known: Known | None) -> Effect:  # noqa: ARG001  # a handler's shape
    """One try to pay failed: only noted, the buyer may try again in the same checkout."""
    if known is None:
        return _ignore("unknown_purchase")
    return lambda _session, _now: Outcome("handled", "noted", known.account_id, known.purchase_id)


def _not_ours(event: Event, gateway: Gateway) -> str:
    """Why an event, though signed, is not for us: another mode, a connected account, a simulated id in real mode."""
    if event.livemode != (gateway.mode == "live"):
        return "mode"
    if event.account is not None:
        return "account"
    if gateway.mode != "simulated" and SIMULATED_MARK in event.id + event.object_id:
        return "simulated"
    return ""


def _ignore(reason: str) -> Effect:
    return lambda _session, _now: Outcome("ignored", reason)


def _settle_session(event: Event, gateway: Gateway, known: Known | None) -> Effect:
    """Settle by the session the event names. Sessions of somebody else, like `stripe trigger`'s, aren't even read."""
    if known is None:
        return _ignore("unknown_purchase")
    return _settle(gateway.checkout(event.object_id), known)


def _settle(checkout: CheckoutSession, known: Known | None) -> Effect:
    def effect(session: Session, now: dt.datetime) -> Outcome:
        purchase = _purchase_to_settle(session, checkout, known)
        if purchase is None:
            return Outcome("ignored", "unknown_purchase")
        settled = fulfil(session, purchase, checkout, now=now)
        return Outcome("handled", settled.state, settled.account_id, settled.id)

    return effect


def _purchase_to_settle(session: Session, checkout: CheckoutSession, known: Known | None) -> Purchase | None:
    """The purchase a session at Stripe belongs to; what an event seemed to be about comes last."""
    found = session.scalar(select(Purchase).where(Purchase.session_id == checkout.id))
    if found is None and checkout.client_reference_id:
        found = session.scalar(select(Purchase).where(Purchase.id == checkout.client_reference_id))
    if found is None and known is not None:
        found = session.get(Purchase, (known.account_id, known.purchase_id))
    return found


def _purchase_of(
    session: Session, stripe_mode: str, *, session_id: str, intent_id: str, purchase_ids: tuple[str, ...]
) -> Purchase | None:
    ways = (
        (Purchase.session_id, session_id),
        (Purchase.payment_intent_id, intent_id),
        *((Purchase.id, purchase_id) for purchase_id in purchase_ids),
    )
    ours = select(Purchase).where(Purchase.stripe_mode == stripe_mode)
    return next(
        (found for column, key in ways if key and (found := session.scalar(ours.where(column == key).limit(1)))), None
    )
