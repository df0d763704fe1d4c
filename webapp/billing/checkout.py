"""Opening a purchase: who may buy what, and the Checkout Session's parameters, frozen before Stripe hears of them.

What happens to every opened checkout, of a pack or of a plan, is in `opening`.
"""

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from webapp.billing.customers import customer_of
from webapp.billing.errors import PackLocked, PackUnavailable, TermsChanged, UnknownPack
from webapp.billing.models import Purchase
from webapp.billing.offers import Offer, offer_of, prices_by_lookup_key
from webapp.billing.opening import LIFE, NEVER_ASKED, locked_opened, new_id, opened_under, unknown_customer
from webapp.catalog import Catalog, Pack, Plan
from webapp.ledger.operations import lock_account

REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # read aloud and typed: no 0 O 1 I L U


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
    if opened := opened_under(session, Purchase, buyer.account_id, open_key=open_key, fingerprint=fingerprint):
        return opened
    offer = _open_offer(session, shop, buyer, pack_slug, terms)
    customer_id = customer_of(session, buyer.account_id, shop.stripe_mode)
    purchase = _frozen(shop, buyer, offer, customer_id=customer_id, now=now)
    purchase.open_key, purchase.open_fingerprint = open_key, fingerprint
    session.add(purchase)
    session.flush()
    return purchase


def locked_purchase(session: Session, account_id: int, purchase_id: str) -> Purchase:
    """The purchase as it is now, its account locked. It must exist."""
    return locked_opened(session, Purchase, account_id, purchase_id)


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
        id=new_id(),
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
    known = {"customer": customer_id} if customer_id else unknown_customer("payment", buyer.email)
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
        **switches(shop.catalog, customer_id),
    }


def switches(catalog: Catalog, customer_id: str | None) -> dict[str, Any]:
    """What the catalogue switches on for the page where people pay.

    Stripe Tax needs an address, and keeps it on a customer it knows already only when told so:
    https://docs.stripe.com/tax/checkout#existing-customers
    """
    found: dict[str, Any] = {"allow_promotion_codes": True} if catalog.takes_promotion_codes else {}
    if catalog.has_automatic_tax:
        found["automatic_tax"] = {"enabled": True}
        if customer_id:
            found["customer_update"] = {"address": "auto"}
    return found


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
