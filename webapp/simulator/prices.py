"""Prices: per unit, one-time or recurring. The amount never changes and nothing is deleted.

https://docs.stripe.com/api/prices and https://docs.stripe.com/products-prices/manage-prices#lookup-keys
"""

import stripe

from webapp.money import is_stripe_currency
from webapp.simulator.calls import Call, changed, merged_metadata
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.events import emit_for
from webapp.simulator.lists import Listing, check_filters, page, read_objects
from webapp.simulator.parameters import missing_param
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

PLAIN = ("active", "nickname", "tax_behavior")
CREATED_WITH = (
    *PLAIN, "currency", "unit_amount", "product", "lookup_key", "transfer_lookup_key", "metadata",
    "recurring.interval", "recurring.interval_count", "recurring.usage_type",
)  # fmt: skip
UPDATED_WITH = (*PLAIN, "lookup_key", "transfer_lookup_key", "metadata")
HIGHEST_MINOR = 999_999_999_999
MOST_LOOKUP_KEYS = 10


def create(call: Call) -> Json:
    """Store a price of an existing product."""
    params = call.params
    for name in ("product", "unit_amount"):
        if name not in params:
            raise missing_param((name,))
    product = call.state.find("product", params["product"])
    if product is None:
        raise missing("product", params["product"], param="product")
    recurring = params.get("recurring")
    empty = blank(
        stripe.Price,
        id=new_id("price"),
        object="price",
        active=True,
        billing_scheme="per_unit",
        created=call.now,
        currency=_currency(params["currency"]),
        livemode=False,
        metadata={},
        product=product["id"],
        recurring=_recurring(recurring) if recurring else None,
        tax_behavior="unspecified",
        type="recurring" if recurring else "one_time",
        unit_amount=_amount_minor(params["unit_amount"]),
        unit_amount_decimal=str(params["unit_amount"]),
    )
    price = call.state.add(_updated(call, empty))
    emit_for(call, "price.created", price)
    return price


def retrieve(call: Call, price_id: str) -> Json:
    """One price."""
    return call.required("price", price_id)


def update(call: Call, price_id: str) -> Json:
    """Change what may change: never the amount, the currency or the product."""
    old = call.required("price", price_id)
    price = _updated(call, old)
    if old["active"] and not price["active"] and _is_default(call, price):
        text = "This price cannot be archived because it is the default price of its product."
        raise StripeRefusal(text, param="active")
    if previous := changed(old, price):
        call.state.save(price)
        emit_for(call, "price.updated", price, previous)
    return price


def list_all(call: Call) -> Json:
    """Prices, newest first. Archived ones are among them unless `active` says otherwise."""
    check_filters(call, "product")
    params = call.params
    lookup_keys = params.get("lookup_keys")
    if lookup_keys and len(lookup_keys) > MOST_LOOKUP_KEYS:
        raise StripeRefusal(f"You can specify up to {MOST_LOOKUP_KEYS} lookup_keys.", param="lookup_keys")

    def fits(price: Json) -> bool:
        named = all(params.get(name) in {None, price[name]} for name in ("active", "currency", "product", "type"))
        return named and (lookup_keys is None or price["lookup_key"] in lookup_keys)

    return page(call, Listing("price", "sim_object", "/v1/prices"), fits)


def _updated(call: Call, price: Json) -> Json:
    params = call.params
    new = {**price, "metadata": merged_metadata(price["metadata"], params.get("metadata"))}
    new |= {name: params[name] for name in PLAIN if name in params}
    new["nickname"] = new["nickname"] or None
    if "lookup_key" in params:
        new["lookup_key"] = params["lookup_key"] or None
        _claim_lookup_key(call, new)
    return new


def _claim_lookup_key(call: Call, price: Json) -> None:
    lookup_key = price["lookup_key"]
    tail = "type = 'price' AND json_extract(json, '$.lookup_key') = ? AND id <> ?"
    for _, holder in list(read_objects(call.state, tail, lookup_key, price["id"])):
        if not call.params.get("transfer_lookup_key"):
            text = f"A price (`{holder['id']}`) already uses that lookup key."
            raise StripeRefusal(text, code="resource_already_exists", param="lookup_key")
        released = call.state.save({**holder, "lookup_key": None})
        emit_for(call, "price.updated", released, {"lookup_key": lookup_key})


def _is_default(call: Call, price: Json) -> bool:
    return bool(call.state.load("product", price["product"])["default_price"] == price["id"])


def _currency(given: str) -> str:
    if is_stripe_currency(given):
        return given.lower()
    raise StripeRefusal(f"Invalid currency: {given}.", code="parameter_invalid_string", param="currency")


def _amount_minor(given: int) -> int:
    if given < 0:
        text = "Invalid non-negative integer"
        raise StripeRefusal(text, code="parameter_invalid_integer", param="unit_amount")
    if given > HIGHEST_MINOR:
        text = f"unit_amount must be at most {HIGHEST_MINOR}."
        raise StripeRefusal(text, code="amount_too_large", param="unit_amount")
    return given


def _recurring(given: Json) -> Json:
    values = {"interval_count": 1, "usage_type": "licensed", **given}
    return blank(stripe.Price.Recurring, **values)
