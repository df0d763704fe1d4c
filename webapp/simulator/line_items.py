"""Line items of a checkout session: which prices may be sold, and what they add up to.

https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-line_items
"""

import stripe

from webapp.money import STRIPE_EIGHT_DIGITS, STRIPE_LONGER
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.parameters import missing_param
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

MOST_LINES = 100
# For an account that settles in the same currency. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
SMALLEST_MINOR = {"usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "chf": 50, "jpy": 50}


def line_items(state: State, given: list[Json], mode: str, *, is_trial: bool = False) -> list[Json]:
    """The lines as Stripe keeps them; raises StripeRefusal naming the line at fault. In a trial nothing is due."""
    if not given:
        raise missing_param(("line_items",))
    if len(given) > MOST_LINES:
        raise StripeRefusal(f"You can specify up to {MOST_LINES} line items.", param="line_items")
    lines = [_line(state, position, line, mode) for position, line in enumerate(given)]
    currencies = {line["currency"] for line in lines}
    if len(currencies) > 1:
        text = "All prices on a Checkout session must have the same currency."
        raise StripeRefusal(text, param="line_items")
    _check_rhythm(lines)
    _check_total(sum(line["amount_total"] for line in lines), currencies.pop())
    return [{**line, "amount_subtotal": 0, "amount_total": 0} for line in lines] if is_trial else lines


def _line(state: State, position: int, given: Json, mode: str) -> Json:
    at = ("line_items", str(position))
    for name in ("price", "quantity"):
        if name not in given:
            raise missing_param((*at, name))
    price = _sellable_price(state, given["price"], mode, param=f"line_items[{position}][price]")
    if given["quantity"] < 1:
        text = "This value must be greater than or equal to 1."
        raise StripeRefusal(text, code="parameter_invalid_integer", param=f"line_items[{position}][quantity]")
    amount_minor = price["unit_amount"] * given["quantity"]
    return blank(
        stripe.LineItem,
        id=new_id("li"),
        object="item",
        amount_discount=0,
        amount_subtotal=amount_minor,
        amount_tax=0,
        amount_total=amount_minor,
        currency=price["currency"],
        description=state.load("product", price["product"])["name"],
        price=price,
        quantity=given["quantity"],
    )


def _sellable_price(state: State, price_id: str, mode: str, *, param: str) -> Json:
    price = state.find("price", price_id)
    if price is None:
        raise missing("price", price_id, param=param)
    if not price["active"]:
        raise StripeRefusal("The price specified is inactive. This field only accepts active prices.", param=param)
    if not state.load("product", price["product"])["active"]:
        text = "The price specified is not available to be purchased because its product is not active."
        raise StripeRefusal(text, param=param)
    _check_type(price["type"], mode, param)
    return price


def _check_type(kind: str, mode: str, param: str) -> None:
    if mode == "payment" and kind == "recurring":
        text = (
            "You specified `payment` mode but passed a recurring price. "
            "Either switch to `subscription` mode or use only one-time prices."
        )
        raise StripeRefusal(text, param=param)
    if mode == "subscription" and kind == "one_time":
        text = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise StripeRefusal(text, param=param)


def _check_rhythm(lines: list[Json]) -> None:
    rhythms = [line["price"]["recurring"] for line in lines]
    if len({one and (one["interval"], one["interval_count"]) for one in rhythms}) > 1:
        text = "All recurring prices on a Checkout session must have the same interval and interval_count."
        raise StripeRefusal(text, param="line_items")


def _check_total(total_minor: int, currency: str) -> None:
    smallest = SMALLEST_MINOR.get(currency, 0)
    if 0 < total_minor < smallest:
        text = f"The Checkout Session's total amount due must add up to at least {smallest} {currency}"
        raise StripeRefusal(text, code="amount_too_small")
    largest = STRIPE_LONGER.get(currency, STRIPE_EIGHT_DIGITS)
    if total_minor > largest:
        text = f"The Checkout Session's total amount due must be no more than {largest} {currency}"
        raise StripeRefusal(text, code="amount_too_large")
