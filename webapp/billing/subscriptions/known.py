"""Whom an event of a plan seems to be about, by our own rows. Only reads, and only hints."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.billing.customers import account_of_customer
from webapp.billing.events import Event
from webapp.billing.registry import KnownPlan
from webapp.billing.subscriptions.models import PlanCheckout, Subscription

# Where invoices name their subscription and its metadata: today, and in API versions before 2025-03-31.basil.
OF_INVOICE = ("parent.subscription_details.subscription", "subscription")
METADATA_OF_INVOICE = ("parent.subscription_details.metadata.checkout_id", "subscription_details.metadata.checkout_id")


def subscription_id_of(event: Event) -> str:
    """The subscription that an event names, '' for none."""
    kind = event.json.get("object")
    if kind == "subscription":
        return event.object_id
    ways = OF_INVOICE if kind == "invoice" else ("subscription",)
    return next((found for way in ways if (found := event.hint(way))), "")


def named_plan(session: Session, event: Event, *, stripe_mode: str, overtaken_id: str = "") -> KnownPlan | None:
    """The subscriber of an event: by the subscription, by a checkout of a plan, by the customer.

    `overtaken_id` is the subscription that it turned out to be about, where the event doesn't name it itself.
    """
    subscription_id = overtaken_id or subscription_id_of(event)
    if subscription_id and (row := _subscription(session, subscription_id, stripe_mode)):
        return KnownPlan(row.account_id, _checkout_id(session, event, stripe_mode), row.id, row.read_at)
    checkout = _checkout(session, event, stripe_mode)
    if checkout is not None:
        return KnownPlan(checkout.account_id, checkout.id, subscription_id or None, None)
    if event.json.get("object") == "checkout.session":
        return None
    customer_id = event.object_id if event.json.get("object") == "customer" else event.hint("customer")
    account_id = account_of_customer(session, customer_id, stripe_mode=stripe_mode) if customer_id else None
    if account_id is None:
        return None
    live = live_of_customer(session, customer_id, stripe_mode=stripe_mode) if not subscription_id else None
    return KnownPlan(account_id, None, live.id if live else subscription_id or None, live.read_at if live else None)


def live_of_customer(session: Session, customer_id: str, *, stripe_mode: str) -> Subscription | None:
    """The subscription of a customer that has not ended, as it is stored."""
    return session.scalar(
        select(Subscription)
        .where(
            Subscription.customer_id == customer_id,
            Subscription.stripe_mode == stripe_mode,
            Subscription.ended_at.is_(None),
        )
        .order_by(Subscription.started_at.desc())
        .limit(1)
    )


def _subscription(session: Session, subscription_id: str, stripe_mode: str) -> Subscription | None:
    return session.scalar(
        select(Subscription).where(Subscription.id == subscription_id, Subscription.stripe_mode == stripe_mode)
    )


def _checkout_id(session: Session, event: Event, stripe_mode: str) -> str | None:
    found = _checkout(session, event, stripe_mode)
    return None if found is None else found.id


def _checkout(session: Session, event: Event, stripe_mode: str) -> PlanCheckout | None:
    """The checkout of a plan that an event names: as its own session, or in what we wrote into the metadata."""
    kind = event.json.get("object")
    if kind == "checkout.session":
        by_id = or_(PlanCheckout.session_id == event.object_id, PlanCheckout.id == event.hint("client_reference_id"))
        return session.scalar(select(PlanCheckout).where(by_id, PlanCheckout.stripe_mode == stripe_mode))
    ways = METADATA_OF_INVOICE if kind == "invoice" else ("metadata.checkout_id",)
    ids = [found for way in ways if (found := event.hint(way))]
    if not ids:
        return None
    return session.scalar(select(PlanCheckout).where(PlanCheckout.id.in_(ids), PlanCheckout.stripe_mode == stripe_mode))
