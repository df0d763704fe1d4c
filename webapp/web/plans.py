"""Subscribing, at the edge: opening the checkout of a plan, settling it, reading a subscription again, the portal.

Short transactions around calls to Stripe, and never a call inside one.
"""

import datetime as dt
from contextlib import suppress

import structlog

from webapp.billing.checkout import Buyer, Shop
from webapp.billing.customers import customer_of
from webapp.billing.errors import (
    NotSubscribed,
    Overtaken,
    PlanMissing,
    PortalUnavailable,
    StripeRefused,
    StripeUnreachable,
    UnknownPurchase,
)
from webapp.billing.gateway import Gateway
from webapp.billing.subscriptions.asking import ask_plan
from webapp.billing.subscriptions.checkout import open_plan_checkout, others_open, settle_plan_checkout
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.billing.subscriptions.portal import PortalFlow, portal_params
from webapp.billing.subscriptions.portal_settings import our_portal
from webapp.billing.subscriptions.queries import plan_checkout_of_session, subscription_of
from webapp.billing.subscriptions.settling import settle_subscription
from webapp.billing.subscriptions.standing import current_subscription
from webapp.crashes import point
from webapp.extensions import db, end_reading, parts, transact
from webapp.web.checkout import SignedIn
from webapp.web.overtaken import asked_again
from webapp.web.prices import gateway_or_refusal
from webapp.web.sending import ask, is_unsettled, no_earlier_than, send_checkout, stored

log = structlog.get_logger("refill")


def start_plan(
    *, user: SignedIn, plan_slug: str, open_key: str, fingerprint: str | None = None, now: dt.datetime
) -> PlanCheckout:
    """Open the checkout of a plan; send the buyer to its `session_url` while its state is open.

    Another checkout of a plan that the account has left open is ended first, so that two can't both be paid. Raises
    what `open_plan_checkout` raises, PaymentsOff, CheckoutExpired, StripeRefused, StripeUnreachable (send the same key
    again). Nobody has been charged in any of these.
    """
    gateway = gateway_or_refusal()
    buyer = Buyer(user.account_id, user.id, user.email, None)
    shop = Shop(parts().catalog, gateway.mode, parts().settings.base_url)
    opened = transact(
        lambda session: open_plan_checkout(
            session, shop, buyer, plan_slug=plan_slug, open_key=open_key, fingerprint=fingerprint, now=now
        )
    )
    if opened.session_id is not None or opened.state != "open":
        return opened
    point("plan.opened")
    _end_others(gateway, opened, now=now)
    return send_checkout(gateway, opened, email=user.email, now=now)


def settle_plan(account_id: int, session_id: str, *, now: dt.datetime) -> PlanCheckout:
    """Bring a checkout of a plan to what Stripe says of it, if nobody asked in the last 5 s; give it back.

    When Stripe can't be asked the stored one is given. Raises UnknownPurchase unless it is the account's own. Ends the
    request's read session.
    """
    opened, _ = settle_plan_and_tell(account_id, session_id, now=now)
    return opened


def settle_plan_and_tell(account_id: int, session_id: str, *, now: dt.datetime) -> tuple[PlanCheckout, bool]:
    """Settle as `settle_plan` does; tell too whether the state is what Stripe answered just now."""
    opened = plan_checkout_of_session(db.session(), account_id, session_id)
    end_reading()
    if opened is None:
        raise UnknownPurchase
    gateway = parts().gateway
    if gateway is None or not is_unsettled(opened, gateway):
        return opened, False
    try:
        asked = ask_about_plan(gateway, opened, now=now)
    except (StripeUnreachable, StripeRefused, Overtaken, PlanMissing) as error:
        log.warning("plan's checkout not settled yet", checkout=opened.id, error=str(error))
        return stored(opened), False
    return asked, asked.asked_at == now


def ask_about_plan(gateway: Gateway, opened: PlanCheckout, *, now: dt.datetime) -> PlanCheckout:
    """Ask Stripe about an unsettled checkout of a plan, unless someone did in the last 5 s, and store what follows."""
    opened, checkout = ask(gateway, opened, now=now)
    if checkout is None:
        return opened
    catalog, told = parts().catalog, None
    if checkout.subscription_id is not None:
        row = _stored_subscription(opened.account_id, checkout.subscription_id)
        told = ask_plan(gateway, checkout.subscription_id, known_at=row.read_at if row else None)
    told_at = no_earlier_than(now)
    return transact(lambda session: settle_plan_checkout(session, catalog, opened, checkout, told, now=told_at))


def refresh_subscription(account_id: int, *, now: dt.datetime) -> Subscription | None:
    """Read the account's subscription at Stripe again and store what it is now: they may come from the portal.

    When Stripe can't be asked the stored one is given. Ends the request's read session.
    """
    gateway = parts().gateway
    mode = parts().settings.payments
    row = current_subscription(db.session(), account_id, stripe_mode=mode)
    end_reading()
    if gateway is None or row is None:
        return row
    try:
        return read_again(gateway, row, now=now)
    except (StripeUnreachable, StripeRefused, Overtaken, PlanMissing) as error:
        log.warning("subscription not read again", subscription=row.id, error=str(error))
        return row


def read_again(gateway: Gateway, row: Subscription, *, now: dt.datetime) -> Subscription:
    """Ask Stripe about a subscription and settle it.

    Raises Overtaken, StripeUnreachable, StripeRefused, PlanMissing.
    """
    return asked_again(lambda _: _read_once(gateway, row, now=now))


def _read_once(gateway: Gateway, row: Subscription, *, now: dt.datetime) -> Subscription:
    row = _stored_subscription(row.account_id, row.id) or row
    told = ask_plan(gateway, row.id, known_at=row.read_at)
    if told is None:
        return row
    point("plan.asked")
    key, mode, told_at = (parts().catalog, row.account_id), gateway.mode, no_earlier_than(now)
    return transact(lambda session: settle_subscription(session, *key, told, stripe_mode=mode, now=told_at))


def portal_address(account_id: int, flow: PortalFlow | None) -> str:
    """Open Stripe's customer portal for the account, at the part that `flow` names; it comes back to `/billing`.

    Where Stripe won't open that part (a switch that the portal's settings don't offer, nothing left to cancel) it
    opens at its beginning. Raises PaymentsOff, NotSubscribed (nothing was ever paid), StripeUnreachable,
    PortalUnavailable. Ends the request's read session.
    """
    gateway = gateway_or_refusal()
    row = current_subscription(db.session(), account_id, stripe_mode=gateway.mode)
    customer_id = row.customer_id if row else customer_of(db.session(), account_id, gateway.mode)
    end_reading()
    if customer_id is None:
        raise NotSubscribed
    ours = our_portal(gateway)  # the account's default portal, where `flask stripe sync` has made none of ours
    chosen = {"configuration": ours[0]} if ours else {}
    for part in dict.fromkeys((flow, None)):
        params = portal_params(customer_id, row, part, base_url=parts().settings.base_url)
        try:
            return gateway.portal_url(params | chosen)
        except StripeRefused as refusal:
            log.warning("portal refused", account_id=account_id, flow=part, code=refusal.stripe_code)
    raise PortalUnavailable


def _end_others(gateway: Gateway, opened: PlanCheckout, *, now: dt.datetime) -> None:
    """End the other open checkouts at Stripe. One that is being paid right now can't be ended: it is settled."""
    others = others_open(db.session(), opened)
    end_reading()
    for other in others:
        try:
            gateway.expire_checkout(str(other.session_id))
        except StripeRefused:
            log.info("another checkout of a plan can't be ended", checkout=other.id)
        with suppress(Overtaken):  # somebody else settles it at this moment
            ask_about_plan(gateway, other, now=no_earlier_than(now))


def _stored_subscription(account_id: int, subscription_id: str) -> Subscription | None:
    end_reading()
    found = subscription_of(db.session(), account_id, subscription_id)
    end_reading()
    return found
