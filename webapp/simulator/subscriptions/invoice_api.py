"""The endpoints of invoices and of the payments made for them.

https://docs.stripe.com/api/invoices and https://docs.stripe.com/api/invoice-payment
"""

from webapp.simulator.calls import Call
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.lists import Listing, as_list, check_filters, page
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.billing import retry_payment, void_invoice

LISTED_BY = ("customer", "status", "subscription")
PAYMENTS_LISTED_BY = ("invoice", "payment.type", "payment.payment_intent", "status")


def retrieve(call: Call, invoice_id: str) -> Json:
    """One invoice."""
    return call.required("invoice", invoice_id)


def list_all(call: Call) -> Json:
    """Invoices, newest first."""
    check_filters(call, "customer", "subscription")
    params = call.params

    def fits(invoice: Json) -> bool:
        named = all(params.get(name) in {None, invoice[name]} for name in ("customer", "status"))
        subscription_id = invoice["parent"]["subscription_details"]["subscription"]
        return named and params.get("subscription") in {None, subscription_id}

    return page(call, Listing("invoice", "sim_object", "/v1/invoices"), fits)


def pay(call: Call, invoice_id: str) -> Json:
    """Ask the subscription's card for an open invoice; raises what the card says when it declines."""
    invoice = call.required("invoice", invoice_id)
    if invoice["status"] == "paid":
        raise StripeRefusal("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in {"open", "uncollectible"}:
        raise StripeRefusal(f"This invoice can't be paid: it is {invoice['status']}.")
    return retry_payment(Happening(call.state, call.now, call=call), invoice_id)


def void(call: Call, invoice_id: str) -> Json:
    """Take back an invoice that nobody has paid."""
    call.required("invoice", invoice_id)
    return void_invoice(Happening(call.state, call.now, call=call), invoice_id)


def list_payments(call: Call) -> Json:
    """Payments for invoices, newest first, also those that were only tried."""
    check_filters(call, "invoice")
    params = call.params
    intent_id = params.get("payment", {}).get("payment_intent")

    def fits(payment: Json) -> bool:
        named = all(params.get(name) in {None, payment[name]} for name in ("invoice", "status"))
        return named and intent_id in {None, payment["payment"]["payment_intent"]}

    return page(call, Listing("invoice_payment", "sim_object", "/v1/invoice_payments"), fits)


def retrieve_payment(call: Call, payment_id: str) -> Json:
    """One payment for an invoice."""
    return call.required("invoice_payment", payment_id)


def payments_of(state: State, invoice_id: str) -> Json:
    """The payments of an invoice, as they are expanded in it."""
    payment = state.find("invoice_payment", state.hidden(invoice_id).get("payment"))
    return as_list([payment] if payment else [], f"/v1/invoice_payments?invoice={invoice_id}")
