"""Buying, at the edge: short transactions around calls to Stripe, and never a call inside one.

Used by the pages, the API, the webhook's sweep. `docs/stripe.md` tells the whole way of a purchase.
"""

import datetime as dt
from typing import Protocol

import structlog
from sqlalchemy import select

from webapp.billing import queries
from webapp.billing.checkout import Buyer, Shop, open_purchase
from webapp.billing.errors import (
    PaymentsOff,
    StripeRefused,
    StripeUnreachable,
    UnknownPurchase,
)
from webapp.billing.fulfil import fulfil
from webapp.billing.gateway import Gateway
from webapp.billing.models import Purchase
from webapp.billing.subscriptions.models import PlanCheckout
from webapp.billing.subscriptions.standing import plan_standing
from webapp.crashes import point
from webapp.extensions import db, end_reading, parts, transact
from webapp.web.sending import ask, is_unsettled, no_earlier_than, send_checkout

log = structlog.get_logger("refill")


class SignedIn(Protocol):
    """Who is asking, from the login or the key."""

    id: int
    account_id: int
    email: str


def start_purchase(
    *,
    user: SignedIn,
    pack_slug: str,
    terms: str | None,
    open_key: str,
    fingerprint: str | None = None,
    now: dt.datetime,
) -> Purchase:
    """Open a purchase and its Checkout Session; send the buyer to its `session_url` while its state is open.

    The same `open_key` gives the same purchase, whatever became of it since. Raises what `open_purchase` raises,
    PaymentsOff, CheckoutExpired, StripeRefused, and StripeUnreachable: then the purchase stays open and the same key
    sends Stripe the same again. Nobody has been charged in any of these.
    """
    settings, catalog, gateway = parts().settings, parts().catalog, parts().gateway
    if gateway is None:
        raise PaymentsOff
    plan = plan_standing(db.session(), catalog, user.account_id, stripe_mode=gateway.mode).plan
    end_reading()
    buyer = Buyer(user.account_id, user.id, user.email, plan)
    shop = Shop(catalog, gateway.mode, settings.base_url)
    purchase = transact(
        lambda session: open_purchase(
            session, shop, buyer, pack_slug=pack_slug, terms=terms, open_key=open_key, fingerprint=fingerprint, now=now
        )
    )
    if purchase.session_id is None:
        point("checkout.opened")
        purchase = send_checkout(gateway, purchase, email=buyer.email, now=now)
    return purchase


def is_sent(account_id: int, open_key: str, kind: type[Purchase | PlanCheckout]) -> bool:
    """Whether what this key opened has its Checkout Session already, so that its answer now is a repeat.

    Ends the request's read session.
    """
    end_reading()
    sent = select(kind.session_id).where(kind.account_id == account_id, kind.open_key == open_key)
    session_id = db.session.scalar(sent)
    end_reading()
    return session_id is not None


def settle_purchase(account_id: int, purchase_id: str, *, now: dt.datetime) -> Purchase:
    """Bring a purchase to what Stripe says of it, if it is unsettled and nobody asked in the last 5 s; give it back.

    When Stripe can't be asked the stored purchase is given: it is settled later, by the next one who asks.
    Raises UnknownPurchase unless it is the account's own. Ends the request's read session.
    """
    purchase, _ = settle_and_tell(account_id, purchase_id, now=now)
    return purchase


def settle_and_tell(account_id: int, purchase_id: str, *, now: dt.datetime) -> tuple[Purchase, bool]:
    """Settle as `settle_purchase` does; tell too whether the purchase's state is what Stripe answered just now.

    Not when Stripe was out of reach, nor when somebody else asked in the last 5 s: what they heard isn't recorded.
    """
    gateway = parts().gateway
    purchase = own_purchase(account_id, purchase_id)
    if gateway is None or not is_unsettled(purchase, gateway):
        return purchase, False
    try:
        asked = ask_about(gateway, purchase, now=now)
    except (StripeUnreachable, StripeRefused) as error:
        log.warning("purchase not settled yet", purchase=purchase.id, error=str(error))
        return own_purchase(account_id, purchase_id), False
    return asked, asked.asked_at == now


def ask_about(gateway: Gateway, purchase: Purchase, *, now: dt.datetime) -> Purchase:
    """Ask Stripe about an unsettled purchase, unless someone did in the last 5 s, and store what follows.

    Raises what the gateway raises; what becomes of one that Stripe can't tell about: `sending.ask`.
    """
    purchase, checkout = ask(gateway, purchase, now=now)
    if checkout is None:
        return purchase
    told_at = no_earlier_than(now)
    return transact(lambda session: fulfil(session, session.get_one(Purchase, _key(purchase)), checkout, now=told_at))


def own_purchase(account_id: int, purchase_id: str) -> Purchase:
    """The account's purchase as it is stored now. Ends the request's read session. Raises UnknownPurchase."""
    end_reading()
    found = queries.purchase(db.session(), account_id, purchase_id)
    end_reading()
    if found is None:
        raise UnknownPurchase
    return found


def _key(purchase: Purchase) -> tuple[int, str]:
    return purchase.account_id, purchase.id
