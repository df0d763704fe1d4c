"""Stripe's hosted page of an invoice: what it is for, and the way to pay it while it is open.

https://docs.stripe.com/invoicing/hosted-invoice-page
"""

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.simulator import methods
from webapp.simulator.choices import INVOICE_COURSES, SUBSCRIPTION_CHIPS
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.pages import chosen, stripe_client
from webapp.simulator.payments import blueprint
from webapp.simulator.store import Json
from webapp.simulator.subscriptions import COURSES, Course
from webapp.simulator.words import day

__all__ = ["blueprint"]

# The card that the customer types for each outcome.
TYPED: dict[Course, str] = {
    "paid": methods.SUCCEEDS,
    "failed": methods.DECLINED,
    "asks": methods.ASKS_EACH_TIME,
}
ACTS = ("paid", "failed", "asks", "void")


@blueprint.get("/i/<invoice_id>")
def invoice(invoice_id: str) -> str:
    """One invoice as its customer sees it; `?pdf=1` is what stands for the file."""
    found, why, intent = _read(invoice_id)
    return render_template(
        "simulator/invoice.html",
        invoice=found,
        why=why,
        is_asked=bool(intent and intent["status"] == "requires_action"),
        courses=INVOICE_COURSES,
        chips=SUBSCRIPTION_CHIPS,
        day=day,
        site=stripe_client().site,
    )


@blueprint.post("/i/<invoice_id>/pay")
def pay_invoice(invoice_id: str) -> Response:
    """Pay an open invoice: `course=paid`, `failed` or `asks`. Nothing happens to any other."""
    course = chosen("course", COURSES)
    _read(invoice_id)
    stripe_client().retry_payment(invoice_id, course, last4=TYPED[course])
    return redirect(url_for(".invoice", invoice_id=invoice_id), 303)


@blueprint.post("/invoices/<invoice_id>/act")
def act_on_invoice(invoice_id: str) -> Response:
    """What Stripe's retries and dashboard do with an open invoice: `act=paid`, `failed`, `asks`, `void`."""
    act = chosen("act", ACTS)
    found, *_ = _read(invoice_id)
    attempts = request.form.get("seen")
    is_stale = attempts != str(found["attempt_count"]) or found["status"] not in {"open", "uncollectible"}
    if not is_stale:
        _act(invoice_id, act)
    subscription_id = found["parent"]["subscription_details"]["subscription"]
    said = "nothing" if is_stale else "done"
    return redirect(url_for(".subscription", subscription_id=subscription_id, said=said), 303)


def _act(invoice_id: str, act: str) -> None:
    client = stripe_client()
    if act != "void":
        client.retry_payment(invoice_id, COURSES[COURSES.index(act)])
        return
    try:
        client.void_invoice(invoice_id)
    except StripeRefusal:
        abort(409)  # somebody was quicker


def _read(invoice_id: str) -> tuple[Json, str | None, Json | None]:
    """An invoice, why its last payment failed, and its payment intent; 404 for a draft, which has no page."""
    with stripe_client().store.reading() as state:
        found = state.find("invoice", invoice_id)
        if found is None or found["status"] == "draft":
            abort(404)
        hidden = state.hidden(invoice_id)
        payment = state.find("invoice_payment", hidden.get("payment"))
        intent = payment and state.find("payment_intent", payment["payment"]["payment_intent"])
        return found, hidden.get("why") if found["status"] == "open" else None, intent
