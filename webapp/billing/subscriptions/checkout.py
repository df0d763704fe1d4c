"""The checkout of a plan: who may subscribe, the Checkout Session's parameters, and what came of it.

What happens to every opened checkout is in `billing.opening`.
"""

import datetime as dt
import hashlib
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.checkout import Buyer, Shop, switches
from webapp.billing.customers import customer_of, remember_customer
from webapp.billing.errors import AlreadySubscribed, PlanUnavailable, UnknownPlan
from webapp.billing.models import StripePrice
from webapp.billing.offers import fault_of, prices_by_lookup_key
from webapp.billing.opening import LIFE, NEVER_ASKED, attach, locked, new_id, opened_under, unknown_customer
from webapp.billing.stripe_objects import CheckoutSession
from webapp.billing.subscriptions.asking import PlanTold
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.billing.subscriptions.settling import settle_subscription
from webapp.billing.subscriptions.standing import current_subscription
from webapp.catalog import Catalog, Plan
from webapp.ledger.operations import lock_account


def open_plan_checkout(
    session: Session,
    shop: Shop,
    buyer: Buyer,
    *,
    plan_slug: str,
    open_key: str,
    fingerprint: str | None = None,
    now: dt.datetime,
) -> PlanCheckout:
    """Open the checkout of a plan, or give the one that `open_key` has already opened. Locks the account.

    A checkout of the same plan that was left and can still be paid is given again: two of them could both be paid.
    Raises UnknownAccount, UnknownPlan, AlreadySubscribed, PlanUnavailable; IdempotencyConflict when the key opened
    something else.
    """
    lock_account(session, buyer.account_id)
    fingerprint = fingerprint or hashlib.sha256(f"subscribe {plan_slug}".encode()).hexdigest()
    opened = opened_under(session, PlanCheckout, buyer.account_id, open_key=open_key, fingerprint=fingerprint)
    if opened is not None:
        return opened
    plan = shop.catalog.plan(plan_slug)
    if plan is None or plan.is_free or not plan.is_active:
        raise UnknownPlan(plan_slug)
    present = current_subscription(session, buyer.account_id, stripe_mode=shop.stripe_mode)
    if present is not None:
        raise AlreadySubscribed(present.plan_slug)
    price = _price(session, shop, plan)
    left = _left(session, buyer.account_id, plan, price, stripe_mode=shop.stripe_mode, now=now)
    return left or _frozen(session, shop, buyer, plan, price, open_key=open_key, fingerprint=fingerprint, now=now)


def others_open(session: Session, checkout: PlanCheckout) -> list[PlanCheckout]:
    """The account's other checkouts of plans that somebody could still pay."""
    open_ones = (
        PlanCheckout.account_id == checkout.account_id,
        PlanCheckout.stripe_mode == checkout.stripe_mode,
        PlanCheckout.state == "open",
        PlanCheckout.session_id.is_not(None),
        PlanCheckout.id != checkout.id,
    )
    return list(session.scalars(select(PlanCheckout).where(*open_ones)))


def settle_plan_checkout(
    session: Session,
    catalog: Catalog,
    opened: PlanCheckout,
    checkout: CheckoutSession,
    told: PlanTold | None,
    *,
    now: dt.datetime,
) -> PlanCheckout:
    """Bring a checkout of a plan, and the subscription that came of it, to what Stripe says. Locks the account.

    Both must have been read from Stripe, never taken from an event; `told` is None while there is no subscription.
    Called as often as one likes, in any order.
    """
    held = locked(session, opened)
    if checkout.client_reference_id != held.id or checkout.mode != "subscription":
        raise RuntimeError(f"session {checkout.id} is not of the plan's checkout {held.id}")
    attach(held, checkout)
    if told is not None:
        _complete(session, catalog, held, checkout, told, now=now)
    elif checkout.status == "expired" and held.state == "open":
        held.state, held.settled_at = "expired", now
    session.flush()
    return held


def _complete(
    session: Session,
    catalog: Catalog,
    held: PlanCheckout,
    checkout: CheckoutSession,
    told: PlanTold,
    *,
    now: dt.datetime,
) -> None:
    if held.state != "complete":
        held.state, held.subscription_id, held.settled_at = "complete", told.subscription.id, now
    if checkout.customer_id:
        remember_customer(
            session, held.account_id, stripe_mode=held.stripe_mode, customer_id=checkout.customer_id, now=now
        )
    settle_subscription(session, catalog, held.account_id, told, stripe_mode=held.stripe_mode, now=now)


def _price(session: Session, shop: Shop, plan: Plan) -> StripePrice:
    """The plan's Price, if Stripe has one that agrees with the catalogue."""
    lookup_key = str(plan.lookup_key)
    price = prices_by_lookup_key(session, shop.stripe_mode, [lookup_key]).get(lookup_key)
    code, _ = fault_of(plan, price, shop.stripe_mode)
    if code or price is None:
        raise PlanUnavailable(plan.slug)
    return price


def _left(
    session: Session, account_id: int, plan: Plan, price: StripePrice, *, stripe_mode: str, now: dt.datetime
) -> PlanCheckout | None:
    left = (
        PlanCheckout.account_id == account_id,
        PlanCheckout.stripe_mode == stripe_mode,
        PlanCheckout.plan_slug == plan.slug,
        PlanCheckout.price_id == price.price_id,
        PlanCheckout.state == "open",
        PlanCheckout.session_url.is_not(None),
        PlanCheckout.expires_at > now,
    )
    return session.scalar(select(PlanCheckout).where(*left).order_by(PlanCheckout.opened_at.desc()).limit(1))


def _frozen(
    session: Session,
    shop: Shop,
    buyer: Buyer,
    plan: Plan,
    price: StripePrice,
    *,
    open_key: str,
    fingerprint: str,
    now: dt.datetime,
) -> PlanCheckout:
    opened = PlanCheckout(
        account_id=buyer.account_id,
        id=new_id(),
        user_id=buyer.user_id,
        stripe_mode=shop.stripe_mode,
        plan_slug=plan.slug,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        price_id=price.price_id,
        open_key=open_key,
        open_fingerprint=fingerprint,
        open_number=1,
        state="open",
        opened_at=now,
        expires_at=now + LIFE,
        asked_at=NEVER_ASKED,
    )
    customer_id = customer_of(session, buyer.account_id, shop.stripe_mode)
    had_one = select(Subscription.id).where(
        Subscription.account_id == buyer.account_id, Subscription.stripe_mode == shop.stripe_mode
    )
    trial_days = plan.trial_days if session.scalar(had_one.limit(1)) is None else 0
    opened.params = _params(shop, buyer, opened, customer_id, trial_days=trial_days)
    session.add(opened)
    session.flush()
    return opened


def _params(
    shop: Shop, buyer: Buyer, opened: PlanCheckout, customer_id: str | None, *, trial_days: int
) -> dict[str, Any]:
    """Every parameter of the Checkout Session. The metadata goes on the subscription too: its events come first."""
    metadata = {
        "type": "plan",
        "checkout_id": opened.id,
        "account_id": str(opened.account_id),
        "user_id": str(opened.user_id),
        "plan": opened.plan_slug,
    }
    billing_url = f"{shop.base_url}/billing"
    trial = {"trial_period_days": trial_days} if trial_days else {}
    known = {"customer": customer_id} if customer_id else unknown_customer("subscription", buyer.email)
    return {
        "mode": "subscription",
        "line_items": [{"price": opened.price_id, "quantity": 1}],
        "client_reference_id": opened.id,
        "metadata": metadata,
        "subscription_data": {"metadata": metadata, **trial},
        "success_url": f"{billing_url}?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{billing_url}?checkout=cancelled",
        "expires_at": int(opened.expires_at.timestamp()),
        **known,
        **switches(shop.catalog, customer_id),
    }
