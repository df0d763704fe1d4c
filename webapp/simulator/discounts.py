"""What a promotion code does: a checkout costs less, and so may the invoices of its subscription.

`once` is for the first invoice that costs something, `forever` for all of them. Must not know pages or endpoints.
https://docs.stripe.com/billing/subscriptions/coupons
"""

from fractions import Fraction

import stripe

from webapp.simulator.coupons import as_now, existing_coupon
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.intents import intent_of
from webapp.simulator.line_items import SMALLEST_MINOR
from webapp.simulator.promotion_codes import find_code
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State
from webapp.simulator.words import sum_words

UNKNOWN = "This code is invalid."
OVER = "This code has expired."


def apply_code(happening: Happening, session_id: str, typed: str) -> Json:
    """Take off an open session what a promotion code is worth; the session.

    Raises StripeRefusal with a sentence for the buyer. A session that is not open stays as it is.
    """
    state = happening.state
    session = state.load("checkout.session", session_id)
    if session["status"] != "open" or not session["allow_promotion_codes"]:
        return session
    code = find_code(state, typed)
    if code is None:
        raise StripeRefusal(UNKNOWN, param="code")
    coupon = _coupon_of(happening, session, code)
    return _priced(happening, session, [{"coupon": None, "promotion_code": code["id"]}], coupon)


def remove_code(happening: Happening, session_id: str) -> Json:
    """Let an open session cost again what it did without a code; the session."""
    session = happening.state.load("checkout.session", session_id)
    return session if session["status"] != "open" else _priced(happening, session, [], None)


def redeem(state: State, session: Json) -> None:
    """Count that a session with a code was completed."""
    for discount in session["discounts"]:
        code = state.load("promotion_code", discount["promotion_code"])
        state.save({**code, "times_redeemed": code["times_redeemed"] + 1})
        coupon = existing_coupon(state, code["promotion"]["coupon"])
        if coupon is not None:
            state.save({**coupon, "times_redeemed": coupon["times_redeemed"] + 1})


def code_of(state: State, session: Json) -> str | None:
    """The promotion code that was typed for a session."""
    for discount in session["discounts"]:
        return str(state.load("promotion_code", discount["promotion_code"])["code"])
    return None


def amount_off(coupon: Json, amount_minor: int, currency: str) -> int:
    """What a coupon takes off an amount, never more than it; a half of the smallest unit is rounded up."""
    if coupon["percent_off"] is not None:
        share = Fraction(str(coupon["percent_off"])) * amount_minor / 100
        return min(amount_minor, int(share + Fraction(1, 2)))
    return min(amount_minor, coupon["amount_off"]) if coupon["currency"] == currency else 0


def shares_of(amount_minor: int, parts: list[int]) -> list[int]:
    """An amount over parts in proportion, to the last unit: what is rounded away is the last one's."""
    total, shares, spent = sum(parts), [], 0
    for part in parts[:-1]:
        shares.append(amount_minor * part // total if total else 0)
        spent += shares[-1]
    return [*shares, amount_minor - spent]


def _coupon_of(happening: Happening, session: Json, code: Json) -> Json:
    """The coupon of a code that this buyer may use now."""
    state, now = happening.state, happening.now
    coupon = existing_coupon(state, code["promotion"]["coupon"])
    if coupon is None or not as_now(coupon, now=now)["valid"]:
        raise StripeRefusal(OVER, param="code")
    is_used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    if is_used_up or (code["expires_at"] is not None and code["expires_at"] <= now):
        raise StripeRefusal(OVER, param="code")
    if code["customer"] not in {None, session["customer"]}:
        raise StripeRefusal(UNKNOWN, param="code")
    _check_restrictions(state, session, code["restrictions"])
    if coupon["currency"] not in {None, session["currency"]}:
        raise StripeRefusal("This code can’t be used in this currency.", param="code")
    return coupon


def _check_restrictions(state: State, session: Json, restrictions: Json) -> None:
    least, currency = restrictions["minimum_amount"], restrictions["minimum_amount_currency"]
    if least is not None and (currency != session["currency"] or session["amount_subtotal"] < least):
        text = f"This code needs an order of {sum_words(least, currency)} or more."
        raise StripeRefusal(text, param="code")
    if restrictions["first_time_transaction"] and _has_paid(state, session["customer"]):
        raise StripeRefusal("This code is for first orders only.", param="code")


def _has_paid(state: State, customer_id: str | None) -> bool:
    sql = (
        "SELECT 1 FROM sim_object WHERE type = 'charge' AND json_extract(json, '$.customer') = ? "
        "AND json_extract(json, '$.status') = 'succeeded' LIMIT 1"
    )
    return bool(list(state.rows(sql, customer_id)))


def _priced(happening: Happening, session: Json, discounts: list[Json], coupon: Json | None) -> Json:
    """The session and its lines with what a coupon takes off now, and the payment that waits for it."""
    state = happening.state
    lines: list[Json] = state.hidden(session["id"])["line_items"]
    subtotals = [line["amount_subtotal"] for line in lines]
    discount_minor = amount_off(coupon, sum(subtotals), session["currency"]) if coupon else 0
    shares = shares_of(discount_minor, subtotals)
    lines = [
        {**line, "amount_discount": share, "amount_total": line["amount_subtotal"] - share}
        for line, share in zip(lines, shares, strict=True)
    ]
    total = session["amount_subtotal"] - discount_minor
    smallest = SMALLEST_MINOR.get(session["currency"], 0)
    if 0 < total < smallest:
        text = f"With this code less than {sum_words(smallest, session['currency'])} is left, which can’t be paid."
        raise StripeRefusal(text, code="amount_too_small", param="code")
    state.hide(session["id"], line_items=lines)
    changes = {
        "discounts": discounts,
        "amount_total": total,
        "total_details": {**session["total_details"], "amount_discount": discount_minor},
    }
    return _with_payment(happening, state.save({**session, **changes}))


def _with_payment(happening: Happening, session: Json) -> Json:
    """Let an attempt that failed before go on with the new amount; where nothing is due it ends."""
    state = happening.state
    intent = intent_of(state, session)
    if intent is None or intent["amount"] == session["amount_total"]:
        return session
    if session["amount_total"]:
        anew = {"status": "requires_payment_method", "next_action": None}  # what the bank was asked is not the sum now
        state.save({**intent, **anew, "amount": session["amount_total"]})
        return session
    canceled = {"status": "canceled", "canceled_at": happening.now, "cancellation_reason": "automatic"}
    happening.emit("payment_intent.canceled", state.save({**intent, **canceled, "next_action": None}))
    state.hide(session["id"], payment_intent=None)
    return state.save({**session, "payment_intent": None})


def begin_discount(happening: Happening, session: Json, subscription: Json) -> Json:
    """Keep the discount of a checkout for the subscription it makes; the subscription, not stored.

    What it takes off is kept with it: a coupon that is deleted later takes nothing from those who have it.
    """
    state = happening.state
    for given in session["discounts"]:
        code = state.load("promotion_code", given["promotion_code"])
        coupon = state.load("coupon", code["promotion"]["coupon"])
        discount = blank(
            stripe.Discount,
            id=new_id("di"),
            object="discount",
            checkout_session=session["id"],
            customer=session["customer"],
            promotion_code=code["id"],
            source={"coupon": coupon["id"], "type": "coupon"},
            start=happening.now,
            subscription=subscription["id"],
        )
        state.add(discount, hidden={"coupon": coupon})
        return {**subscription, "discounts": [discount["id"]]}
    return subscription


def taken_off(state: State, subscription: Json, lines: list[Json]) -> list[Json]:
    """What the discounts of a subscription take off an invoice of these lines, as its `total_discount_amounts`.

    A credit is smaller too where what it gives back was paid at a discount.
    """
    subtotal = sum(line["amount"] for line in lines)
    found = []
    for discount_id in subscription["discounts"]:
        coupon = state.hidden(discount_id)["coupon"]
        minor = amount_off(coupon, abs(subtotal), subscription["currency"])
        is_of_credit = subtotal < 0
        if is_of_credit and (coupon["duration"] == "once" or coupon["percent_off"] is None):
            minor = 0
        if minor:
            found.append({"amount": -minor if is_of_credit else minor, "discount": discount_id})
    return found


def spread(lines: list[Json], amounts: list[Json]) -> list[Json]:
    """The lines of an invoice, each with its share of what is taken off."""
    for one in amounts:
        shares = shares_of(one["amount"], [line["amount"] for line in lines])
        lines = [
            {**line, "discounts": [one["discount"]], "discount_amounts": [{**one, "amount": share}]}
            for line, share in zip(lines, shares, strict=True)
        ]
    return lines


def left_after(happening: Happening, subscription: Json, invoice: Json) -> list[str]:
    """The discounts that a subscription still has after an invoice: one for `once` is used up by it."""
    state, left = happening.state, []
    used = {one["discount"] for one in invoice["total_discount_amounts"]}
    for discount_id in subscription["discounts"]:
        if discount_id in used and state.hidden(discount_id)["coupon"]["duration"] == "once":
            state.save({**state.load("discount", discount_id), "end": happening.now})
        else:
            left.append(discount_id)
    return left
