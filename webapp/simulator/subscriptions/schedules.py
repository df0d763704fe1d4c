"""Subscription schedules: a change of plan that waits for the next period, as the portal plans it.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from typing import Any

from stripe import SubscriptionSchedule

from webapp.simulator.events import Happening
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.finding import updated
from webapp.simulator.subscriptions.objects import period_of
from webapp.simulator.subscriptions.periods import period_end


def planned_price(state: State, subscription: Json) -> str | None:
    """The price that a subscription will have from its next period on, when that is another one."""
    schedule = state.find("subscription_schedule", subscription["schedule"])
    return None if schedule is None else str(schedule["phases"][1]["items"][0]["price"])


def plan_switch(happening: Happening, subscription: Json, price: Json) -> Json:
    """Let the next period begin with another price; the subscription. A switch planned before gives way."""
    schedule = happening.state.add(_schedule(happening, subscription, price))
    _release(happening, subscription)
    happening.emit("subscription_schedule.created", schedule)
    return updated(happening, subscription, schedule=schedule["id"])


def drop_switch(happening: Happening, subscription: Json) -> Json:
    """Keep the present price after all; the subscription."""
    if subscription["schedule"] is None:
        return subscription
    _release(happening, subscription)
    return updated(happening, subscription, schedule=None)


def switched(happening: Happening, subscription: Json) -> Json:
    """The subscription without its schedule, whose second phase has begun. It isn't stored."""
    if completed := _ended(happening, subscription, "completed"):
        happening.emit("subscription_schedule.completed", completed)
    return {**subscription, "schedule": None}


def cancel_schedule(happening: Happening, subscription: Json) -> None:
    """What was planned for a subscription that ends never comes."""
    if canceled := _ended(happening, subscription, "canceled"):
        happening.emit("subscription_schedule.canceled", canceled)


def _release(happening: Happening, subscription: Json) -> None:
    """Let the subscription go on without its schedule, if it has one."""
    if released := _ended(happening, subscription, "released", released_subscription=subscription["id"]):
        happening.emit("subscription_schedule.released", released)


def _ended(happening: Happening, subscription: Json, how: str, **more: str) -> Json | None:
    schedule = happening.state.find("subscription_schedule", subscription["schedule"])
    if schedule is None:
        return None
    ended: Json = {"status": how, f"{how}_at": happening.now, "current_phase": None, "subscription": None}
    return happening.state.save({**schedule, **ended, **more})


def _schedule(happening: Happening, subscription: Json, price: Json) -> Json:
    start, stop = period_of(subscription)
    after = period_end(subscription["billing_cycle_anchor"], price["recurring"], stop)
    now_has = subscription["items"]["data"][0]
    return blank(
        SubscriptionSchedule,
        id=new_id("sub_sched"),
        object="subscription_schedule",
        billing_mode=subscription["billing_mode"],
        created=happening.now,
        current_phase=blank(SubscriptionSchedule.CurrentPhase, start_date=start, end_date=stop),
        customer=subscription["customer"],
        default_settings=_defaults(),
        end_behavior="release",
        livemode=False,
        metadata={},
        pause_schedules=[],
        phases=[
            _phase(subscription, now_has["price"], now_has["quantity"], start, stop),
            _phase(subscription, price, now_has["quantity"], stop, after),
        ],
        status="active",
        subscription=subscription["id"],
    )


def _phase(subscription: Json, price: Json, quantity: Any, start: int, stop: int) -> Json:
    item = blank(
        SubscriptionSchedule.Phase.Item,
        discounts=[],
        metadata={},
        plan=price["id"],
        price=price["id"],
        quantity=quantity,
        tax_rates=[],
    )
    return blank(
        SubscriptionSchedule.Phase,
        add_invoice_items=[],
        currency=subscription["currency"],
        discounts=[],
        end_date=stop,
        items=[item],
        metadata={},
        proration_behavior="none",
        start_date=start,
    )


def _defaults() -> Json:
    return blank(
        SubscriptionSchedule.DefaultSettings,
        automatic_tax=blank(SubscriptionSchedule.DefaultSettings.AutomaticTax, enabled=False),
        billing_cycle_anchor="automatic",
        invoice_settings=blank(
            SubscriptionSchedule.DefaultSettings.InvoiceSettings,
            issuer=blank(SubscriptionSchedule.DefaultSettings.InvoiceSettings.Issuer, type="self"),
        ),
    )
