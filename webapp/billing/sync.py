"""Bringing Products and Prices at Stripe to the catalogue. Creates and updates, never deletes; safe to run again.

A Price's amount can't change, so another amount is a new Price that takes over the lookup key; the old one stays for
whoever is paying it. https://docs.stripe.com/products-prices/manage-prices#lookup-keys
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.billing.gateway import API_VERSION, Gateway
from webapp.billing.models import StripePrice
from webapp.billing.stripe_objects import Price, WebhookEndpoint
from webapp.billing.upserts import upsert
from webapp.catalog import Catalog, Pack, Plan


@dataclass(frozen=True, slots=True)
class Item:
    """What the catalogue wants of one Price and its product. `interval` is None for what is paid once."""

    lookup_key: str
    product_name: str
    amount_minor: int
    currency: str
    interval: str | None
    metadata: Mapping[str, str]

    @property
    def product_id(self) -> str:
        """The id we choose for the product, so that a sync that was cut off finds it again."""
        return self.lookup_key


@dataclass(frozen=True, slots=True)
class Synced:
    """One thing a sync found or did, for people, and the Price behind it."""

    item: Item
    price: Price
    did: str


def items(catalog: Catalog) -> tuple[Item, ...]:
    """Everything in the catalogue that costs money: packs (active or not), then plans."""
    packs = [_pack_item(pack) for pack in catalog.packs]
    plans = [_plan_item(plan, plan.lookup_key) for plan in catalog.plans if plan.lookup_key]
    return (*packs, *plans)


def sync_catalog(gateway: Gateway, catalog: Catalog) -> tuple[Synced, ...]:
    """Create or update Products and Prices at Stripe until they say what the catalogue says.

    No transaction may be open. Raises StripeUnreachable or StripeRefused; what was done by then stays, and the next
    run goes on from there.
    """
    wanted = items(catalog)
    held = {price.lookup_key: price for price in gateway.prices([item.lookup_key for item in wanted])}
    return tuple(_synced(gateway, item, held.get(item.lookup_key)) for item in wanted)


def read_prices(gateway: Gateway, catalog: Catalog) -> tuple[Price, ...]:
    """The Prices that Stripe has for the catalogue now. Changes nothing; no transaction may be open."""
    return gateway.prices([item.lookup_key for item in items(catalog)])


def store_prices(session: Session, prices: Iterable[Price], *, stripe_mode: str, now: dt.datetime) -> None:
    """Replace what we know of this mode's Prices by what Stripe has just said of all of them.

    A Price of an archived product can't be bought either.
    """
    known = {price.lookup_key: price for price in prices if price.lookup_key and price.amount_minor is not None}
    gone = StripePrice.stripe_mode == stripe_mode, StripePrice.lookup_key.not_in(known)
    session.execute(delete(StripePrice).where(*gone))
    for price in known.values():
        _upsert(session, price, stripe_mode=stripe_mode, now=now)


def store_price(session: Session, price: Price, *, stripe_mode: str, now: dt.datetime) -> bool:
    """Note what Stripe has just said of one Price; whether it is one that we know, by its id or its lookup key.

    One that has lost its lookup key to another can't be bought any more; the other tells so itself.
    """
    known = StripePrice.stripe_mode == stripe_mode
    if price.lookup_key is not None and price.amount_minor is not None:
        held = select(StripePrice).where(known, StripePrice.lookup_key == price.lookup_key)
        if session.scalar(held) is not None:
            _upsert(session, price, stripe_mode=stripe_mode, now=now)
            return True
    held = select(StripePrice).where(known, StripePrice.price_id == price.id)
    row = session.scalar(held)
    if row is not None:
        row.is_active, row.checked_at = False, now
    return row is not None


def _upsert(session: Session, price: Price, *, stripe_mode: str, now: dt.datetime) -> None:
    facts = {
        "price_id": price.id,
        "product_id": price.product_id,
        "amount_minor": price.amount_minor,
        "currency": price.currency,
        "is_active": price.is_active and price.is_product_active is not False,
        "checked_at": now,
    }
    key = {"stripe_mode": stripe_mode, "lookup_key": price.lookup_key}
    upsert(session, StripePrice, {**key, **facts}, changes=facts)


def sync_endpoint(gateway: Gateway, url: str, events: tuple[str, ...]) -> tuple[WebhookEndpoint, str]:
    """Make or change the webhook endpoint at `url` so that it is told exactly `events` in our API version.

    An endpoint's version can't be changed: one of another version stays and a new one is made beside it.
    https://docs.stripe.com/api/webhook_endpoints/update
    """
    at_url = [endpoint for endpoint in gateway.webhook_endpoints() if endpoint.url == url]
    ours = next((endpoint for endpoint in at_url if endpoint.api_version == API_VERSION), None)
    if ours is None:
        key = f"sync:endpoint:{_digest([url, events, sorted(endpoint.id for endpoint in at_url)])}"
        made = gateway.create_webhook_endpoint(url, events, idempotency_key=key)
        others = "".join(f"; disable {endpoint.id} ({endpoint.api_version or 'no version'})" for endpoint in at_url)
        return made, f"created{others}"
    if set(ours.events) == set(events):
        return ours, "unchanged"
    return gateway.update_webhook_endpoint(ours.id, events), "events updated"


def _pack_item(pack: Pack) -> Item:
    metadata = {"type": "credit_package", "credits": str(pack.credits), "pack": pack.slug}
    return Item(pack.lookup_key, f"{pack.name} pack", pack.amount_minor, pack.currency, None, metadata)


def _plan_item(plan: Plan, lookup_key: str) -> Item:
    metadata = {"type": "plan", "credits": str(plan.allowance_credits), "plan": plan.slug}
    return Item(lookup_key, f"{plan.name} plan", plan.amount_minor, plan.currency, plan.interval, metadata)


def _synced(gateway: Gateway, item: Item, held: Price | None) -> Synced:
    did = _save_product(gateway, item, held)
    if held is None or not _has_terms_of(held, item):
        price = _create_price(gateway, item, held)
        return Synced(item, price, ", ".join([*did, f"price {price.id} created"]))
    if change := _change(held, item):
        gateway.update_price(held.id, change)
        did.append(f"price {held.id} updated")
    now_held = replace(held, is_active=True, is_product_active=True, product_name=item.product_name)
    return Synced(item, now_held, ", ".join(did) or "unchanged")


def _has_terms_of(held: Price, item: Item) -> bool:
    terms = (held.amount_minor, held.currency, held.interval)
    return terms == (item.amount_minor, item.currency, item.interval)


def _save_product(gateway: Gateway, item: Item, held: Price | None) -> list[str]:
    """Make or change the product; what was done. Its metadata names the pack or plan, whose Price says the rest."""
    if held and held.product_name == item.product_name and held.is_product_active:
        return []
    product_id = held.product_id if held else item.product_id
    named = {name: text for name, text in item.metadata.items() if name != "credits"}
    params = {"name": item.product_name, "active": True, "metadata": named}
    if held is None:
        new = {**params, "id": product_id}
        if gateway.create_product(new, idempotency_key=f"sync:product:{_digest(new)}"):
            return [f"product {product_id} created"]
    gateway.update_product(product_id, params)
    return [f"product {product_id} updated"]


def _create_price(gateway: Gateway, item: Item, held: Price | None) -> Price:
    """Make the Price; it takes the lookup key over.

    The key names the Price it replaces: going back to an earlier amount within a day must not be answered with the
    Price of that time, which has lost the lookup key.
    """
    params: dict[str, Any] = {
        "product": held.product_id if held else item.product_id,
        "currency": item.currency,
        "unit_amount": item.amount_minor,
        "lookup_key": item.lookup_key,
        "transfer_lookup_key": True,
        "metadata": dict(item.metadata),
    }
    if item.interval:
        params["recurring"] = {"interval": item.interval}
    key = f"sync:price:{_digest([params, held.id if held else None])}"
    return gateway.create_price(params, idempotency_key=key)


def _change(held: Price, item: Item) -> dict[str, Any]:
    change: dict[str, Any] = {} if held.is_active else {"active": True}
    if any(held.metadata.get(name) != text for name, text in item.metadata.items()):
        change["metadata"] = dict(item.metadata)
    return change


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
