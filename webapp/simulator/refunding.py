"""What becomes of a refund: made, sent, arrived, failed long after, canceled; and what its charge says of it.

Events come in Stripe's typical order, which it never promises: refund.created → charge.refunded → refund.updated, and
when it fails refund.failed → refund.updated. https://docs.stripe.com/refunds
"""

from typing import Literal, get_args

import stripe

from webapp.simulator import methods
from webapp.simulator.balance import move
from webapp.simulator.calls import changed
from webapp.simulator.events import Happening
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

DELAY_SECONDS = 20

# How a refund goes: at once; on its way for a while; arrived and sent back by the bank; waiting for the buyer.
Course = Literal["succeeds", "pending", "fails", "asks"]
COURSES: tuple[Course, ...] = get_args(Course)
End = Literal["succeeds", "fails", "canceled"]
ENDS: tuple[End, ...] = get_args(End)

STATUS: dict[Course, str] = {
    "succeeds": "succeeded", "pending": "pending", "fails": "succeeded", "asks": "requires_action",
}  # fmt: skip
CARD_COURSES: dict[str, Course] = {methods.REFUND_PENDING: "pending", methods.REFUND_FAILS: "fails"}
FAILURE_REASON = "expired_or_canceled_card"
REFERENCE = "123456789012"  # what Stripe's test mode gives

# From which states a refund can come to an end.
OPEN = {"succeeds": {"pending", "requires_action"}, "canceled": {"requires_action"}}
OPEN["fails"] = OPEN["succeeds"] | {"succeeded"}


def usual_course(charge: Json) -> Course:
    """How a refund of this charge goes by itself: to a bank it takes days, and two test cards are slow or refuse.

    https://docs.stripe.com/testing#refunds
    """
    card = charge["payment_method_details"].get("card")
    return CARD_COURSES.get(card["last4"], "succeeds") if card else "pending"


def refund_charge(
    happening: Happening, charge: Json, amount_minor: int, *, course: Course, reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Json:  # fmt: skip
    """Refund a part or the rest of a charge that may be refunded; the refund as it is now."""
    made = _new_refund(charge, amount_minor, course, now=happening.now)
    refund = {**made, "reason": reason, "metadata": metadata or {}}
    if course != "asks":
        refund["balance_transaction"] = _sent(happening, refund, charge)
    happening.state.add(refund)
    happening.emit("refund.created", refund)
    happening.emit("charge.refunded", *_counted(happening, charge, amount_minor))
    if course in {"pending", "fails"}:
        happening.state.hide(refund["id"], end="succeeds" if course == "pending" else "fails")
        happening.state.wake(refund["id"], happening.now + DELAY_SECONDS)
    return _arrived(happening, refund) if refund["status"] == "succeeded" else refund


def end_refund(happening: Happening, refund_id: str, end: End | None = None) -> Json:
    """End a refund as planned, or as `end` says; the refund. Nothing happens to one that can't end so any more."""
    state = happening.state
    refund = state.load("refund", refund_id)
    end = end or state.hidden(refund_id).get("end")
    if end is None or refund["status"] not in OPEN[end]:
        return refund
    state.wake(refund_id, None)
    charge = state.load("charge", refund["charge"])
    if end == "succeeds":
        sent = refund["balance_transaction"] or _sent(happening, refund, charge)
        return _arrived(happening, refund, status="succeeded", balance_transaction=sent, pending_reason=None)
    _counted(happening, charge, -refund["amount"])
    if end == "canceled":
        return _updated(happening, refund, status="canceled", next_action=None)
    return _failed(happening, refund)


def end_due_refunds(happening: Happening) -> int:
    """End the refunds whose time has come; how many."""
    due = happening.state.due("refund", now=happening.now)
    for refund in due:
        end_refund(happening, refund["id"])
    return len(due)


def _new_refund(charge: Json, amount_minor: int, course: Course, *, now: int) -> Json:
    kind = charge["payment_method_details"]["type"]
    return blank(
        stripe.Refund,
        id=new_id("re"),
        object="refund",
        amount=amount_minor,
        charge=charge["id"],
        created=now,
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details=_destination(kind),
        next_action=_next_action(charge, now=now) if course == "asks" else None,
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        pending_reason="processing" if course == "pending" else None,
        status=STATUS[course],
    )


def _destination(kind: str) -> Json:
    """Where the money goes: https://docs.stripe.com/api/refunds/object#refund_object-destination_details."""
    if kind != "card":
        return {"type": kind}
    shape = stripe.Refund.DestinationDetails.Card
    values = {"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}
    return {"type": kind, "card": blank(shape, **values)}


def _next_action(charge: Json, *, now: int) -> Json:
    sent = {"email_sent_at": now, "email_sent_to": charge["billing_details"]["email"] or "buyer@example.com"}
    return {"type": "display_details", "display_details": {"email_sent": sent, "expires_at": now + 45 * 24 * 3600}}


def _sent(happening: Happening, refund: Json, charge: Json) -> str:
    kind: Literal["refund", "payment_refund"] = (
        "refund" if "card" in refund["destination_details"] else "payment_refund"
    )
    text = f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"
    transaction = move(happening.state, refund, kind, -refund["amount"], text, now=happening.now)
    return str(transaction["id"])


def _counted(happening: Happening, charge: Json, amount_minor: int) -> tuple[Json, Json]:
    """The charge with more or less refunded, and what it said before."""
    refunded = charge["amount_refunded"] + amount_minor
    new = {**charge, "amount_refunded": refunded, "refunded": refunded == charge["amount_captured"]}
    return happening.state.save(new), changed(charge, new)


def _arrived(happening: Happening, refund: Json, **changes: object) -> Json:
    """The bank has it: a card's refund gets the reference by which the buyer's bank finds it."""
    destination = refund["destination_details"]
    if "card" in destination:
        known = {**destination["card"], "reference": REFERENCE, "reference_status": "available"}
        changes["destination_details"] = {**destination, "card": known}
    return _updated(happening, refund, **changes) if changes else refund


def _failed(happening: Happening, refund: Json) -> Json:
    changes = {"status": "failed", "failure_reason": FAILURE_REASON, "pending_reason": None, "next_action": None}
    if refund["balance_transaction"]:
        back = move(
            happening.state, refund, "refund_failure", refund["amount"], "REFUND FAILURE", now=happening.now,
        )  # fmt: skip
        changes["failure_balance_transaction"] = back["id"]
    failed = happening.state.save({**refund, **changes})
    happening.emit("refund.failed", failed)
    happening.emit("refund.updated", failed, changed(refund, failed))
    return failed


def _updated(happening: Happening, refund: Json, **changes: object) -> Json:
    new = happening.state.save({**refund, **changes})
    happening.emit("refund.updated", new, changed(refund, new))
    return new
