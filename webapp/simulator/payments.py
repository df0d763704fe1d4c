"""One payment's page: what was refunded and disputed of it, and the buttons that refund, dispute and end things.

What is done here is done in Stripe's dashboard and at the buyer's bank: the app hears of it by webhook only.
"""

from decimal import Decimal, InvalidOperation

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.money import exponent
from webapp.simulator.aftermath import paid_charge
from webapp.simulator.choices import DISPUTE_KINDS, REFUND_COURSES, REFUND_ENDS, STATUS_CHIPS, step_words
from webapp.simulator.control_room import blueprint
from webapp.simulator.disputing import STEPS, disputes_of, is_withdrawn, steps_of
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.pages import chosen, stripe_client
from webapp.simulator.refunding import COURSES, ENDS
from webapp.simulator.refunds import left_of, refunds_of
from webapp.simulator.settling import SETTLEMENTS
from webapp.simulator.store import Json

__all__ = ["blueprint"]

KINDS = tuple(kind for kind, _ in DISPUTE_KINDS)
LONGEST_AMOUNT = 20

# What the page says after a button was pressed.
SAID = {
    "refunded": "Refunded.",
    "disputed": "Disputed.",
    "done": "Done.",
    "nothing": "Nothing was done: it was not as you saw it any more.",
}


@blueprint.get("/payments/<intent_id>")
def payment(intent_id: str) -> str:
    """One payment that succeeded, with its refunds and disputes."""
    return _page(intent_id)


@blueprint.post("/payments/<intent_id>/settle")
def settle(intent_id: str) -> Response:
    """End a delayed payment now: `end=succeeds` or `fails`. Nothing happens to a payment that has ended."""
    end = chosen("end", SETTLEMENTS)
    try:
        stripe_client().settle(intent_id, end)
    except LookupError:
        abort(404)
    return redirect(url_for(".control_room"), 303)


@blueprint.post("/payments/<intent_id>/refund")
def refund(intent_id: str) -> Response | tuple[str, int]:
    """Refund the `amount`, or all that is left, in the chosen `course`."""
    course = chosen("course", COURSES)
    charge, *_ = _read(intent_id)
    if _is_stale(charge):
        return _back(intent_id, "nothing")
    try:
        stripe_client().refund(intent_id, _amount_minor(charge["currency"]), course)
    except StripeRefusal as refusal:
        return _page(intent_id, error=refusal.message), 400
    return _back(intent_id, "refunded")


@blueprint.post("/payments/<intent_id>/dispute")
def dispute(intent_id: str) -> Response | tuple[str, int]:
    """Dispute the `amount`, or all that is left: `kind=withdrawn`, `open`, `inquiry`."""
    kind = chosen("kind", KINDS)
    charge, *_ = _read(intent_id)
    if _is_stale(charge):
        return _back(intent_id, "nothing")
    try:
        stripe_client().dispute(
            intent_id, _amount_minor(charge["currency"]), is_inquiry=kind == "inquiry", is_withdrawn=kind == "withdrawn"
        )
    except StripeRefusal as refusal:
        return _page(intent_id, error=refusal.message), 400
    return _back(intent_id, "disputed")


@blueprint.post("/refunds/<refund_id>/end")
def end_refund(refund_id: str) -> Response:
    """Let a refund succeed, fail or be canceled: `end=succeeds`, `fails`, `canceled`."""
    end = chosen("end", ENDS)
    found = _required("refund", refund_id)
    ended = stripe_client().end_refund(refund_id, end)
    return _back(found["payment_intent"], "done" if ended != found else "nothing")


@blueprint.post("/disputes/<dispute_id>/step")
def step_dispute(dispute_id: str) -> Response:
    """Let the next thing happen to a dispute: `step=withdraw`, `answer`, `win`, `lose`, `close`."""
    step = chosen("step", STEPS)
    found = _required("dispute", dispute_id)
    moved = stripe_client().move_dispute(dispute_id, step)
    return _back(found["payment_intent"], "done" if moved != found else "nothing")


def _page(intent_id: str, *, error: str | None = None) -> str:
    charge, refunds, disputes = _read(intent_id)
    return render_template(
        "simulator/payment.html",
        charge=charge,
        refunds=[(one, REFUND_ENDS.get(one["status"], ())) for one in refunds],
        disputes=[(one, is_withdrawn(one), _steps(one)) for one in disputes],
        left_minor=left_of(charge),
        seen=_seen(charge),
        courses=REFUND_COURSES,
        kinds=DISPUTE_KINDS,
        chips=STATUS_CHIPS,
        is_out=stripe_client().deliveries.is_out,
        error=error,
        said=SAID.get(request.args.get("said", "")),
        site=stripe_client().site,
    )


def _read(intent_id: str) -> tuple[Json, list[Json], list[Json]]:
    """The charge of a payment that succeeded, with its refunds and disputes; 404 for any other payment."""
    with stripe_client().store.reading() as state:
        try:
            charge = paid_charge(state, intent_id)
        except (LookupError, StripeRefusal):
            abort(404)
        return charge, refunds_of(state, charge["id"]), disputes_of(state, charge["id"])


def _required(kind: str, object_id: str) -> Json:
    with stripe_client().store.reading() as state:
        found = state.find(kind, object_id)
    if found is None:
        abort(404)
    return found


def _steps(dispute: Json) -> list[tuple[str, str]]:
    return [(step, step_words(dispute, step)) for step in steps_of(dispute)]


def _seen(charge: Json) -> str:
    """What the page was made from: a form that was sent twice does its work once."""
    with stripe_client().store.reading() as state:
        made = [*refunds_of(state, charge["id"]), *disputes_of(state, charge["id"])]
    return str(len(made))


def _is_stale(charge: Json) -> bool:
    return request.form.get("seen") != _seen(charge)


def _amount_minor(currency: str) -> int | None:
    """The amount that was typed, in minor units; None for an empty field. Raises StripeRefusal for what is none."""
    text = request.form.get("amount", "").strip()
    if not text:
        return None
    try:
        amount = Decimal(text[:LONGEST_AMOUNT]).scaleb(exponent(currency))
        if amount == amount.to_integral_value():
            return int(amount)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise StripeRefusal(f"{text[:LONGEST_AMOUNT]} is not an amount of money in {currency.upper()}.", param="amount")


def _back(intent_id: str, said: str) -> Response:
    return redirect(url_for(".payment", intent_id=intent_id, said=said), 303)
