"""Coupons: how much is taken off, and for how long. What they are applied to is in `discounts`.

https://docs.stripe.com/api/coupons
"""

import stripe

from webapp.money import is_stripe_currency
from webapp.simulator.calls import Call, merged_metadata
from webapp.simulator.errors import NotFound, NotSimulated, StripeRefusal
from webapp.simulator.lists import Listing, page
from webapp.simulator.parameters import missing_param
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

CREATED_WITH = (
    "id", "name", "percent_off", "amount_off", "currency", "duration", "max_redemptions", "redeem_by", "metadata",
)  # fmt: skip
UPDATED_WITH = ("name", "metadata")
LONGEST_NAME = 40


def create(call: Call) -> Json:
    """Store a coupon; its id may be chosen by the caller."""
    coupon = new_coupon(call.params, now=call.now)
    if call.state.find("coupon", coupon["id"]):
        raise StripeRefusal("Coupon already exists.", code="resource_already_exists", param="id")
    return as_now(call.state.add(_updated(coupon, call.params)), now=call.now)


def new_coupon(params: Json, *, now: int) -> Json:
    """A coupon object, not stored yet; raises StripeRefusal for amounts that none can have."""
    _check_amount(params)
    percent = params.get("percent_off")
    return blank(
        stripe.Coupon,
        id=params.get("id") or new_id("coupon"),
        object="coupon",
        amount_off=params.get("amount_off"),
        created=now,
        currency=params["currency"].lower() if "amount_off" in params else None,
        duration=_duration(params.get("duration", "once")),
        livemode=False,
        max_redemptions=params.get("max_redemptions"),
        metadata={},
        percent_off=None if percent is None else float(percent),
        redeem_by=params.get("redeem_by"),
        times_redeemed=0,
        valid=True,
    )


def retrieve(call: Call, coupon_id: str) -> Json:
    """One coupon; a deleted one is not there any more."""
    return as_now(_existing(call, coupon_id), now=call.now)


def update(call: Call, coupon_id: str) -> Json:
    """Change its name or metadata; nothing else of a coupon ever changes."""
    return as_now(call.state.save(_updated(_existing(call, coupon_id), call.params)), now=call.now)


def delete(call: Call, coupon_id: str) -> Json:
    """Delete it: nobody can redeem it any more, and who has goes on with the discount."""
    _existing(call, coupon_id)
    return call.state.save({"id": coupon_id, "object": "coupon", "deleted": True})


def list_all(call: Call) -> Json:
    """Coupons that were not deleted, newest first."""
    found = page(call, Listing("coupon", "sim_object", "/v1/coupons"), lambda coupon: "deleted" not in coupon)
    return {**found, "data": [as_now(coupon, now=call.now) for coupon in found["data"]]}


def as_now(coupon: Json, *, now: int) -> Json:
    """The coupon as it is now: valid until it was redeemed often enough or its time is over."""
    most, until = coupon["max_redemptions"], coupon["redeem_by"]
    is_used_up = most is not None and coupon["times_redeemed"] >= most
    return {**coupon, "valid": not is_used_up and (until is None or until > now)}


def existing_coupon(state: State, coupon_id: str | None) -> Json | None:
    """The coupon with this id, if there is one that was not deleted."""
    coupon = state.find("coupon", coupon_id)
    return None if coupon is None or "deleted" in coupon else coupon


def _existing(call: Call, coupon_id: str) -> Json:
    coupon = existing_coupon(call.state, coupon_id)
    if coupon is None:
        raise NotFound(f"No such coupon: '{coupon_id}'", code="resource_missing", param="coupon")
    return coupon


def _updated(coupon: Json, params: Json) -> Json:
    name = params.get("name", coupon["name"])
    if len(name or "") > LONGEST_NAME:
        text = f"Invalid string: coupon names are up to {LONGEST_NAME} characters long."
        raise StripeRefusal(text, code="parameter_invalid_string", param="name")
    return {**coupon, "name": name or None, "metadata": merged_metadata(coupon["metadata"], params.get("metadata"))}


def _check_amount(params: Json) -> None:
    if ("percent_off" in params) == ("amount_off" in params):
        raise StripeRefusal("You must pass exactly one of `percent_off` and `amount_off`.", param="percent_off")
    if "percent_off" in params and not 0 < float(params["percent_off"]) <= 100:
        text = "Invalid percent_off: must be greater than 0 and at most 100."
        raise StripeRefusal(text, code="parameter_invalid_integer", param="percent_off")
    if "amount_off" not in params:
        return
    if params["amount_off"] < 1:
        text = "This value must be greater than or equal to 1."
        raise StripeRefusal(text, code="parameter_invalid_integer", param="amount_off")
    if "currency" not in params:
        raise missing_param(("currency",))
    if not is_stripe_currency(params["currency"]):
        text = f"Invalid currency: {params['currency']}."
        raise StripeRefusal(text, code="parameter_invalid_string", param="currency")


def _duration(given: str) -> str:
    if given == "repeating":
        raise NotSimulated("The duration repeating")
    return given
