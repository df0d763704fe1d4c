"""Refunds: their endpoints, and what may be refunded at all. What becomes of a refund is in `refunding`.

https://docs.stripe.com/api/refunds
"""

from webapp.simulator.calls import Call, changed, merged_metadata
from webapp.simulator.disputing import disputes_of, keeps_from_refunding
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening, emit_for
from webapp.simulator.lists import Listing, check_filters, page, read_objects
from webapp.simulator.refunding import end_refund, refund_charge, usual_course
from webapp.simulator.store import Json, State
from webapp.simulator.words import sum_words

CREATED_WITH = ("payment_intent", "charge", "amount", "reason", "metadata")


def create(call: Call) -> Json:
    """Refund a payment, whole or in part."""
    params = call.params
    charge = _charge(call)
    amount_minor = params.get("amount", left_of(charge))
    check_refundable(call.state, charge, amount_minor)
    happening = Happening(call.state, call.now, call=call)
    metadata = merged_metadata({}, params.get("metadata"))
    course = usual_course(charge)
    return refund_charge(happening, charge, amount_minor, course=course, reason=params.get("reason"), metadata=metadata)


def retrieve(call: Call, refund_id: str) -> Json:
    """One refund."""
    return call.required("refund", refund_id)


def list_all(call: Call) -> Json:
    """Refunds, newest first, whatever became of them."""
    check_filters(call, "charge", "payment_intent")
    params = call.params

    def fits(refund: Json) -> bool:
        return all(params.get(name) in {None, refund[name]} for name in ("charge", "payment_intent"))

    return page(call, Listing("refund", "sim_object", "/v1/refunds"), fits)


def update(call: Call, refund_id: str) -> Json:
    """Change the metadata, which is all that may change."""
    old = call.required("refund", refund_id)
    new = {**old, "metadata": merged_metadata(old["metadata"], call.params.get("metadata"))}
    if previous := changed(old, new):
        call.state.save(new)
        emit_for(call, "refund.updated", new, previous)
    return new


def cancel(call: Call, refund_id: str) -> Json:
    """Take back a refund that waits for the buyer; no other can be."""
    refund = call.required("refund", refund_id)
    if refund["status"] != "requires_action":
        text = (
            f"You cannot cancel this refund because it has a status of {refund['status']}. Only a refund with the "
            "following status may be canceled: requires_action."
        )
        raise StripeRefusal(text)
    return end_refund(Happening(call.state, call.now, call=call), refund_id, "canceled")


def left_of(charge: Json) -> int:
    """What has not been refunded of a charge."""
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    return left


def refunds_of(state: State, charge_id: str) -> list[Json]:
    """The refunds of a charge, oldest first."""
    tail = "type = 'refund' AND json_extract(json, '$.charge') = ? ORDER BY seq"
    return [refund for _, refund in read_objects(state, tail, charge_id)]


def check_refundable(state: State, charge: Json, amount_minor: int) -> None:
    """Raise when Stripe would not refund this much of the charge: too much, all of it gone, or disputed."""
    if any(keeps_from_refunding(dispute) for dispute in disputes_of(state, charge["id"])):
        text = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeRefusal(text, code="charge_disputed")
    if charge["refunded"]:
        raise StripeRefusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount_minor < 1:
        raise StripeRefusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount_minor > left_of(charge):
        limit = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
        sums = [sum_words(amount, charge["currency"]) for amount in (amount_minor, left_of(charge))]
        raise StripeRefusal(f"Refund amount ({sums[0]}) is greater than {limit} ({sums[1]})", param="amount")


def _charge(call: Call) -> Json:
    """The charge that the call names, by itself or by its payment."""
    named = [name for name in ("charge", "payment_intent") if name in call.params]
    if len(named) != 1:
        few = "One of the following params should be provided for this request: payment_intent or charge."
        many = "You may only specify one of these parameters: charge, payment_intent."
        raise StripeRefusal(many if named else few)
    check_filters(call, *named)
    if named == ["charge"]:
        return _succeeded(call.state.load("charge", call.params["charge"]))
    intent = call.state.load("payment_intent", call.params["payment_intent"])
    if intent["status"] != "succeeded":
        text = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise StripeRefusal(text, param="payment_intent")
    return call.state.load("charge", intent["latest_charge"])


def _succeeded(charge: Json) -> Json:
    if charge["status"] != "succeeded":
        raise StripeRefusal(f"Charge {charge['id']} has not been paid; cannot issue a refund.", param="charge")
    return charge
