"""Charges: one attempt each to move money.

https://docs.stripe.com/api/charges
"""

import stripe

from webapp.simulator.calls import Call
from webapp.simulator.lists import Listing, check_filters, page
from webapp.simulator.methods import billing_details, details_of
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

SELLER_MESSAGES = {
    "authorized": "Payment complete.",
    "issuer_declined": "The bank did not return any further details with this decline.",
}


def new_charge(intent: Json, method: Json, *, base_url: str, now: int, status: str) -> Json:
    """A charge of the intent's whole amount, not stored yet. `status` is succeeded, pending or failed."""
    charge_id = new_id("ch")
    has_money = status == "succeeded"
    return blank(
        stripe.Charge,
        id=charge_id,
        object="charge",
        amount=intent["amount"],
        amount_captured=intent["amount"] if has_money else 0,
        amount_refunded=0,
        billing_details={**billing_details(None), **method["billing_details"]},
        calculated_statement_descriptor="SIMULATED",
        captured=has_money,
        created=now,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        fraud_details={},
        livemode=False,
        metadata=intent["metadata"],
        outcome=outcome("issuer_declined" if status == "failed" else "authorized"),
        paid=status != "failed",
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=details_of(method),
        receipt_email=intent["receipt_email"],
        receipt_url=f"{base_url}/_stripe/receipts/{charge_id}" if has_money else None,
        refunded=False,
        status=status,
    )


def outcome(kind: str, reason: str | None = None) -> Json:
    """What the network said to a charge."""
    network = "declined_by_network" if kind == "issuer_declined" else "approved_by_network"
    return blank(
        stripe.Charge.Outcome,
        network_status=network,
        reason=reason,
        risk_level="normal",
        seller_message=SELLER_MESSAGES[kind],
        type=kind,
    )


def retrieve(call: Call, charge_id: str) -> Json:
    """One charge."""
    return call.required("charge", charge_id)


def list_all(call: Call) -> Json:
    """Charges, newest first."""
    check_filters(call, "customer", "payment_intent")
    params = call.params

    def fits(charge: Json) -> bool:
        return all(params.get(name) in {None, charge[name]} for name in ("customer", "payment_intent"))

    return page(call, Listing("charge", "sim_object", "/v1/charges"), fits)
