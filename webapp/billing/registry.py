"""The registries: one small function for each exact event name of Stripe's, and what such a function is given.

Of packs and of plans each; a checkout's events are in both, and whose checkout it is decides.

Every event is a hint. A handler reads the object it names at our API version, with no transaction open, and returns
an effect that is applied in one; the inbox row commits with it. What each handler's first line says stands in the
table of docs/stripe.md. Knows no event by name.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.events import Event
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome
from webapp.billing.models import Purchase
from webapp.billing.stripe_objects import CheckoutSession
from webapp.catalog import Catalog

H = TypeVar("H", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Known:
    """The purchase that an event seems to be about, as it was before Stripe was asked."""

    account_id: int
    purchase_id: str
    session_id: str | None
    state: str
    payment_intent_id: str | None
    money_read_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class KnownPlan:
    """The subscriber that an event seems to be about, as they were before Stripe was asked.

    `checkout_id` is the checkout of a plan that it belongs to, `subscription_id` what that or a customer has become,
    and `read_at` when that was last settled. None: nothing is known of it.
    """

    account_id: int
    checkout_id: str | None
    subscription_id: str | None
    read_at: dt.datetime | None


Effect = Callable[[Session, dt.datetime], Outcome]
Handler = Callable[[Event, Gateway, Known | None], Effect]
PlanHandler = Callable[[Event, Gateway, KnownPlan | None, Catalog], Effect]

HANDLERS: dict[str, Handler] = {}
PLAN_HANDLERS: dict[str, PlanHandler] = {}


class DuplicateHandler(Exception):
    """Two functions claim one event name."""


def on(event_type: str) -> Callable[[Handler], Handler]:
    """Register the one handler of an exact event name where it is about a purchase."""
    return _register(HANDLERS, event_type)


def on_plan(event_type: str) -> Callable[[PlanHandler], PlanHandler]:
    """Register the one handler of an exact event name where it is about a plan, or about the catalogue."""
    return _register(PLAN_HANDLERS, event_type)


def event_types() -> tuple[str, ...]:
    """The events we listen to, for `flask stripe listen` and for webhook endpoints."""
    return tuple(dict.fromkeys((*HANDLERS, *PLAN_HANDLERS)))


def _register(registry: dict[str, H], event_type: str) -> Callable[[H], H]:
    def register(handler: H) -> H:
        if event_type in registry:
            raise DuplicateHandler(f"{event_type} has a handler: {registry[event_type]}")
        registry[event_type] = handler
        return handler

    return register


def ignore(reason: str) -> Effect:
    """The effect of an event that is not for us: stored with the reason."""
    return lambda _session, _now: Outcome("ignored", reason)


def purchase_to_settle(session: Session, checkout: CheckoutSession, known: Known | None) -> Purchase | None:
    """The purchase a session at Stripe belongs to; what an event seemed to be about comes last."""
    found = session.scalar(select(Purchase).where(Purchase.session_id == checkout.id))
    if found is None and checkout.client_reference_id:
        found = session.scalar(select(Purchase).where(Purchase.id == checkout.client_reference_id))
    if found is None and known is not None:
        found = session.get(Purchase, (known.account_id, known.purchase_id))
    return found
