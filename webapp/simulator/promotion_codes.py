"""Promotion codes: what a buyer types to get a coupon.

https://docs.stripe.com/api/promotion_codes
"""

import re
import secrets

import stripe

from webapp.simulator.calls import Call, changed, merged_metadata
from webapp.simulator.coupons import existing_coupon
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.events import Happening
from webapp.simulator.lists import Listing, page, read_objects
from webapp.simulator.parameters import missing_param
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

CREATED_WITH = (
    "promotion.type", "promotion.coupon", "code", "active", "expires_at", "max_redemptions", "metadata", "customer",
    "restrictions.first_time_transaction", "restrictions.minimum_amount", "restrictions.minimum_amount_currency",
)  # fmt: skip
UPDATED_WITH = ("active", "metadata")
FILTERS = ("active", "code", "coupon", "customer")
CODE = re.compile(r"[A-Za-z0-9-]{1,500}")


def create(call: Call) -> Json:
    """Store a code for an existing coupon; Stripe makes one up if none is given."""
    params = call.params
    coupon_id = params["promotion"].get("coupon")
    if coupon_id is None:
        raise missing_param(("promotion", "coupon"))
    if params.get("customer") and call.state.find("customer", params["customer"]) is None:
        raise missing("customer", params["customer"], param="customer")
    code = params.get("code") or secrets.token_hex(4).upper()
    happening = Happening(call.state, call.now, call=call)
    return add_code(happening, coupon_id, code, **{name: params[name] for name in _OPTIONS if name in params})


_OPTIONS = ("active", "expires_at", "max_redemptions", "metadata", "customer", "restrictions")


def add_code(happening: Happening, coupon_id: str, code: str, **options: object) -> Json:
    """Store a promotion code; raises StripeRefusal for a code that can't be typed or is taken."""
    state = happening.state
    if existing_coupon(state, coupon_id) is None:
        raise missing("coupon", coupon_id, param="promotion[coupon]")
    _check_code(state, code)
    restrictions: Json = {"first_time_transaction": False}
    given: Json = {"active": True, "metadata": {}, **options}
    promotion_code = blank(
        stripe.PromotionCode,
        **{
            **given,
            "id": new_id("promo"),
            "object": "promotion_code",
            "code": code,
            "created": happening.now,
            "livemode": False,
            "metadata": merged_metadata({}, given["metadata"]),
            "promotion": {"coupon": coupon_id, "type": "coupon"},
            "restrictions": _restrictions({**restrictions, **given.get("restrictions", {})}),
            "times_redeemed": 0,
        },
    )
    happening.emit("promotion_code.created", state.add(promotion_code))
    return promotion_code


def retrieve(call: Call, code_id: str) -> Json:
    """One promotion code."""
    return call.required("promotion_code", code_id)


def update(call: Call, code_id: str) -> Json:
    """Switch it on or off, or change its metadata."""
    old, params = call.required("promotion_code", code_id), call.params
    new = {**old, "metadata": merged_metadata(old["metadata"], params.get("metadata"))}
    if params.get("active") and not old["active"]:
        _check_code(call.state, old["code"])
    new["active"] = params.get("active", old["active"])
    if previous := changed(old, new):
        Happening(call.state, call.now, call=call).emit("promotion_code.updated", call.state.save(new), previous)
    return new


def list_all(call: Call) -> Json:
    """Promotion codes, newest first; `code` compares without regard to case."""
    params = call.params
    code = params.get("code", "").lower()

    def fits(one: Json) -> bool:
        named = all(params.get(name) in {None, one[name]} for name in ("active", "customer"))
        of_coupon = params.get("coupon") in {None, one["promotion"]["coupon"]}
        return named and of_coupon and code in {"", one["code"].lower()}

    return page(call, Listing("promotion_code", "sim_object", "/v1/promotion_codes"), fits)


def find_code(state: State, code: str) -> Json | None:
    """The active promotion code that somebody typed, in any case."""
    tail = "type = 'promotion_code' AND lower(json_extract(json, '$.code')) = ? ORDER BY seq DESC"
    return next((one for _, one in read_objects(state, tail, code.strip().lower()) if one["active"]), None)


def _check_code(state: State, code: str) -> None:
    if not CODE.fullmatch(code):
        text = "Invalid code: only letters a-z, digits and dashes can be used."
        raise StripeRefusal(text, code="parameter_invalid_string", param="code")
    if find_code(state, code) is not None:
        text = f"An active promotion code with `code: {code}` already exists."
        raise StripeRefusal(text, code="resource_already_exists", param="code")


def _restrictions(given: Json) -> Json:
    if "minimum_amount" in given and "minimum_amount_currency" not in given:
        raise missing_param(("restrictions", "minimum_amount_currency"))
    return blank(stripe.PromotionCode.Restrictions, **given)
