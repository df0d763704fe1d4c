"""Looking up subscriptions and their invoices, and changing a subscription with the event that tells of it."""

from webapp.simulator.calls import changed
from webapp.simulator.events import Happening
from webapp.simulator.lists import read_objects
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.objects import ENDED


def subscriptions_of(state: State, customer_id: str) -> list[Json]:
    """The customer's subscriptions that have not ended, oldest first."""
    tail = "type = 'subscription' AND json_extract(json, '$.customer') = ? ORDER BY seq"
    return [one for _, one in read_objects(state, tail, customer_id) if one["status"] not in ENDED]


def invoices_of(state: State, subscription_id: str) -> list[Json]:
    """The invoices of a subscription, oldest first."""
    tail = "type = 'invoice' AND json_extract(json, '$.parent.subscription_details.subscription') = ? ORDER BY seq"
    return [invoice for _, invoice in read_objects(state, tail, subscription_id)]


def updated(happening: Happening, subscription: Json, **values: object) -> Json:
    """Store the subscription with these values, and tell of everything in it that is not as it was stored."""
    old, new = happening.state.load("subscription", subscription["id"]), {**subscription, **values}
    if previous := changed(old, new):
        happening.state.save(new)
        happening.emit("customer.subscription.updated", new, previous)
    return new
