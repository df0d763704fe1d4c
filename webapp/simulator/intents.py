"""Payment intents, made by checkout sessions and by invoices only.

https://docs.stripe.com/api/payment_intents
"""

import secrets

import stripe

from webapp.simulator.calls import Call
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.lists import Listing, check_filters, page
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State


def new_intent(
    amount_minor: int, currency: str, customer_id: str | None, kinds: list[str], intent_data: Json, *, now: int
) -> Json:
    """The intent of something that is being paid, not stored yet. `kinds` are the payment methods it may use."""
    intent_id = new_id("pi")
    return blank(
        stripe.PaymentIntent,
        id=intent_id,
        object="payment_intent",
        amount=amount_minor,
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method="automatic_async",
        client_secret=f"{intent_id}_secret_{secrets.token_hex(12)}",
        confirmation_method="automatic",
        created=now,
        currency=currency,
        customer=customer_id,
        description=intent_data.get("description"),
        livemode=False,
        metadata=intent_data.get("metadata", {}),
        payment_method_options={},
        payment_method_types=kinds,
        receipt_email=intent_data.get("receipt_email"),
        status="requires_payment_method",
    )


def intent_of(state: State, session: Json) -> Json | None:
    """The intent of a session that the buyer has tried to pay.

    A session in subscription mode does not show it: there it belongs to the invoice, which is made by the payment.
    """
    tried = session["payment_intent"] or state.hidden(session["id"]).get("payment_intent")
    return state.find("payment_intent", tried)


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
