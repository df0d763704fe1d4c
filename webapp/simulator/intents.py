"""Payment intents, made by checkout sessions only.

https://docs.stripe.com/api/payment_intents
"""

import secrets

import stripe

from webapp.simulator.calls import Call
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.lists import Listing, check_filters, page
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json


def new_intent(session: Json, intent_data: Json, *, now: int) -> Json:
    """The intent of a session that is being paid, not stored yet."""
    intent_id = new_id("pi")
    return blank(
        stripe.PaymentIntent,
        id=intent_id,
        object="payment_intent",
        amount=session["amount_total"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method="automatic_async",
        client_secret=f"{intent_id}_secret_{secrets.token_hex(12)}",
        confirmation_method="automatic",
        created=now,
        currency=session["currency"],
        customer=session["customer"],
        description=intent_data.get("description"),
        livemode=False,
        metadata=intent_data.get("metadata", {}),
        payment_method_options={},
        payment_method_types=session["payment_method_types"],
        receipt_email=intent_data.get("receipt_email"),
        status="requires_payment_method",
    )


def retrieve(call: Call, intent_id: str) -> Json:
    """One payment intent."""
    return call.required("payment_intent", intent_id)


def list_all(call: Call) -> Json:
    """Payment intents, newest first."""
    check_filters(call, "customer")
    customer = call.params.get("customer")
    listing = Listing("payment_intent", "sim_object", "/v1/payment_intents")
    return page(call, listing, lambda intent: customer in {None, intent["customer"]})


def cancel(call: Call, intent_id: str) -> Json:
    """Always refused: the intent of a checkout session ends with its session.

    https://docs.stripe.com/api/payment_intents/cancel
    """
    intent = call.required("payment_intent", intent_id)
    if intent["status"] in {"succeeded", "canceled"}:
        text = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            "with one of the following statuses may be canceled: requires_payment_method, requires_capture, "
            "requires_confirmation, requires_action, processing."
        )
        raise StripeRefusal(text, code="payment_intent_unexpected_state")
    text = "You cannot perform this action on PaymentIntents created by Checkout. Expire the Checkout Session instead."
    raise StripeRefusal(text)
