"""Products: what prices are prices of.

https://docs.stripe.com/api/products
"""

import stripe

from webapp.simulator.calls import Call, changed, merged_metadata
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.events import emit_for
from webapp.simulator.lists import Listing, page
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

TEXTS = ("description", "statement_descriptor", "tax_code", "unit_label", "url")
PLAIN = ("active", "name", "images", "shippable", "default_price")
CREATED_WITH = (*TEXTS, "id", "active", "name", "images", "shippable", "metadata")
UPDATED_WITH = (*TEXTS, *PLAIN, "metadata")


def create(call: Call) -> Json:
    """Store a product; its id may be chosen by the caller."""
    product_id = call.params.get("id") or new_id("prod")
    if call.state.find("product", product_id):
        raise StripeRefusal("Product already exists.", code="resource_already_exists", param="id")
    empty = blank(
        stripe.Product,
        id=product_id,
        object="product",
        active=True,
        created=call.now,
        updated=call.now,
        images=[],
        livemode=False,
        marketing_features=[],
        metadata={},
        type="service",
    )
    product = call.state.add(_updated(empty, call.params))
    emit_for(call, "product.created", product)
    return product


def retrieve(call: Call, product_id: str) -> Json:
    """One product."""
    return call.required("product", product_id)


def update(call: Call, product_id: str) -> Json:
    """Change the fields that were given."""
    old = call.required("product", product_id)
    default_price = call.params.get("default_price")
    if default_price and not call.state.find("price", default_price):
        raise missing("price", default_price, param="default_price")
    product = _updated(old, call.params)
    if previous := changed(old, product):
        product = call.state.save({**product, "updated": call.now})
        emit_for(call, "product.updated", product, {**previous, "updated": old["updated"]})
    return product


def list_all(call: Call) -> Json:
    """Products, newest first."""
    params = call.params

    def fits(product: Json) -> bool:
        return (
            params.get("active") in {None, product["active"]}
            and product["id"] in (params.get("ids") or [product["id"]])
            and params.get("url") in {None, product["url"]}
        )

    return page(call, Listing("product", "sim_object", "/v1/products"), fits)


def _updated(product: Json, params: Json) -> Json:
    new = {**product, "metadata": merged_metadata(product["metadata"], params.get("metadata"))}
    new |= {name: params[name] or None for name in TEXTS if name in params}
    new |= {name: params[name] for name in PLAIN if name in params}
    new["images"] = new["images"] or []  # "" unsets
    return new
