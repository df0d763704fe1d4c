"""Money that comes back, as a test makes it: refunds and disputes at the simulated Stripe, told in any order.

What the buyer's bank or somebody in Stripe's dashboard does is done here; nobody has told the application until the
test does. `taken` gives the events of it all, to be told once, twice, mixed or never.
"""

import random
from typing import NamedTuple

from tests.billing.buying import Buying
from webapp.billing.models import Purchase
from webapp.simulator.disputing import Step
from webapp.simulator.refunding import Course, End
from webapp.simulator.store import Json


class Telling(NamedTuple):
    """One event that has not been told."""

    kind: str
    event_id: str


def payment_of(buying: Buying, purchase: Purchase) -> str:
    """The payment intent of a purchase, as Stripe has it; the application may not know it yet."""
    with buying.simulator.store.reading() as state:
        return str(state.load("checkout.session", purchase.session_id or "")["payment_intent"])


def refund(buying: Buying, purchase: Purchase, amount_minor: int | None = None, course: Course | None = None) -> Json:
    """Refund a payment in Stripe's dashboard: the rest or a part of it.

    `course`: it `succeeds` at once, is `pending`, `fails` later although it had succeeded, or `asks` the buyer.
    """
    return buying.simulator.refund(payment_of(buying, purchase), amount_minor, course)


def end_refund(buying: Buying, refund_id: str, end: End) -> Json:
    """Let a refund end: `succeeds`, `fails` (also long after it succeeded), `canceled`."""
    return buying.simulator.end_refund(refund_id, end)


def dispute(
    buying: Buying, purchase: Purchase, *steps: Step, amount_minor: int | None = None, is_inquiry: bool = False
) -> Json:
    """Open a dispute of a payment or of a part, and take these steps: `withdraw`, `answer`, `win`, `lose`, `close`.

    An inquiry that is withdrawn becomes a dispute.
    """
    opened = buying.simulator.dispute(payment_of(buying, purchase), amount_minor, is_inquiry=is_inquiry)
    return move(buying, opened["id"], *steps) if steps else opened


def move(buying: Buying, dispute_id: str, *steps: Step) -> Json:
    """Take further steps of a dispute; each must be possible."""
    for step in steps:
        before = find(buying, "dispute", dispute_id)
        moved = buying.simulator.move_dispute(dispute_id, step)
        assert moved != before, f"a dispute that is {before['status']} can't {step}"
    return moved


def find(buying: Buying, kind: str, object_id: str) -> Json:
    """One object of the simulated Stripe as it is now."""
    with buying.simulator.store.reading() as state:
        return state.load(kind, object_id)


def becomes(buying: Buying, kind: str, object_id: str, **fields: object) -> Json:
    """Change an object in silence: states that are new to us, another currency."""
    with buying.simulator.store.writing() as state:
        return state.save({**state.load(kind, object_id), **fields})


def taken(buying: Buying) -> list[Telling]:
    """The events that wait, in Stripe's order. They are off the queue then: a test tells them, or nobody does."""
    deliveries = buying.simulator.deliveries
    waiting = deliveries.waiting()
    deliveries.drop(*waiting, now=0)
    return [Telling(delivery.event_type, delivery.event_id) for delivery in waiting]


def tell(buying: Buying, *tellings: Telling) -> None:
    """Tell the application these events in this order; it must take each."""
    for telling in tellings:
        answer = buying.tell(telling.event_id)
        assert answer.status_code == 200, (telling, answer.text)


def mixed(tellings: list[Telling], chance: random.Random, *, most: int = 3, least: int = 1) -> list[Telling]:
    """The events in a random order, each `least` to `most` times; with 0 some are dropped."""
    told = [telling for telling in tellings for _ in range(chance.randint(least, most))]
    chance.shuffle(told)
    return told
