"""The life of a dispute: opened or only asked about, its money taken, answered, won, lost or let go.

Events come in Stripe's typical order, which it never promises: charge.dispute.created →
charge.dispute.funds_withdrawn → charge.dispute.updated → charge.dispute.closed → charge.dispute.funds_reinstated if it
is won. An inquiry moves no money until it becomes a dispute. https://docs.stripe.com/disputes/how-disputes-work
"""

from typing import Literal, get_args

import stripe

from webapp.simulator.balance import move
from webapp.simulator.calls import changed
from webapp.simulator.events import Happening
from webapp.simulator.lists import read_objects
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

FEE_MINOR = 1500  # not given back when the dispute is won: https://docs.stripe.com/disputes/how-disputes-work
ANSWER_SECONDS = 9 * 24 * 3600

Step = Literal["withdraw", "answer", "win", "lose", "close"]
STEPS: tuple[Step, ...] = get_args(Step)

# For each status, what may come next. `withdraw` makes a dispute of an inquiry.
NEXT: dict[str, tuple[Step, ...]] = {
    "warning_needs_response": ("answer", "withdraw", "close"),
    "warning_under_review": ("withdraw", "close"),
    "needs_response": ("withdraw", "answer", "win", "lose"),
    "under_review": ("withdraw", "win", "lose"),
}
ANSWERED = {"warning_needs_response": "warning_under_review", "needs_response": "under_review"}
REFUNDABLE = {"warning_needs_response", "warning_under_review", "warning_closed", "won"}


def open_dispute(
    happening: Happening, charge: Json, amount_minor: int, *, is_inquiry: bool = False, reason: str = "fraudulent"
) -> Json:
    """The buyer's bank disputes a charge or a part of it; no money has moved yet."""
    status = "warning_needs_response" if is_inquiry else "needs_response"
    dispute = _new_dispute(charge, amount_minor, status, reason, now=happening.now)
    happening.state.add(dispute)
    happening.state.save({**charge, "disputed": True})
    happening.emit("charge.dispute.created", dispute)
    return dispute


def take_step(happening: Happening, dispute_id: str, step: Step) -> Json:
    """Let the next thing happen to a dispute; the dispute. Nothing happens if it can't be next."""
    dispute = happening.state.load("dispute", dispute_id)
    if step not in steps_of(dispute):
        return dispute
    if step == "withdraw":
        return _withdrawn(happening, dispute)
    if step == "answer":
        return _answered(happening, dispute)
    if step == "lose" and not is_withdrawn(dispute):
        dispute = _withdrawn(happening, dispute)  # a lost dispute has cost its money
    return _ended(happening, dispute, {"win": "won", "lose": "lost", "close": "warning_closed"}[step])


def steps_of(dispute: Json) -> tuple[Step, ...]:
    """What may happen to a dispute next."""
    steps = NEXT.get(dispute["status"], ())
    return tuple(step for step in steps if step != "withdraw" or not is_withdrawn(dispute))


def is_withdrawn(dispute: Json) -> bool:
    """Whether a dispute's money is with the bank now."""
    moved = [transaction["reporting_category"] for transaction in dispute["balance_transactions"]]
    return moved.count("dispute") > moved.count("dispute_reversal")


def is_inquiry(dispute: Json) -> bool:
    """Whether the bank has only asked."""
    status: str = dispute["status"]
    return status.startswith("warning_")


def keeps_from_refunding(dispute: Json) -> bool:
    """Whether Stripe refuses refunds of the charge: not for an inquiry, and not after the dispute was won."""
    return dispute["status"] not in REFUNDABLE


def disputes_of(state: State, charge_id: str) -> list[Json]:
    """The disputes of a charge, oldest first."""
    tail = "type = 'dispute' AND json_extract(json, '$.charge') = ? ORDER BY seq"
    return [dispute for _, dispute in read_objects(state, tail, charge_id)]


def _new_dispute(charge: Json, amount_minor: int, status: str, reason: str, *, now: int) -> Json:
    shape = stripe.Dispute.EvidenceDetails
    due_by = now + ANSWER_SECONDS
    return blank(
        stripe.Dispute,
        id=new_id("du"),
        object="dispute",
        amount=amount_minor,
        balance_transactions=[],
        charge=charge["id"],
        created=now,
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence=blank(stripe.Dispute.Evidence, enhanced_evidence={}),
        evidence_details=blank(
            shape, due_by=due_by, enhanced_eligibility={}, has_evidence=False, past_due=False, submission_count=0,
            submission_method="not_submitted",
        ),
        is_charge_refundable=status in REFUNDABLE,
        livemode=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details=_method(charge, status),
        reason=reason,
        status=status,
    )  # fmt: skip


def _method(charge: Json, status: str) -> Json | None:
    """How the buyer paid; of bank debits Stripe's types say nothing here.

    https://docs.stripe.com/api/disputes/object#dispute_object-payment_method_details
    """
    details = charge["payment_method_details"]
    if "card" not in details:
        return None
    case = "inquiry" if status.startswith("warning_") else "chargeback"
    shape = stripe.Dispute.PaymentMethodDetails.Card
    card = blank(shape, brand=details["card"]["brand"], case_type=case, network="visa", network_reason_code="10.4")
    return {"type": "card", "card": card}


def _withdrawn(happening: Happening, dispute: Json) -> Json:
    if is_inquiry(dispute):
        dispute = _escalated(happening, dispute)
    text = f"Chargeback withdrawal for {dispute['charge']}"
    taken = move(
        happening.state, dispute, "dispute", -dispute["amount"], text, now=happening.now, fee_minor=FEE_MINOR
    )  # fmt: skip
    dispute = happening.state.save({**dispute, "balance_transactions": [*dispute["balance_transactions"], taken]})
    happening.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _escalated(happening: Happening, dispute: Json) -> Json:
    charge = happening.state.load("charge", dispute["charge"])
    method = _method(charge, "needs_response")
    return _updated(
        happening, dispute, status="needs_response", is_charge_refundable=False, payment_method_details=method
    )  # fmt: skip


def _answered(happening: Happening, dispute: Json) -> Json:
    answered = {"has_evidence": True, "submission_count": 1, "submission_method": "manual"}
    details = {**dispute["evidence_details"], **answered}
    return _updated(happening, dispute, status=ANSWERED[dispute["status"]], evidence_details=details)


def _updated(happening: Happening, dispute: Json, **changes: object) -> Json:
    new = happening.state.save({**dispute, **changes})
    happening.emit("charge.dispute.updated", new, changed(dispute, new))
    return new


def _ended(happening: Happening, dispute: Json, status: str) -> Json:
    details = {**dispute["evidence_details"], "due_by": None}
    ended = {**dispute, "status": status, "is_charge_refundable": status in REFUNDABLE, "evidence_details": details}
    closed = happening.state.save(ended)
    happening.emit("charge.dispute.closed", closed, changed(dispute, closed))
    return _reinstated(happening, closed) if status == "won" and is_withdrawn(closed) else closed


def _reinstated(happening: Happening, dispute: Json) -> Json:
    text = f"Chargeback reversal for {dispute['charge']}"
    back = move(happening.state, dispute, "dispute_reversal", dispute["amount"], text, now=happening.now)
    dispute = happening.state.save({**dispute, "balance_transactions": [*dispute["balance_transactions"], back]})
    happening.emit("charge.dispute.funds_reinstated", dispute)
    return dispute
