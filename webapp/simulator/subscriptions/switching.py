"""Another plan: at once with what the rest of the period costs and gives back, or with the next period.

https://docs.stripe.com/billing/subscriptions/prorations
"""

from typing import Literal, get_args

from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.events import Happening
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.billing import bill
from webapp.simulator.subscriptions.collecting import Course
from webapp.simulator.subscriptions.finding import updated
from webapp.simulator.subscriptions.lines import line_of_unused, lines_of_switch
from webapp.simulator.subscriptions.objects import ENDED, item_list, plan_of
from webapp.simulator.subscriptions.renewing import begin_anew
from webapp.simulator.subscriptions.schedules import drop_switch, plan_switch, planned_price

When = Literal["now", "period_end"]
WHENS: tuple[When, ...] = get_args(When)
Proration = Literal["always_invoice", "create_prorations", "none"]


def switch_plan(
    happening: Happening, subscription_id: str, price_id: str, *, when: When = "now",
    proration: Proration = "always_invoice", quantity: int | None = None, course: Course | None = None,
) -> Json:  # fmt: skip
    """Change the plan; the subscription afterwards. One that has ended stays as it is.

    `now`: what is left of the old plan is given back and the new one's share is billed, at once
    (`always_invoice`), with the next invoice (`create_prorations`) or not at all (`none`); a plan with another
    interval begins a new period. `period_end`: a schedule keeps it until the renewal.
    """
    state = happening.state
    subscription = state.load("subscription", subscription_id)
    price = _recurring_price(happening, subscription, price_id)
    if subscription["status"] in ENDED:
        return subscription
    old = subscription["items"]["data"][0]
    new = {**old, "price": price, "plan": plan_of(price), "quantity": quantity or old["quantity"]}
    if when == "period_end" and price_id != old["price"]["id"]:
        return plan_switch(happening, subscription, price)
    subscription = drop_switch(happening, subscription)
    if new == old:
        return subscription
    return _switch_now(happening, subscription, old, new, proration, course)


def planned_switch(happening: Happening, subscription_id: str) -> str | None:
    """The price that a subscription will have from its next period on, when that is another one."""
    return planned_price(happening.state, happening.state.load("subscription", subscription_id))


def _switch_now(
    happening: Happening, subscription: Json, old: Json, new: Json, proration: Proration, course: Course | None
) -> Json:
    state, now = happening.state, happening.now
    items = item_list([new, *subscription["items"]["data"][1:]])
    is_free = subscription["status"] in {"trialing", "paused"}  # nothing was paid that could be given back
    if _rhythm(new) != _rhythm(old) and not is_free:
        unused = [] if proration == "none" else [line_of_unused(state, subscription, old, now=now)]
        return begin_anew(happening, {**subscription, "items": items}, before=unused, course=course)
    switched = {**subscription, "items": items}
    if is_free or proration == "none":
        return updated(happening, switched)
    lines = lines_of_switch(state, switched, old, new, now=now)
    if proration == "create_prorations":
        pending = state.hidden(subscription["id"]).get("pending", [])
        state.hide(subscription["id"], pending=[*pending, *lines])
        return updated(happening, switched)
    return bill(happening, switched, lines, "subscription_update", course)


def _recurring_price(happening: Happening, subscription: Json, price_id: str) -> Json:
    price = happening.state.find("price", price_id)
    if price is None:
        raise missing("price", price_id, param="items[0][price]")
    if price["type"] != "recurring":
        text = "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."
        raise StripeRefusal(text, param="items[0][price]")
    if not price["active"]:
        text = "The price specified is inactive. This field only accepts active prices."
        raise StripeRefusal(text, param="items[0][price]")
    if price["currency"] != subscription["currency"]:
        text = f"The price specified only supports `{price['currency']}`. This subscription is in another currency."
        raise StripeRefusal(text, param="items[0][price]")
    return price


def _rhythm(item: Json) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]
