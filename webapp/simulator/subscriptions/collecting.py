"""Asking for the money of an invoice: the card is charged, declines, or its bank wants to ask the buyer.

https://docs.stripe.com/billing/subscriptions/webhooks and https://docs.stripe.com/billing/revenue-recovery
"""

from dataclasses import asdict, dataclass
from typing import Literal, get_args

import stripe

from webapp.simulator.charges import new_charge, outcome
from webapp.simulator.events import Happening
from webapp.simulator.intents import new_intent
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.invoices import base_url_of, mark_paid

Course = Literal["paid", "failed", "asks"]
COURSES: tuple[Course, ...] = get_args(Course)

DAY = 24 * 3600
RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)  # from one attempt to the next; nobody retries by itself here
DECLINED = "Your card was declined."
NO_CARD = "This customer has no attached payment source or default payment method."


@dataclass(frozen=True)
class Paid:
    """A payment that was made before its invoice: the buyer's own, on the hosted page."""

    intent: Json
    charge: Json


def collect(happening: Happening, invoice: Json, method: Json | None, course: Course) -> Json:
    """Ask the card for what is due; the invoice afterwards. Nothing is asked for when nothing is due."""
    if invoice["amount_remaining"] == 0:
        return mark_paid(happening, invoice)
    if method is None:
        return _failed(happening, invoice, NO_CARD)
    intent = _intent_for(happening, invoice)
    if course == "paid":
        return settle_with(happening, invoice, charged(happening, intent, method, base_url_of(happening, invoice)))
    if course == "asks":
        return _ask(happening, invoice, intent, method)
    return _decline(happening, invoice, intent, method)


def charged(happening: Happening, intent: Json, method: Json, base_url: str) -> Paid:
    """Charge the card. The invoice comes first in the order of telling, so nothing is told of it yet."""
    state = happening.state
    charge = state.add(new_charge(intent, method, base_url=base_url, now=happening.now, status="succeeded"))
    succeeded = {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "payment_method": method["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    return Paid(state.save({**intent, **succeeded}), charge)


def settle_with(happening: Happening, invoice: Json, paid: Paid) -> Json:
    """The invoice is paid by this payment. Tells of the invoice, then of the money."""
    state = happening.state
    payment = _payment_for(happening, invoice, paid.intent)
    invoice = mark_paid(happening, {**invoice, "attempt_count": invoice["attempt_count"] + 1})
    transitions = {**payment["status_transitions"], "paid_at": happening.now}
    settled = {"status": "paid", "amount_paid": invoice["amount_paid"], "status_transitions": transitions}
    happening.emit("invoice_payment.paid", state.save({**payment, **settled}))
    happening.emit("charge.succeeded", paid.charge)
    happening.emit("payment_intent.succeeded", paid.intent)
    return invoice


def stop_collecting(happening: Happening, invoice: Json) -> None:
    """End what was tried to pay an invoice that nobody will pay."""
    state = happening.state
    if payment := state.find("invoice_payment", state.hidden(invoice["id"]).get("payment")):
        transitions = {**payment["status_transitions"], "canceled_at": happening.now}
        state.save({**payment, "status": "canceled", "status_transitions": transitions})
        intent = state.load("payment_intent", payment["payment"]["payment_intent"])
        canceled = {"status": "canceled", "canceled_at": happening.now, "cancellation_reason": "void_invoice"}
        happening.emit("payment_intent.canceled", state.save({**intent, **canceled, "next_action": None}))


def _intent_for(happening: Happening, invoice: Json) -> Json:
    """The invoice's payment intent: one for all its attempts."""
    state = happening.state
    if payment := state.find("invoice_payment", state.hidden(invoice["id"]).get("payment")):
        return state.load("payment_intent", payment["payment"]["payment_intent"])
    intent = new_intent(
        invoice["amount_remaining"], invoice["currency"], invoice["customer"], ["card"], {}, now=happening.now
    )
    state.add(intent, hidden={"sending": asdict(happening.sending), "after": "nothing"})
    happening.emit("payment_intent.created", intent)
    _payment_for(happening, invoice, intent)
    return intent


def _payment_for(happening: Happening, invoice: Json, intent: Json) -> Json:
    state = happening.state
    if payment := state.find("invoice_payment", state.hidden(invoice["id"]).get("payment")):
        return payment
    payment = blank(
        stripe.InvoicePayment,
        id=new_id("inpay"),
        object="invoice_payment",
        amount_requested=invoice["amount_due"],
        created=happening.now,
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        livemode=False,
        payment=blank(stripe.InvoicePayment.Payment, payment_intent=intent["id"], type="payment_intent"),
        status="open",
        status_transitions=blank(stripe.InvoicePayment.StatusTransitions),
    )
    state.hide(invoice["id"], payment=payment["id"])
    return state.add(payment)


def _decline(happening: Happening, invoice: Json, intent: Json, method: Json) -> Json:
    state = happening.state
    charge = new_charge(intent, method, base_url="", now=happening.now, status="failed")
    charge |= {"failure_code": "card_declined", "failure_message": DECLINED}
    charge["outcome"] = outcome("issuer_declined", "generic_decline")
    happening.emit("charge.failed", state.add(charge))
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": DECLINED,
        "charge": charge["id"],
        "payment_method": method,
    }
    failed = {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge["id"],
        "last_payment_error": error,
        "next_action": None,
    }
    happening.emit("payment_intent.payment_failed", state.save({**intent, **failed}))
    return _failed(happening, invoice, DECLINED)


def _ask(happening: Happening, invoice: Json, intent: Json, method: Json) -> Json:
    url = invoice["hosted_invoice_url"]
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": url}}
    asked = {"status": "requires_action", "payment_method": method["id"], "next_action": action}
    happening.emit("payment_intent.requires_action", happening.state.save({**intent, **asked}))
    invoice = _failed(happening, invoice, "The bank wants to ask the buyer.")
    happening.emit("invoice.payment_action_required", invoice)
    return invoice


def _failed(happening: Happening, invoice: Json, why: str) -> Json:
    """One more attempt in vain; `why` is kept for the hosted page."""
    attempts = invoice["attempt_count"] + 1
    waits = RETRIES[attempts - 1] if attempts <= len(RETRIES) else None
    tried = {
        "attempt_count": attempts,
        "attempted": True,
        "next_payment_attempt": waits and happening.now + waits,
    }
    happening.state.hide(invoice["id"], why=why)
    invoice = happening.state.save({**invoice, **tried})
    happening.emit("invoice.payment_failed", invoice)
    return invoice
