"""Payment methods in the API: read, listed, attached to a customer and taken away. Checkout makes them.

https://docs.stripe.com/api/payment_methods
"""

from webapp.simulator.calls import Call, changed
from webapp.simulator.errors import NotFound, StripeRefusal, missing
from webapp.simulator.events import Happening
from webapp.simulator.lists import Listing, check_filters, page
from webapp.simulator.parameters import missing_param
from webapp.simulator.store import Json

URL = "/v1/payment_methods"


def retrieve(call: Call, method_id: str) -> Json:
    """One payment method."""
    return call.required("payment_method", method_id)


def list_all(call: Call) -> Json:
    """The payment methods of a customer, newest first. Stripe lists none without one."""
    if "customer" not in call.params:
        raise missing_param(("customer",))
    check_filters(call, "customer")
    return _page(call, call.params["customer"], URL)


def list_of_customer(call: Call, customer_id: str) -> Json:
    """The same, at the customer's own address."""
    if "deleted" in call.required("customer", customer_id):
        raise NotFound(f"No such customer: '{customer_id}'", code="resource_missing", param="customer")
    return _page(call, customer_id, f"/v1/customers/{customer_id}/payment_methods")


def attach(call: Call, method_id: str) -> Json:
    """Keep a payment method for a customer. One that was taken away can't be used again."""
    method = call.required("payment_method", method_id)
    customer_id = call.params.get("customer")
    if customer_id is None:
        raise missing_param(("customer",))
    customer = call.state.find("customer", customer_id)
    if customer is None or "deleted" in customer:
        raise missing("customer", customer_id, param="customer")
    if method["customer"] == customer_id:
        return method
    if method["customer"] or call.state.hidden(method_id).get("is_detached"):
        text = "The payment method you provided has already been attached to a customer."
        raise StripeRefusal(text, code="payment_method_unexpected_state", param="payment_method")
    method = call.state.save({**method, "customer": customer_id})
    Happening(call.state, call.now, call=call).emit("payment_method.attached", method)
    return method


def detach(call: Call, method_id: str) -> Json:
    """Take a payment method away from its customer, for good."""
    method = call.required("payment_method", method_id)
    if method["customer"] is None:
        text = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise StripeRefusal(text, code="payment_method_unexpected_state")
    customer = call.state.load("customer", method["customer"])
    happening = Happening(call.state, call.now, call=call)
    if "deleted" not in customer and customer["invoice_settings"]["default_payment_method"] == method_id:
        settings = {**customer["invoice_settings"], "default_payment_method": None}
        new = call.state.save({**customer, "invoice_settings": settings})
        happening.emit("customer.updated", new, changed(customer, new))
    call.state.hide(method_id, is_detached=True)
    detached = call.state.save({**method, "customer": None})
    happening.emit("payment_method.detached", detached, {"customer": customer["id"]})
    return detached


def _page(call: Call, customer_id: str, url: str) -> Json:
    kind = call.params.get("type")

    def fits(method: Json) -> bool:
        return method["customer"] == customer_id and kind in {None, method["type"]}

    return page(call, Listing("payment_method", "sim_object", url), fits)
