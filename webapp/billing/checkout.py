"""Opening a purchase: who may buy what, and the Checkout Session's parameters, frozen before Stripe hears of them.

Every writer here locks the account's row first.
"""

import datetime as dt
import hashlib
import secrets
from base64 import b32encode
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.customers import customer_of, forget_customer
from webapp.billing.errors import PackLocked, PackUnavailable, TermsChanged, UnknownPack
from webapp.billing.models import Purchase
from webapp.billing.offers import Offer, offer_of, prices_by_lookup_key
from webapp.billing.stripe_objects import CheckoutSession
from webapp.catalog import Catalog, Pack, Plan
from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.operations import lock_account

# Stripe takes an end between 30 minutes and 24 hours after it makes the session, and keeps our key for 24 hours:
# an hour is left for clocks that differ, and after SENDABLE the frozen end would be refused.
# https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
LIFE = dt.timedelta(hours=23)
SENDABLE = LIFE - dt.timedelta(minutes=35)

NEVER_ASKED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # read aloud and typed: no 0 O 1 I L U

# What we may leave out of the parameters when Stripe refuses it: neither is needed to pay.
OPTIONAL_PARAMS = frozenset({"customer", "customer_email"})


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: the account that gets the credits, the person and the plan that decide what is open to them."""

    account_id: int
    user_id: int
    email: str
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Shop:
    """Where it is bought: the catalogue, the Stripe behind it, and our own address for the way back."""

    catalog: Catalog
    stripe_mode: str
    base_url: str


def open_purchase(
    session: Session,
    shop: Shop,
    buyer: Buyer,
    *,
    pack_slug: str,
    terms: str | None,
    open_key: str,
    fingerprint: str | None = None,
    now: dt.datetime,
) -> Purchase:
    """Open a purchase, or give the one that `open_key` has already opened. Locks the account.

    `terms` is the hash of what the buyer was shown, None if nothing was shown. `fingerprint` is of the request that
    carries the key, by default of the pack. Raises UnknownAccount, UnknownPack, PackLocked, TermsChanged,
    PackUnavailable; IdempotencyConflict when the key opened something else.
    """
    lock_account(session, buyer.account_id)
    fingerprint = fingerprint or hashlib.sha256(f"checkout {pack_slug}".encode()).hexdigest()
    opened = session.scalar(
        select(Purchase).where(Purchase.account_id == buyer.account_id, Purchase.open_key == open_key)
    )
    if opened is not None:
        if opened.open_fingerprint != fingerprint:
            raise IdempotencyConflict("This key has opened another purchase.")
        return opened
    offer = _open_offer(session, shop, buyer, pack_slug, terms)
    customer_id = customer_of(session, buyer.account_id, shop.stripe_mode)
    purchase = _frozen(shop, buyer, offer, customer_id=customer_id, now=now)
    purchase.open_key, purchase.open_fingerprint = open_key, fingerprint
    session.add(purchase)
    session.flush()
    return purchase


def stripe_key(purchase: Purchase) -> str:
    """Our idempotency key for making this purchase's Checkout Session: one session for one set of parameters."""
    return f"checkout:{purchase.id}:{purchase.open_number}"


def is_sendable(purchase: Purchase, *, now: dt.datetime) -> bool:
    """Whether Stripe would still take the frozen parameters."""
    return purchase.state == "open" and now < purchase.opened_at + SENDABLE


def attach_session(session: Session, account_id: int, purchase_id: str, checkout: CheckoutSession) -> Purchase:
    """Store which Checkout Session pays the purchase. Locks the account; the same session again changes nothing."""
    purchase = locked_purchase(session, account_id, purchase_id)
    attach(purchase, checkout)
    session.flush()
    return purchase


def attach(purchase: Purchase, checkout: CheckoutSession) -> None:
    """Store the session on a locked purchase. One purchase has one session: our idempotency key sees to that."""
    if purchase.session_id is None:
        purchase.session_id = checkout.id
        purchase.session_url = checkout.url
    if purchase.session_id != checkout.id:
        raise RuntimeError(f"purchase {purchase.id} has the session {purchase.session_id}, Stripe sent {checkout.id}")


def freeze_again(
    session: Session, account_id: int, purchase_id: str, *, without: str, refused_number: int, email: str | None
) -> Purchase:
    """Freeze the parameters without the optional one that Stripe refused, under a new number. Locks the account.

    A refused customer was deleted at Stripe: it is forgotten, and the payment makes a new one with `email`. Does
    nothing if someone else has done it already (`refused_number` is not the present one).
    """
    purchase = locked_purchase(session, account_id, purchase_id)
    if purchase.open_number != refused_number or without not in purchase.params or purchase.session_id:
        return purchase
    params = {name: given for name, given in purchase.params.items() if name != without}
    if without == "customer":
        customer_id = purchase.params["customer"]
        forget_customer(session, account_id, stripe_mode=purchase.stripe_mode, customer_id=customer_id)
        params |= {"customer_creation": "always"} | ({"customer_email": email} if email else {})
    purchase.params = params
    purchase.open_number += 1
    session.flush()
    return purchase


def close_unsent(
    session: Session, account_id: int, purchase_id: str, *, state: str, reason: str, now: dt.datetime
) -> Purchase:
    """End a purchase that has no Checkout Session, so that nobody can have paid. Locks the account."""
    purchase = locked_purchase(session, account_id, purchase_id)
    if purchase.state == "open" and purchase.session_id is None:
        purchase.state, purchase.reason, purchase.settled_at = state, reason[:255], now
        session.flush()
    return purchase


def close_missing(session: Session, account_id: int, purchase_id: str, *, now: dt.datetime) -> Purchase:
    """End an open purchase whose Checkout Session Stripe doesn't know, once its life is over. Locks the account.

    It becomes `expired` for the reason `session_missing`; money that arrives after all is still granted.
    """
    purchase = locked_purchase(session, account_id, purchase_id)
    if purchase.state == "open" and now >= purchase.expires_at:
        purchase.state, purchase.reason, purchase.settled_at = "expired", "session_missing", now
        session.flush()
    return purchase


def claim_asking(session: Session, account_id: int, purchase_id: str, *, every: dt.timedelta, now: dt.datetime) -> bool:
    """Whether the caller may ask Stripe about an unsettled purchase now; if so, no one else may for `every`.

    Locks the account, so that of many who come at once one asks.
    """
    purchase = locked_purchase(session, account_id, purchase_id)
    if purchase.state not in {"open", "processing"} or purchase.asked_at > now - every:
        return False
    purchase.asked_at = now
    return True


def locked_purchase(session: Session, account_id: int, purchase_id: str) -> Purchase:
    """The purchase as it is now, its account locked. It must exist."""
    lock_account(session, account_id)
    return session.get_one(Purchase, (account_id, purchase_id), populate_existing=True)


def _open_offer(session: Session, shop: Shop, buyer: Buyer, pack_slug: str, terms: str | None) -> Offer:
    pack = shop.catalog.pack(pack_slug)
    if pack is None or not pack.is_active:
        raise UnknownPack
    price = prices_by_lookup_key(session, shop.stripe_mode, [pack.lookup_key]).get(pack.lookup_key)
    offer = offer_of(pack, shop.catalog, plan=buyer.plan, price=price, stripe_mode=shop.stripe_mode)
    if offer.state == "locked":
        raise PackLocked(f"{offer.reason} You have not been charged.", pack=pack.slug, plan=pack.plan_slug)
    if terms is not None and not secrets.compare_digest(terms.encode(), pack.terms.encode()):
        raise _terms_changed(pack)
    if offer.state == "unavailable":
        raise PackUnavailable("This pack can't be bought right now. You have not been charged.", pack=pack.slug)
    return offer


def _terms_changed(pack: Pack) -> TermsChanged:
    return TermsChanged(
        "The terms of this pack have changed. Please check them and buy again. You have not been charged.",
        pack=pack.slug,
        credits=pack.credits,
        amount_minor=pack.amount_minor,
        currency=pack.currency,
    )


def _frozen(shop: Shop, buyer: Buyer, offer: Offer, *, customer_id: str | None, now: dt.datetime) -> Purchase:
    pack = offer.pack
    purchase = Purchase(
        account_id=buyer.account_id,
        id=b32encode(secrets.token_bytes(15)).decode().lower(),
        user_id=buyer.user_id,
        reference="P-" + "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(6)),
        stripe_mode=shop.stripe_mode,
        pack_slug=pack.slug,
        pack_name=pack.name,
        credits=pack.credits,
        amount_minor=pack.amount_minor,
        currency=pack.currency,
        takeback=pack.takeback,
        refund_days=shop.catalog.refund_days,
        price_id=offer.price_id,
        open_number=1,
        state="open",
        opened_at=now,
        expires_at=now + LIFE,
        asked_at=NEVER_ASKED,
    )
    purchase.params = _params(shop, buyer, purchase, customer_id)
    return purchase


def _params(shop: Shop, buyer: Buyer, purchase: Purchase, customer_id: str | None) -> dict[str, Any]:
    """Every parameter of the Checkout Session. Never payment_method_types: Stripe removed it in 2026-09-30.endive."""
    metadata = _metadata(purchase)
    credits_url = f"{shop.base_url}/dashboard/credits"
    known = {"customer": customer_id} if customer_id else {"customer_creation": "always", "customer_email": buyer.email}
    return {
        "mode": "payment",
        "line_items": [{"price": purchase.price_id, "quantity": 1}],
        "client_reference_id": purchase.id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": f"{credits_url}/success?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{credits_url}?checkout=cancelled&purchase={purchase.id}",
        "expires_at": int(purchase.expires_at.timestamp()),
        **known,
    }


def _metadata(purchase: Purchase) -> dict[str, str]:
    """For people, and for finding the purchase. Compared when it comes back, never a source."""
    return {
        "type": "credit_purchase",
        "purchase_id": purchase.id,
        "account_id": str(purchase.account_id),
        "user_id": str(purchase.user_id),
        "pack": purchase.pack_slug,
        "credits": str(purchase.credits),
    }
