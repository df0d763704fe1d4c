"""What happens to a payment after it was made: somebody refunds it in Stripe's dashboard, the buyer's bank disputes it.

By hand in the control room, or planned by the buyer at the checkout.
"""

from typing import Literal, get_args

from webapp.simulator.disputing import open_dispute, take_step
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening, Sending
from webapp.simulator.refunding import DELAY_SECONDS, Course, refund_charge, usual_course
from webapp.simulator.refunds import check_refundable, left_of
from webapp.simulator.store import Json, State

After = Literal["nothing", "refund", "dispute", "slow_refund", "failing_refund"]
AFTERS: tuple[After, ...] = get_args(After)
PLANNED = ("refund", "dispute")  # the others say how a refund would go, if one was made


def refund_payment(
    happening: Happening, intent_id: str, amount_minor: int | None = None, course: Course | None = None
) -> Json:
    """Refund a payment, all that is left of it or a part; raises StripeRefusal as the API would."""
    charge = paid_charge(happening.state, intent_id)
    amount_minor = left_of(charge) if amount_minor is None else amount_minor
    check_refundable(happening.state, charge, amount_minor)
    return refund_charge(happening, charge, amount_minor, course=course or usual_course(charge))


def dispute_payment(
    happening: Happening, intent_id: str, amount_minor: int | None = None, *, is_inquiry: bool = False,
    is_withdrawn: bool = False, reason: str = "fraudulent",
) -> Json:  # fmt: skip
    """Dispute a payment, all that is left of it or a part. `is_withdrawn`: the bank takes the money at once.

    A part may be more than what is left: banks dispute what was refunded already.
    """
    charge = paid_charge(happening.state, intent_id)
    amount_minor = left_of(charge) if amount_minor is None else amount_minor
    if not 0 < amount_minor <= charge["amount_captured"]:
        raise StripeRefusal("A bank disputes something, and no more than what was paid.", param="amount")
    dispute = open_dispute(happening, charge, amount_minor, is_inquiry=is_inquiry, reason=reason)
    return take_step(happening, dispute["id"], "withdraw") if is_withdrawn and not is_inquiry else dispute


def paid_charge(state: State, intent_id: str) -> Json:
    """The charge of a payment that succeeded."""
    intent = state.load("payment_intent", intent_id)
    if intent["status"] != "succeeded":
        raise StripeRefusal(f"The payment {intent_id} has not succeeded.", param="payment_intent")
    return state.load("charge", intent["latest_charge"])


def plan_after(state: State, intent_id: str, *, now: int) -> None:
    """Remember what shall happen to a payment that has just succeeded; the delivery thread does it."""
    if state.hidden(intent_id).get("after") in PLANNED:
        state.wake(intent_id, now + DELAY_SECONDS)


def do_planned(state: State, intent: Json, *, now: int) -> None:
    """Let happen what was planned for after a payment, once, if the payment can still be refunded or disputed."""
    hidden = state.hidden(intent["id"])
    state.wake(intent["id"], None)
    happening = Happening(state, now, Sending(**hidden["sending"]))
    charge = paid_charge(state, intent["id"])
    if charge["disputed"] or charge["amount_refunded"]:
        return  # somebody was quicker
    if hidden["after"] == "refund":
        refund_payment(happening, intent["id"])
    else:
        dispute_payment(happening, intent["id"], is_withdrawn=True)
