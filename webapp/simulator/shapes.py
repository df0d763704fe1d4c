"""Complete objects: every field that the SDK's type of an object names, so reading code can't lean on luck.

Knows types and ids; must not know what happens to the objects.
"""

import secrets
from typing import Any

import stripe
from stripe.checkout import Session

Json = dict[str, Any]

# Fields that Stripe leaves out: most are sent only when they are expanded, the rest only with Connect or at creation.
LEFT_OUT: dict[type, frozenset[str]] = {
    Session: frozenset({"line_items"}),
    Session.TotalDetails: frozenset({"breakdown"}),
    stripe.Charge: frozenset({"refunds"}),
    stripe.Coupon: frozenset({"applies_to", "currency_options", "deleted"}),
    stripe.Customer: frozenset(
        {"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids", "deleted"}
    ),
    stripe.Discount: frozenset({"deleted"}),
    stripe.Event: frozenset({"account", "context"}),
    stripe.Invoice: frozenset({"confirmation_secret", "deleted", "payments"}),
    stripe.LineItem: frozenset({"discounts", "taxes"}),
    stripe.Plan: frozenset({"deleted", "tiers"}),
    stripe.Price: frozenset({"currency_options", "tiers", "deleted"}),
    stripe.Product: frozenset({"deleted"}),
    stripe.PromotionCode.Restrictions: frozenset({"currency_options"}),
    stripe.SubscriptionItem: frozenset({"deleted"}),
    stripe.WebhookEndpoint: frozenset({"secret", "deleted"}),
}


def blank(kind: type, **values: object) -> Json:
    """An object of the SDK's type `kind`: the values given, null for every other field it names.

    Raises TypeError for a field the type does not have, so a typing error here can't become a new field of Stripe.
    """
    names = kind.__annotations__.keys() - {"OBJECT_NAME"}
    unknown = values.keys() - names
    if unknown:
        raise TypeError(f"{kind.__qualname__} has no field {', '.join(sorted(unknown))}")
    left_out = LEFT_OUT.get(kind, frozenset()) - values.keys()
    return {name: values.get(name) for name in sorted(names - left_out)}


def new_id(prefix: str) -> str:
    """A fresh id that says where it comes from: `pi_sim_…`, `cs_test_sim_…`."""
    return f"{prefix}_sim_{secrets.token_hex(12)}"


def completed(kind: type, given: Json | str | None) -> Json | None:
    """A nested object as it was given, with every field; None when it was not given or is being unset."""
    return blank(kind, **given) if isinstance(given, dict) else None
