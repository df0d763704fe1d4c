"""How a subscription ends, or nearly does: canceled now or at the period's end, taken back, given up, paused.

https://docs.stripe.com/billing/subscriptions/cancel and https://docs.stripe.com/billing/subscriptions/pause-payment
"""

from typing import Literal, get_args

from webapp.simulator.events import Happening
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.finding import invoices_of, subscriptions_of, updated
from webapp.simulator.subscriptions.objects import ENDED, period_of
from webapp.simulator.subscriptions.schedules import cancel_schedule

Behavior = Literal["void", "keep_as_draft", "mark_uncollectible"]
BEHAVIORS: tuple[Behavior, ...] = get_args(Behavior)
End = Literal["canceled", "unpaid"]
ENDS: tuple[End, ...] = get_args(End)
WhyEnded = Literal["cancellation_requested", "payment_failed"]


def cancel(happening: Happening, subscription_id: str, *, at_period_end: bool) -> Json:
    """End a subscription now, or plan its end; the subscription. One that has ended stays as it is.

    What was paid is not given back.
    """
    subscription = happening.state.load("subscription", subscription_id)
    if subscription["status"] in ENDED or (at_period_end and subscription["cancel_at_period_end"]):
        return subscription
    if not at_period_end:
        return end(happening, subscription, "cancellation_requested")
    return plan_end(happening, {**subscription, "cancel_at_period_end": True})


def plan_end(happening: Happening, subscription: Json) -> Json:
    """Let a subscription end with its period; the subscription.

    Stripe says so in `cancel_at` always, in `cancel_at_period_end` only to those who have asked in these words.
    https://docs.stripe.com/changelog/basil/2025-05-28/cancel-at-enums
    """
    return updated(
        happening,
        subscription,
        cancel_at=period_of(subscription)[1],
        canceled_at=happening.now,
        cancellation_details={**subscription["cancellation_details"], "reason": "cancellation_requested"},
    )


def resume(happening: Happening, subscription_id: str) -> Json:
    """Take back a planned end; the subscription."""
    subscription = happening.state.load("subscription", subscription_id)
    if subscription["status"] in ENDED:
        return subscription
    details = {**subscription["cancellation_details"], "reason": None}
    taken_back = {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
    return updated(happening, subscription, **taken_back, cancellation_details=details)


def give_up(happening: Happening, subscription_id: str, to: End) -> Json:
    """What the account has chosen for when all attempts to collect have failed: cancel, or leave it unpaid."""
    subscription = happening.state.load("subscription", subscription_id)
    if subscription["status"] in ENDED:
        return subscription
    if to == "canceled":
        return end(happening, subscription, "payment_failed")
    _stop_asking(happening, subscription)
    return updated(happening, subscription, status="unpaid")


def pause_collection(happening: Happening, subscription_id: str, behavior: Behavior = "void") -> Json:
    """Ask for no money until it is resumed: each invoice is voided, kept as a draft or given up at once."""
    subscription = happening.state.load("subscription", subscription_id)
    if subscription["status"] in ENDED:
        return subscription
    return updated(happening, subscription, pause_collection={"behavior": behavior, "resumes_at": None})


def resume_collection(happening: Happening, subscription_id: str) -> Json:
    """Ask for money again, from the next invoice on."""
    subscription = happening.state.load("subscription", subscription_id)
    return subscription if subscription["status"] in ENDED else updated(happening, subscription, pause_collection=None)


def end(happening: Happening, subscription: Json, why: WhyEnded) -> Json:
    """A subscription ends for good, with its event."""
    state = happening.state
    _stop_asking(happening, subscription)
    cancel_schedule(happening, subscription)
    details = subscription["cancellation_details"]
    ended = {
        "status": "canceled",
        "canceled_at": subscription["canceled_at"] or happening.now,
        "ended_at": happening.now,
        "schedule": None,
        "cancellation_details": {**details, "reason": details["reason"] or why},
    }
    subscription = state.save({**subscription, **ended})
    state.wake(subscription["id"], None)
    happening.emit("customer.subscription.deleted", subscription)
    return subscription


def end_all_of(happening: Happening, customer_id: str) -> None:
    """End the subscriptions of a customer who is being deleted."""
    for subscription in subscriptions_of(happening.state, customer_id):
        end(happening, subscription, "cancellation_requested")


def _stop_asking(happening: Happening, subscription: Json) -> None:
    """Open invoices stay open; nobody asks for them by itself any more."""
    for invoice in invoices_of(happening.state, subscription["id"]):
        if invoice["status"] in {"draft", "open"}:
            happening.state.save({**invoice, "auto_advance": False, "next_payment_attempt": None})
