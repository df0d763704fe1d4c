"""A period ends: the next begins and is billed, a trial becomes a paid subscription, or the subscription ends.

https://docs.stripe.com/billing/subscriptions/trials and https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from webapp.simulator.clock import renewal_course
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.store import Json, Store
from webapp.simulator.subscriptions.billing import bill
from webapp.simulator.subscriptions.cards import card_of
from webapp.simulator.subscriptions.collecting import Course
from webapp.simulator.subscriptions.ending import end
from webapp.simulator.subscriptions.finding import updated
from webapp.simulator.subscriptions.lines import lines_of_period
from webapp.simulator.subscriptions.objects import ENDED, item_list, period_of, plan_of, with_items
from webapp.simulator.subscriptions.periods import period_end
from webapp.simulator.subscriptions.schedules import planned_price, switched

MOST_AT_ONCE = 1000


def renew(happening: Happening, subscription_id: str, course: Course | None = None) -> Json:
    """End the present period, whenever its end is, and begin the next; the subscription afterwards.

    `course` says how the payment goes; None: as the card does. A subscription that shall end with its period
    does; nothing happens to one that has ended or is paused.
    """
    state = happening.state
    subscription = state.load("subscription", subscription_id)
    if subscription["status"] in {*ENDED, "paused"}:
        return subscription
    if _ends_now(subscription):
        return end(happening, subscription, "cancellation_requested")
    if subscription["status"] == "trialing" and card_of(state, subscription) is None:
        behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if behavior == "cancel":
            return end(happening, subscription, "payment_failed")
        if behavior == "pause":
            return _pause(happening, subscription)
    return _begin_next(happening, subscription, course)


def end_trial(happening: Happening, subscription_id: str, course: Course | None = None) -> Json:
    """Let a trial end now: the first paid period begins, and with it the count of periods."""
    state = happening.state
    subscription = state.load("subscription", subscription_id)
    if subscription["status"] not in {"trialing", "paused"}:
        return subscription
    return begin_anew(happening, {**subscription, "trial_end": happening.now}, course=course)


def begin_anew(happening: Happening, subscription: Json, *, before: list[Json] | None = None,
               course: Course | None = None) -> Json:  # fmt: skip
    """A new period begins now, which all later ones are counted from; `before` are further lines of its invoice."""
    now = happening.now
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    items = with_items(subscription, current_period_start=now, current_period_end=period_end(now, recurring, now))
    status = "active" if subscription["status"] in {"trialing", "paused"} else subscription["status"]
    subscription = {**subscription, "items": items, "billing_cycle_anchor": now, "status": status}
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = period_of(subscription)[1]
    happening.state.wake(subscription["id"], period_of(subscription)[1])
    lines = [*(before or []), *lines_of_period(happening.state, subscription)]
    return bill(happening, subscription, lines, "subscription_update", course)


def renew_due(store: Store, *, now: int) -> int:
    """Renew what is due, one period after another, each at its own time; how many. Writes only when there are any."""
    with store.reading() as state:
        if not state.due("subscription", now=now):
            return 0
    count = 0
    while count < MOST_AT_ONCE:
        with store.writing() as state:  # each by itself: another process may be quicker, and a year takes a while
            due = state.due("subscription", now=now)
            if not due:
                break
            due_at, subscription_id = period_of(due[0])[1], due[0]["id"]
            renew(Happening(state, due_at), subscription_id, renewal_course(state, due_at))
        count += 1
    return count


def _ends_now(subscription: Json) -> bool:
    cancel_at: int | None = subscription["cancel_at"]
    return cancel_at is not None and cancel_at <= period_of(subscription)[1]


def _begin_next(happening: Happening, subscription: Json, course: Course | None) -> Json:
    state = happening.state
    past = period_of(subscription)
    hidden = state.hidden(subscription["id"])
    items = _switched(happening, subscription, planned_price(state, subscription))
    subscription = switched(happening, subscription)
    start = past[1]
    stop = period_end(subscription["billing_cycle_anchor"], items[0]["price"]["recurring"], start)
    items = [{**item, "current_period_start": start, "current_period_end": stop} for item in items]
    status = "active" if subscription["status"] == "trialing" else subscription["status"]
    subscription = {**subscription, "items": item_list(items), "status": status}
    state.wake(subscription["id"], stop)
    state.hide(subscription["id"], pending=[])
    lines = [*hidden.get("pending", []), *lines_of_period(state, subscription)]
    return bill(happening, subscription, lines, "subscription_cycle", course, past=past)


def _switched(happening: Happening, subscription: Json, price_id: str | None) -> list[Json]:
    """The items with the price that was planned for the next period."""
    items: list[Json] = subscription["items"]["data"]
    if price_id is None:
        return items
    price = happening.state.load("price", price_id)
    return [{**items[0], "price": price, "plan": plan_of(price)}, *items[1:]]


def _pause(happening: Happening, subscription: Json) -> Json:
    """A trial ends and there is no card: nothing more happens until it is resumed."""
    happening.state.wake(subscription["id"], None)
    subscription = updated(happening, subscription, status="paused")
    happening.emit("customer.subscription.paused", subscription)
    return subscription


def resume_paused(happening: Happening, subscription_id: str, course: Course | None = None) -> Json:
    """Resume a subscription that was paused at the end of its trial; a period begins now."""
    subscription = happening.state.load("subscription", subscription_id)
    if subscription["status"] != "paused":
        text = f"Only a subscription with status `paused` can be resumed. This one is `{subscription['status']}`."
        raise StripeRefusal(text)
    subscription = begin_anew(happening, subscription, course=course)
    happening.emit("customer.subscription.resumed", subscription)
    return subscription
