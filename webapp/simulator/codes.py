"""Promotion codes on the checkout page, and the form of the control room that makes one."""

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webapp.simulator.coupons import existing_coupon, new_coupon
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.lists import read_objects
from webapp.simulator.pages import blueprint, checkout_page, chosen, stripe_client
from webapp.simulator.promotion_codes import add_code
from webapp.simulator.store import State

__all__ = ["blueprint"]

ACTS = ("apply", "remove")
DURATIONS = (("once", "The first invoice"), ("forever", "Every invoice"))
LONGEST_CODE = 40
SHOWN_CODES = 10


@blueprint.post("/c/pay/<session_id>/code")
def use_code(session_id: str) -> ResponseReturnValue:
    """Use the promotion `code` that was typed, or take it away: `act=apply`, `remove`."""
    act, typed = chosen("act", ACTS), request.form.get("code", "")[:LONGEST_CODE]
    client = stripe_client()
    try:
        if act == "apply":
            client.apply_code(session_id, typed)
        else:
            client.remove_code(session_id)
    except LookupError:
        abort(404)
    except StripeRefusal as refusal:
        return checkout_page(session_id, code_error=refusal.message), 400
    return redirect(url_for(".checkout", session_id=session_id), 303)


@blueprint.post("/codes")
def make_code() -> Response:
    """Make a promotion code of `percent` off, for `duration`."""
    duration = chosen("duration", tuple(name for name, _ in DURATIONS))
    percent = request.form.get("percent", type=int)
    client = stripe_client()
    if percent is None or not 0 < percent <= 100:
        return _back("no-code")
    try:
        with client.store.writing() as state:
            coupon = new_coupon({"percent_off": percent, "duration": duration}, now=client.now())
            state.add(coupon)
            code = request.form.get("code", "").strip()[:LONGEST_CODE]
            add_code(Happening(state, client.now()), coupon["id"], code)
    except StripeRefusal:
        return _back("no-code")
    return _back("code")


def active_codes(state: State) -> list[tuple[str, str, int]]:
    """The latest codes that somebody may type: the code, what it does, how often it was used."""
    tail = f"type = 'promotion_code' AND json_extract(json, '$.active') ORDER BY seq DESC LIMIT {SHOWN_CODES}"
    found = []
    for _, code in list(read_objects(state, tail)):
        coupon = existing_coupon(state, code["promotion"]["coupon"])
        if coupon is not None:
            found.append((code["code"], _words(coupon), code["times_redeemed"]))
    return found


def _words(coupon: dict[str, object]) -> str:
    off = f"{coupon['percent_off']:g} %" if coupon["percent_off"] else f"{coupon['amount_off']} {coupon['currency']}"
    return f"{off} off, {coupon['duration']}"


def _back(said: str) -> Response:
    return redirect(url_for(".control_room", said=said, _anchor="codes"), 303)
