"""Customers: who buys, as Stripe knows them.

https://docs.stripe.com/api/customers
"""

import secrets

import stripe

from webapp.simulator.calls import Call, changed, merged_metadata
from webapp.simulator.errors import NotFound
from webapp.simulator.events import Happening, emit_for
from webapp.simulator.lists import Listing, page
from webapp.simulator.shapes import blank, completed, new_id
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.ending import end_all_of

TEXTS = ("email", "name", "description", "phone", "business_name", "individual_name")
SIMULATES = (*TEXTS, "metadata", "address", "preferred_locales", "tax_exempt")


def new_customer(now: int, **values: object) -> Json:
    """A customer object, not stored yet."""
    given: Json = {
        "address": None, "balance": 0, "currency": None, "delinquent": False, "metadata": {},
        "invoice_prefix": secrets.token_hex(4).upper(), "next_invoice_sequence": 1,
        "invoice_settings": blank(stripe.Customer.InvoiceSettings), "preferred_locales": [], "tax_exempt": "none",
    }  # fmt: skip
    identity = {"id": new_id("cus"), "object": "customer", "created": now, "livemode": False}
    return blank(stripe.Customer, **{**given, **identity, **values})


def create(call: Call) -> Json:
    """Store a customer."""
    customer = _updated(new_customer(call.now), call.params)
    call.state.add(customer)
    emit_for(call, "customer.created", customer)
    return customer


def retrieve(call: Call, customer_id: str) -> Json:
    """One customer; a deleted one says so."""
    return call.required("customer", customer_id)


def update(call: Call, customer_id: str) -> Json:
    """Change the fields that were given."""
    old = _existing(call, customer_id)
    customer = call.state.save(_updated(old, call.params))
    if previous := changed(old, customer):
        emit_for(call, "customer.updated", customer, previous)
    return customer


def delete(call: Call, customer_id: str) -> Json:
    """Delete for good: only its id and the fact remain. Its subscriptions end."""
    customer = _existing(call, customer_id)
    end_all_of(Happening(call.state, call.now, call=call), customer_id)
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    call.state.save(gone)
    emit_for(call, "customer.deleted", customer)
    return gone


def list_all(call: Call) -> Json:
    """Customers that were not deleted, newest first; `email` compares exactly."""
    email = call.params.get("email")

    def fits(customer: Json) -> bool:
        return "deleted" not in customer and email in {None, customer["email"]}

    return page(call, Listing("customer", "sim_object", "/v1/customers"), fits)


def _existing(call: Call, customer_id: str) -> Json:
    customer = call.required("customer", customer_id)
    if "deleted" in customer:
        raise NotFound(f"No such customer: '{customer_id}'", code="resource_missing", param="id")
    return customer


def _updated(customer: Json, params: Json) -> Json:
    new = {**customer, "metadata": merged_metadata(customer["metadata"], params.get("metadata"))}
    new |= {name: params[name] or None for name in TEXTS if name in params}
    new |= {name: params[name] for name in ("preferred_locales",) if name in params}
    if "address" in params:
        new["address"] = completed(stripe.Customer.Address, params["address"])
    if "tax_exempt" in params:
        new["tax_exempt"] = params["tax_exempt"] or "none"
    return new
