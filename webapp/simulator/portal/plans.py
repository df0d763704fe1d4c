"""What the portal shows of a customer's plan, and what another plan would cost, by doing it and undoing it."""

from dataclasses import dataclass

from webapp.simulator.events import Happening
from webapp.simulator.store import Json, State, Store
from webapp.simulator.subscriptions import planned_switch, switch_plan
from webapp.simulator.subscriptions.objects import ENDED, period_of
from webapp.simulator.words import rhythm_words

INTERVAL_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class Plan:
    """One price as the portal names it. `rhythm` is like `per month`."""

    price_id: str
    name: str
    detail: str | None
    amount_minor: int
    currency: str
    rhythm: str


@dataclass(frozen=True)
class Change:
    """Another plan before it is confirmed: what is due today, what is kept in credit, what comes afterwards.

    `is_later`: the change comes with the next period, and nothing is due today.
    """

    plan: Plan
    is_later: bool
    starts_at: int
    renews_at: int
    due_minor: int = 0
    credit_minor: int = 0
    lines: tuple[tuple[str, int], ...] = ()


def plan_of_price(state: State, price: Json) -> Plan:
    """A price with its product's name."""
    product = state.load("product", price["product"])
    return Plan(
        price_id=price["id"],
        name=product["name"],
        detail=product["description"],
        amount_minor=price["unit_amount"],
        currency=price["currency"],
        rhythm=rhythm_words(price["recurring"]),
    )


def other_plans(state: State, configuration: Json, subscription: Json) -> list[Plan]:
    """The plans the configuration lets a subscription change to, in its order."""
    feature = configuration["features"]["subscription_update"]
    if not feature["enabled"] or "price" not in feature["default_allowed_updates"]:
        return []
    found = [state.load("price", price_id) for product in feature["products"] for price_id in product["prices"]]
    has_now = subscription["items"]["data"][0]["price"]["id"]
    return [
        plan_of_price(state, price)
        for price in found
        if price["active"] and price["currency"] == subscription["currency"] and price["id"] != has_now
    ]


def is_later(state: State, configuration: Json, subscription: Json, price_id: str) -> bool:
    """Whether a change waits for the next period: by the configuration's conditions, and never in a trial."""
    if subscription["status"] == "trialing":
        return False
    conditions = configuration["features"]["subscription_update"]["schedule_at_period_end"]["conditions"]
    kinds = {condition["type"] for condition in conditions}
    old, new = subscription["items"]["data"][0]["price"], state.load("price", price_id)
    is_cheaper = new["unit_amount"] < old["unit_amount"]
    is_shorter = _days(new) < _days(old)
    return ("decreasing_item_amount" in kinds and is_cheaper) or ("shortening_interval" in kinds and is_shorter)


def switch(happening: Happening, configuration: Json, subscription_id: str, price_id: str) -> Json:
    """Change the plan as the configuration says: at once or with the next period, billed or not."""
    subscription = happening.state.load("subscription", subscription_id)
    if is_later(happening.state, configuration, subscription, price_id):
        return switch_plan(happening, subscription_id, price_id, when="period_end")
    proration = configuration["features"]["subscription_update"]["proration_behavior"]
    return switch_plan(happening, subscription_id, price_id, when="now", proration=proration)


def preview(store: Store, configuration: Json, subscription: Json, price_id: str, *, now: int) -> Change:
    """What a change would come to."""
    with store.reading() as state:
        plan = plan_of_price(state, state.load("price", price_id))
        if is_later(state, configuration, subscription, price_id):
            ends_at = period_of(subscription)[1]
            return Change(plan, is_later=True, starts_at=ends_at, renews_at=ends_at)
    with store.trying() as state:
        after = switch(Happening(state, now), configuration, subscription["id"], price_id)
        renews_at = period_of(after)[1]
        if after["latest_invoice"] == subscription["latest_invoice"]:
            return Change(plan, is_later=False, starts_at=now, renews_at=renews_at)
        invoice = state.load("invoice", after["latest_invoice"])
        lines = tuple((line["description"], line["amount"]) for line in invoice["lines"]["data"])
        credit_minor = -(invoice["ending_balance"] or 0)
        return Change(plan, False, now, renews_at, invoice["amount_due"], credit_minor, lines)


def planned_plan(happening: Happening, subscription: Json) -> Plan | None:
    """The plan that comes with the next period, if that is another one."""
    price_id = planned_switch(happening, subscription["id"])
    return None if price_id is None else plan_of_price(happening.state, happening.state.load("price", price_id))


def is_living(subscription: Json) -> bool:
    """Whether anything can still be done with it."""
    return subscription["status"] not in {*ENDED, "incomplete"}


def _days(price: Json) -> int:
    recurring = price["recurring"]
    return INTERVAL_DAYS[recurring["interval"]] * int(recurring["interval_count"])
