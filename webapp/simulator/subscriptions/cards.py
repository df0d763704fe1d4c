"""The card of a subscription: which it is, how it takes the next payment, how it is changed.

https://docs.stripe.com/billing/subscriptions/overview and https://docs.stripe.com/testing
"""

from webapp.simulator import methods
from webapp.simulator.calls import changed
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.collecting import Course
from webapp.simulator.subscriptions.finding import subscriptions_of, updated

# What a card says when it is charged without its holder.
COURSES: dict[str, Course] = {
    methods.DECLINED: "failed",
    methods.INSUFFICIENT_FUNDS: "failed",
    methods.FAILS_LATER: "failed",
    methods.ASKS_EACH_TIME: "asks",
}


def card_of(state: State, subscription: Json) -> Json | None:
    """The subscription's own card, or its customer's."""
    customer = state.load("customer", subscription["customer"])
    general = customer.get("invoice_settings", {}).get("default_payment_method")  # a deleted customer has none
    return state.find("payment_method", subscription["default_payment_method"] or general)


def usual_course(method: Json | None) -> Course:
    """How a payment with this card goes when nobody says otherwise."""
    return "failed" if method is None else COURSES.get((method["card"] or {}).get("last4", ""), "paid")


def attach(happening: Happening, method: Json, customer_id: str) -> Json:
    """Keep a card for its customer, and tell of it."""
    method = happening.state.save({**method, "customer": customer_id})
    happening.emit("payment_method.attached", method)
    return method


def typed_card(happening: Happening, customer_id: str, last4: str) -> Json:
    """A card that the customer types on a page; nobody keeps it yet."""
    customer = happening.state.load("customer", customer_id)
    details = {name: customer.get(name) for name in ("email", "name", "phone", "address")}
    return happening.state.add(methods.new_card(last4, details, now=happening.now))


def change_card(happening: Happening, customer_id: str, last4: str) -> Json:
    """Do what the buyer does in the portal: a new card for the customer and for every subscription; the card.

    Nothing is paid with it yet. A card that declines can't be added.
    """
    state = happening.state
    if last4 in methods.DECLINES_AT_ONCE:
        raise StripeRefusal("Your card was declined.", code="card_declined")
    customer = state.load("customer", customer_id)
    method = attach(happening, typed_card(happening, customer_id, last4), customer_id)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    new = state.save({**customer, "invoice_settings": settings})
    happening.emit("customer.updated", new, changed(customer, new))
    for subscription in subscriptions_of(state, customer_id):
        updated(happening, subscription, default_payment_method=method["id"])
    return method
