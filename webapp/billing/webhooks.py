"""An event from Stripe, verified: which purchase it seems to be about, what to do about it, and doing it.

The functions for each event name are in `payments`, `money_back.handlers` and `subscriptions.handlers`; importing this
module registers them.
"""

import datetime as dt

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing import payments  # noqa: F401  # registers its handlers
from webapp.billing.events import Event
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome, keep
from webapp.billing.models import Purchase
from webapp.billing.money_back import handlers  # noqa: F401  # registers its handlers
from webapp.billing.registry import HANDLERS, PLAN_HANDLERS, Effect, Known, KnownPlan, event_types, ignore
from webapp.billing.stripe_objects import SIMULATED_MARK
from webapp.billing.subscriptions import handlers as plan_handlers  # noqa: F401  # registers its handlers
from webapp.billing.subscriptions.known import named_plan
from webapp.catalog import Catalog

__all__ = ["HANDLERS", "PLAN_HANDLERS", "apply", "event_types", "named", "prepare"]

log = structlog.get_logger("refill")


def named(session: Session, event: Event, *, stripe_mode: str, overtaken_id: str = "") -> Known | KnownPlan | None:
    """What an event seems to be about: a plan, or else a purchase. Only reads, and only hints.

    `overtaken_id` is the purchase or subscription that it turned out to be about when it was overtaken.
    """
    plan = (
        named_plan(session, event, stripe_mode=stripe_mode, overtaken_id=overtaken_id)
        if event.type in PLAN_HANDLERS
        else None
    )
    return plan or named_purchase(session, event, stripe_mode=stripe_mode, purchase_id=overtaken_id)


def named_purchase(session: Session, event: Event, *, stripe_mode: str, purchase_id: str = "") -> Known | None:
    """The purchase an event seems to be about: by its session, its payment, or what we wrote into metadata.

    Only reads, and only hints: which purchase is settled is decided by the object that Stripe gives us.
    `purchase_id` is the one that the event turned out to be about when it was overtaken.
    """
    is_session = event.json.get("object") == "checkout.session"
    is_payment = event.json.get("object") == "payment_intent"
    purchase = _purchase_of(
        session,
        stripe_mode,
        session_id=event.object_id if is_session else "",
        intent_id=event.object_id if is_payment else event.hint("payment_intent"),
        purchase_ids=(purchase_id, event.hint("client_reference_id"), event.hint("metadata.purchase_id")),
    )
    if purchase is None:
        return None
    return Known(
        purchase.account_id,
        purchase.id,
        purchase.session_id,
        purchase.state,
        purchase.payment_intent_id,
        purchase.money_read_at,
    )


def prepare(event: Event, gateway: Gateway, known: Known | KnownPlan | None, catalog: Catalog) -> Effect:
    """What to do about a verified event. Asks Stripe, so no transaction may be open.

    Raises StripeUnreachable or StripeRefused; then the event failed and is tried again.
    """
    if reason := _not_ours(event, gateway):
        log.warning("event ignored", stripe_event=event.id, type=event.type, reason=reason)
        return ignore(reason)
    if event.type in PLAN_HANDLERS and (isinstance(known, KnownPlan) or event.type not in HANDLERS):
        return PLAN_HANDLERS[event.type](event, gateway, known if isinstance(known, KnownPlan) else None, catalog)
    handler = HANDLERS.get(event.type)
    if handler is None or isinstance(known, KnownPlan):
        return ignore("unknown_type")
    return handler(event, gateway, known)


def apply(session: Session, event: Event, effect: Effect, *, stripe_mode: str, now: dt.datetime) -> Outcome:
    """Apply an event's effect and store the event, both in this transaction. Locks the purchase's account.

    Raises Overtaken when Stripe must be asked again: begin with `named` of its object then.
    """
    outcome = effect(session, now)
    keep(session, event, outcome, stripe_mode=stripe_mode, now=now)
    return outcome


def _not_ours(event: Event, gateway: Gateway) -> str:
    """Why an event, though signed, is not for us: another mode, a connected account, a simulated id in real mode."""
    if event.livemode != (gateway.mode == "live"):
        return "mode"
    if event.account is not None:
        return "account"
    if gateway.mode != "simulated" and SIMULATED_MARK in event.id + event.object_id:
        return "simulated"
    return ""


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
