"""What the events of plans make us do. All those of one subscription the same, whatever they say and in any order.

They find the subscription, read it and its invoices anew, and bring our mirror and the allowance to them.
"""

import datetime as dt

from sqlalchemy.orm import Session

from webapp.billing.customers import forget_customer
from webapp.billing.events import Event
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome
from webapp.billing.registry import Effect, KnownPlan, ignore, on_plan
from webapp.billing.stripe_objects import CheckoutSession, Price
from webapp.billing.subscriptions.asking import PlanTold, ask_plan
from webapp.billing.subscriptions.checkout import settle_plan_checkout
from webapp.billing.subscriptions.known import subscription_id_of
from webapp.billing.subscriptions.models import PlanCheckout
from webapp.billing.subscriptions.settling import account_of, note_action_needed, settle_subscription
from webapp.billing.sync import store_price
from webapp.catalog import Catalog


@on_plan("checkout.session.completed")
def plan_checkout_completed(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """Somebody subscribed: note whose subscription it is, and give the allowance if its invoice is paid."""
    return _settle_checkout(event, gateway, known, catalog)


@on_plan("checkout.session.async_payment_succeeded")
def plan_payment_succeeded(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A delayed first payment arrived: the allowance is given."""
    return _settle_checkout(event, gateway, known, catalog)


@on_plan("checkout.session.async_payment_failed")
def plan_payment_failed(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A delayed first payment failed: the subscription is what Stripe makes of it, without an allowance."""
    return _settle_checkout(event, gateway, known, catalog)


@on_plan("checkout.session.expired")
def plan_checkout_expired(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """Nobody subscribed in time: the checkout has expired."""
    return _settle_checkout(event, gateway, known, catalog)


@on_plan("customer.subscription.created")
def subscription_created(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A subscription began: mirror it. The allowance comes with its paid invoice, whichever is told first."""
    return _settle(event, gateway, known, catalog)


@on_plan("customer.subscription.updated")
def subscription_updated(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A subscription changed its plan, state, card or end: mirror it."""
    return _settle(event, gateway, known, catalog)


@on_plan("customer.subscription.deleted")
def subscription_deleted(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A subscription ended: no more allowance. What was given stays to its end, what was bought stays."""
    return _settle(event, gateway, known, catalog)


@on_plan("customer.subscription.paused")
def subscription_paused(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A trial ended without a card: the plan rests, and nothing is given."""
    return _settle(event, gateway, known, catalog)


@on_plan("customer.subscription.resumed")
def subscription_resumed(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A paused subscription goes on: mirror it; its next paid invoice gives the allowance."""
    return _settle(event, gateway, known, catalog)


@on_plan("invoice.paid")
def invoice_paid(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A period is paid, or costs nothing: give its allowance, once. A paid switch gives the difference."""
    return _settle(event, gateway, known, catalog)


@on_plan("invoice.payment_failed")
def invoice_failed(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A payment failed: no new allowance, and the subscriber is told where to put it right."""
    return _settle(event, gateway, known, catalog)


@on_plan("invoice.payment_action_required")
def invoice_needs_action(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """The bank wants the subscriber to confirm a payment: they are told where."""
    return _settle(event, gateway, known, catalog)


@on_plan("invoice.voided")
def invoice_voided(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """An invoice is asked for no more: nothing was given for it, and nothing is owed."""
    return _settle(event, gateway, known, catalog)


@on_plan("customer.deleted")
def customer_deleted(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """A customer was deleted: forget them, so that the next payment makes a new one. The ledger stays as it is."""
    if known is None or gateway.has_customer(event.object_id):
        return ignore("unknown_customer" if known is None else "customer_lives")
    told = None if known.subscription_id is None else ask_plan(gateway, known.subscription_id, known_at=known.read_at)

    def effect(session: Session, now: dt.datetime) -> Outcome:
        if told is not None and (told.plan_slug is not None or told.known_at is not None):
            settle_subscription(session, catalog, known.account_id, told, stripe_mode=gateway.mode, now=now)
        forget_customer(session, known.account_id, stripe_mode=gateway.mode, customer_id=event.object_id)
        return Outcome("handled", "forgotten", known.account_id)

    return effect


@on_plan("price.updated")
def price_updated(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:  # noqa: ARG001  # a handler's shape
    """A Price changed: what can be bought is compared with it from now on."""
    price = gateway.price(event.object_id)
    return _store([price] if price else [], gateway)


@on_plan("product.updated")
def product_updated(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:  # noqa: ARG001  # a handler's shape
    """A product changed: its Prices are compared with the catalogue again."""
    return _store(list(gateway.prices_of_product(event.object_id)), gateway)


def _settle(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    """Settle the event's subscription. Whose it is when nobody knows yet: it is parked, and tried again."""
    subscription_id = subscription_id_of(event)
    if not subscription_id and event.json.get("object") == "invoice":
        subscription_id = gateway.subscription_of_invoice(event.object_id) or ""
    if not subscription_id:
        return ignore("no_subscription")
    known_at = known.read_at if known is not None and known.subscription_id == subscription_id else None
    told = ask_plan(gateway, subscription_id, known_at=known_at)
    if told is None or (told.plan_slug is None and known_at is None):
        return ignore("not_our_plan")
    return lambda session, now: _apply(session, event, gateway, told, catalog, now=now)


def _apply(
    session: Session, event: Event, gateway: Gateway, told: PlanTold, catalog: Catalog, *, now: dt.datetime
) -> Outcome:
    account_id = account_of(session, told, stripe_mode=gateway.mode)
    if account_id is None:
        return Outcome("parked", "unknown_customer")
    row = settle_subscription(session, catalog, account_id, told, stripe_mode=gateway.mode, now=now)
    if event.type == "invoice.payment_action_required":
        note_action_needed(row, event.object_id)
    return Outcome("handled", row.status, account_id)


def _settle_checkout(event: Event, gateway: Gateway, known: KnownPlan | None, catalog: Catalog) -> Effect:
    if known is None or known.checkout_id is None:
        return ignore("unknown_checkout")
    checkout = gateway.checkout(event.object_id)
    subscription_id = checkout.subscription_id
    told = None
    if subscription_id is not None:
        known_at = known.read_at if known.subscription_id == subscription_id else None
        told = ask_plan(gateway, subscription_id, known_at=known_at)
    return lambda session, now: _apply_checkout(session, known, checkout, told, catalog, now=now)


def _apply_checkout(
    session: Session,
    known: KnownPlan,
    checkout: CheckoutSession,
    told: PlanTold | None,
    catalog: Catalog,
    *,
    now: dt.datetime,
) -> Outcome:
    opened = session.get_one(PlanCheckout, (known.account_id, known.checkout_id))
    settled = settle_plan_checkout(session, catalog, opened, checkout, told, now=now)
    return Outcome("handled", settled.state, settled.account_id)


def _store(prices: list[Price], gateway: Gateway) -> Effect:
    def effect(session: Session, now: dt.datetime) -> Outcome:
        known = [price for price in prices if store_price(session, price, stripe_mode=gateway.mode, now=now)]
        return Outcome("handled", "stored") if known else Outcome("ignored", "not_our_price")

    return effect
