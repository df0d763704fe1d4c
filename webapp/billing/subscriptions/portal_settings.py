"""What people may do in Stripe's customer portal: kept at Stripe as a configuration of ours, which the catalogue makes.

https://docs.stripe.com/customer-management/configure-portal
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from webapp.billing.gateway import Gateway
from webapp.billing.stripe_objects import Price
from webapp.catalog import Catalog

MARK = ("refill", "portal")
TERMS = "terms"
# https://docs.stripe.com/api/customer_portal/configurations/create
MOST_PRODUCTS = 10
# Whoever goes down keeps what is paid until the period ends; going up is paid, and gives its difference, at once.
LATER = [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]


def portal_settings(catalog: Catalog, prices: Iterable[Price]) -> dict[str, Any]:
    """The configuration's parameters. Plans that are not sold any more can be left there, and not taken."""
    held = {price.lookup_key: price for price in prices}
    sold = [held[plan.lookup_key] for plan in catalog.paid_plans if plan.is_active and plan.lookup_key in held]
    products = [{"product": one.product_id, "prices": [one.id]} for one in sold[:MOST_PRODUCTS]]
    switching = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
        "products": products,
        "schedule_at_period_end": {"conditions": LATER},
    }
    features = {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": switching if products else {"enabled": False},
    }
    return {"features": features, "metadata": {MARK[0]: MARK[1], TERMS: _digest(features)}}


def sync_portal(gateway: Gateway, catalog: Catalog, prices: Iterable[Price]) -> str:
    """Make our configuration, or bring it to the catalogue; what was done, '' where there is no plan to manage.

    Asks Stripe, so no transaction may be open. Raises StripeUnreachable or StripeRefused.
    """
    if not catalog.paid_plans:
        return ""
    params, held = portal_settings(catalog, prices), our_portal(gateway)
    if held is None:
        made = gateway.save_portal_configuration(
            params, configuration_id=None, idempotency_key=f"sync:portal:{params['metadata'][TERMS]}"
        )
        return f"portal {made} created"
    if held[1] == params["metadata"][TERMS]:
        return "unchanged"
    gateway.save_portal_configuration(params, configuration_id=held[0], idempotency_key="")
    return f"portal {held[0]} updated"


def our_portal(gateway: Gateway) -> tuple[str, str] | None:
    """The id of our configuration at Stripe, and the digest of what it was made of; None if there is none."""
    ours = (
        (found, metadata.get(TERMS, ""))
        for found, metadata in gateway.portal_configurations()
        if MARK in metadata.items()
    )
    return next(ours, None)


def _digest(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:32]
