"""Whether a Checkout Session is the one a purchase asked for. Pure: facts in, differences out.

Metadata is compared like the rest and never read as a source: credits and money come from the purchase's own row.
"""

from collections.abc import Iterator
from typing import Any

from webapp.billing.models import Purchase
from webapp.billing.stripe_objects import SIMULATED_MARK, CheckoutSession, LineItem

Difference = tuple[str, Any, Any]


def differences(purchase: Purchase, checkout: CheckoutSession) -> dict[str, dict[str, Any]]:
    """What differs, as `{what: {"expected": …, "found": …}}`, the most telling first; empty if all agree."""
    found = (*_identity(purchase, checkout), *_terms(purchase, checkout), *_total(purchase, checkout))
    return {what: {"expected": wanted, "found": seen} for what, wanted, seen in found if wanted != seen}


def _identity(purchase: Purchase, checkout: CheckoutSession) -> Iterator[Difference]:
    yield "session", purchase.session_id or checkout.id, checkout.id
    yield "purchase", purchase.id, checkout.client_reference_id
    yield "mode", purchase.params["mode"], checkout.mode
    yield "livemode", purchase.stripe_mode == "live", checkout.livemode
    yield "simulated", purchase.stripe_mode == "simulated", SIMULATED_MARK in checkout.id
    for name, wanted in purchase.params["metadata"].items():
        what = "account" if name == "account_id" else f"metadata.{name}"
        yield what, wanted, checkout.metadata.get(name)


def _terms(purchase: Purchase, checkout: CheckoutSession) -> Iterator[Difference]:
    items = checkout.line_items or ()
    item = items[0] if items else LineItem(None, None)
    yield "currency", purchase.currency, checkout.currency
    yield "line_items", 1, len(items)
    yield "price", purchase.price_id, item.price_id
    yield "quantity", 1, item.quantity
    yield "subtotal", purchase.amount_minor, checkout.subtotal_minor


def _total(purchase: Purchase, checkout: CheckoutSession) -> Iterator[Difference]:
    """The total is subtotal − discount + tax; a discount needs promotion codes to be on in the frozen parameters."""
    discount_minor, tax_minor = checkout.discount_minor or 0, checkout.tax_minor or 0
    if not purchase.params.get("allow_promotion_codes"):
        yield "discount", 0, discount_minor
    yield "total", (checkout.subtotal_minor or 0) - discount_minor + tax_minor, checkout.total_minor
