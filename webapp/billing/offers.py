"""Which packs someone may buy now, and why not. Page and checkout ask the same function, so they can't differ."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase, StripePrice
from webapp.catalog import Catalog, Pack, Plan

State = Literal["open", "locked", "unavailable"]

# Built once: the credits page asks both each time.
_PRICES = select(StripePrice).where(
    StripePrice.stripe_mode == bindparam("mode"), StripePrice.lookup_key.in_(bindparam("keys", expanding=True))
)
_LEFT = (
    select(Purchase)
    .where(
        Purchase.account_id == bindparam("of_account"),
        Purchase.state == "open",
        Purchase.stripe_mode == bindparam("mode"),
        Purchase.session_url.is_not(None),
        Purchase.expires_at > bindparam("now", type_=Purchase.expires_at.type),
    )
    .order_by(Purchase.opened_at.desc())
    .limit(20)
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One pack for one account.

    `code` is a stable word and `reason` its sentence, both '' when open: `locked` is for the buyer, `unavailable` for
    operators. `open_purchase` is a checkout of the same terms that the buyer left and can still pay.
    """

    pack: Pack
    state: State
    code: str
    reason: str
    price_id: str | None
    open_purchase: Purchase | None = None


def offers(
    session: Session, catalog: Catalog, *, account_id: int, plan: Plan | None, stripe_mode: str, now: dt.datetime
) -> tuple[Offer, ...]:
    """An offer for each active pack, in the catalogue's order. Two queries."""
    packs = [pack for pack in catalog.packs if pack.is_active]
    prices = prices_by_lookup_key(session, stripe_mode, [pack.lookup_key for pack in packs])
    left = open_purchases(session, account_id, stripe_mode, now=now)
    return tuple(
        offer_of(
            pack, catalog, plan=plan, price=prices.get(pack.lookup_key), stripe_mode=stripe_mode, open_purchases=left
        )
        for pack in packs
    )


def offer_of(
    pack: Pack,
    catalog: Catalog,
    *,
    plan: Plan | None,
    price: StripePrice | None,
    stripe_mode: str,
    open_purchases: tuple[Purchase, ...] = (),
) -> Offer:
    """The offer of one pack. Pure: `price` is what Stripe said of it the last time it was asked."""
    if not pack.is_open_to(plan):
        return Offer(pack, "locked", *_locked(pack, catalog), None)
    code, reason = fault_of(pack, price, stripe_mode)
    if code:
        return Offer(pack, "unavailable", code, reason, None)
    left = next((purchase for purchase in open_purchases if _has_terms_of(purchase, pack)), None)
    return Offer(pack, "open", "", "", price.price_id if price else None, left)


def open_purchases(session: Session, account_id: int, stripe_mode: str, *, now: dt.datetime) -> tuple[Purchase, ...]:
    """The account's checkouts that were opened and can still be paid in this mode, the newest first; 20 at most."""
    return tuple(session.scalars(_LEFT, {"of_account": account_id, "mode": stripe_mode, "now": now}))


def prices_by_lookup_key(session: Session, stripe_mode: str, lookup_keys: list[str]) -> dict[str, StripePrice]:
    """What Stripe said of these lookup keys in this mode."""
    found = session.scalars(_PRICES, {"mode": stripe_mode, "keys": lookup_keys})
    return {price.lookup_key: price for price in found}


def fault_of(item: Pack | Plan, price: StripePrice | None, stripe_mode: str) -> tuple[str, str]:
    """Why Stripe can't sell a pack or a plan as the catalogue has it: a word and its sentence, both '' if it can."""
    if stripe_mode == "off":
        return "payments_off", "Payments are not configured."
    if price is None:
        return "price_missing", f"Stripe has no Price {item.lookup_key}. Run: flask stripe sync"
    if not price.is_active:
        return "price_inactive", f"The Price {price.price_id} is archived in Stripe. Run: flask stripe sync"
    if (price.amount_minor, price.currency) != (item.amount_minor, item.currency):
        found, wanted = f"{price.amount_minor} {price.currency}", f"{item.amount_minor} {item.currency}"
        return "price_differs", f"Stripe says {found}, the catalogue says {wanted}. Run: flask stripe sync"
    return "", ""


def _locked(pack: Pack, catalog: Catalog) -> tuple[str, str]:
    plan = catalog.plan(pack.plan_slug) if pack.plan_slug else None
    if plan is None:
        return "needs_subscription", "This pack is for subscribers."
    return "needs_plan", f"This pack is part of {plan.name}."


def _has_terms_of(purchase: Purchase, pack: Pack) -> bool:
    frozen = (purchase.pack_slug, purchase.credits, purchase.amount_minor, purchase.currency)
    return frozen == (pack.slug, pack.credits, pack.amount_minor, pack.currency)
