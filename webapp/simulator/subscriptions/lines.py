"""Lines of invoices: a period of a price, a trial that costs nothing, what a switch of plans gives back and asks for.

https://docs.stripe.com/api/invoice-line-item
"""

import stripe

from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.periods import prorated
from webapp.simulator.words import day, sum_words

Period = tuple[int, int]
Parent = stripe.InvoiceLineItem.Parent


def lines_of_period(state: State, subscription: Json) -> list[Json]:
    """What the present period of each item costs; a trial costs nothing."""
    is_trial = subscription["status"] == "trialing"
    return [_line_of_period(state, subscription, item, is_trial=is_trial) for item in subscription["items"]["data"]]


def lines_of_switch(state: State, subscription: Json, old: Json, new: Json, *, now: int) -> list[Json]:
    """What is given back of the old item's period, and what the new one costs for the rest of it."""
    start, end = old["current_period_start"], old["current_period_end"]
    given_back = prorated(_price_of(old), now=now, start=start, end=end)
    asked_for = prorated(_price_of(new), now=now, start=start, end=end)
    rest = (now, end)
    return [
        _proration(state, subscription, old, -given_back, rest, "Unused time on"),
        _proration(state, subscription, new, asked_for, rest, "Remaining time on"),
    ]


def line_of_unused(state: State, subscription: Json, old: Json, *, now: int) -> Json:
    """What is given back of the old item's period when a new period begins with the switch."""
    start, end = old["current_period_start"], old["current_period_end"]
    amount_minor = -prorated(_price_of(old), now=now, start=start, end=end)
    return _proration(state, subscription, old, amount_minor, (now, end), "Unused time on")


def _line_of_period(state: State, subscription: Json, item: Json, *, is_trial: bool) -> Json:
    price, quantity = item["price"], item["quantity"]
    name = _name(state, price)
    each = f"{sum_words(price['unit_amount'], price['currency'])} / {price['recurring']['interval']}"
    words = f"Trial period for {name}" if is_trial else f"{quantity} × {name} (at {each})"
    period = (item["current_period_start"], item["current_period_end"])
    amount_minor = 0 if is_trial else _price_of(item)
    return _line(subscription, item, amount_minor, period, words, is_proration=False)


def _proration(
    state: State, subscription: Json, item: Json, amount_minor: int, period: Period, words: str
) -> Json:  # fmt: skip
    words = f"{words} {_name(state, item['price'])} after {day(period[0])}"
    return _line(subscription, item, amount_minor, period, words, is_proration=True)


def _line(
    subscription: Json, item: Json, amount_minor: int, period: Period, words: str, *, is_proration: bool
) -> Json:  # fmt: skip
    price = item["price"]
    details = blank(
        Parent.SubscriptionItemDetails,
        proration=is_proration,
        proration_details=blank(Parent.SubscriptionItemDetails.ProrationDetails),
        subscription=subscription["id"],
        subscription_item=item["id"],
    )
    pricing = blank(
        stripe.InvoiceLineItem.Pricing,
        price_details={"price": price["id"], "product": price["product"]},
        type="price_details",
        unit_amount_decimal=price["unit_amount_decimal"],
    )
    return blank(
        stripe.InvoiceLineItem,
        id=new_id("il"),
        object="line_item",
        amount=amount_minor,
        currency=price["currency"],
        description=words,
        discount_amounts=[],
        discountable=not is_proration,
        discounts=[],
        livemode=False,
        metadata=subscription["metadata"],
        parent=blank(Parent, subscription_item_details=details, type="subscription_item_details"),
        period={"start": period[0], "end": period[1]},
        pretax_credit_amounts=[],
        pricing=pricing,
        quantity=item["quantity"],
        quantity_decimal=str(item["quantity"]),
        subscription=subscription["id"],
        subtotal=amount_minor,
        taxes=[],
    )


def _price_of(item: Json) -> int:
    amount_minor: int = item["price"]["unit_amount"] * item["quantity"]
    return amount_minor


def _name(state: State, price: Json) -> str:
    return str(state.load("product", price["product"])["name"])
