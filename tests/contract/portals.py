"""The customer portal, configured as an application would, for tests of its pages and its API."""

from typing import Any

import stripe

from tests.contract.conftest import BASE_URL
from tests.contract.subscribing import Plans

BILLING = f"{BASE_URL}/billing"


def features(sdk: stripe.StripeClient, plans: Plans, **changes: Any) -> Any:
    """Everything a customer may do; downgrades wait for the period's end."""
    products: dict[str, list[str]] = {}
    for price_id in (plans.plus, plans.pro, plans.yearly):
        products.setdefault(str(sdk.v1.prices.retrieve(price_id).product), []).append(price_id)
    return {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": [{"product": product, "prices": prices} for product, prices in products.items()],
            "schedule_at_period_end": {
                "conditions": [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
            },
        },
        **changes,
    }


def configure(sdk: stripe.StripeClient, plans: Plans, **changes: Any) -> stripe.billing_portal.Configuration:
    return sdk.v1.billing_portal.configurations.create({"features": features(sdk, plans, **changes)})


def open_portal(sdk: stripe.StripeClient, customer_id: Any, **params: Any) -> stripe.billing_portal.Session:
    given: Any = {"customer": customer_id, "return_url": BILLING, **params}
    return sdk.v1.billing_portal.sessions.create(given)
