"""Plans and subscriptions, for tests of what becomes of them."""

from dataclasses import dataclass
from typing import Any

import stripe

from tests.contract.payments import forget
from tests.contract.test_simulator_checkout import open_session
from webapp.simulator.client import SimulatedHTTPClient


@dataclass(frozen=True)
class Plans:
    """Price ids: $12.00 and $30.00 a month, $120.00 a year."""

    plus: str
    pro: str
    yearly: str


def make_plans(sdk: stripe.StripeClient) -> Plans:
    made = {}
    for name, plan, minor, interval in (
        ("plus", "Plus", 1200, "month"), ("pro", "Pro", 3000, "month"), ("yearly", "Plus", 12000, "year"),
    ):  # fmt: skip
        product = sdk.v1.products.create({"name": plan})
        price: Any = {
            "product": product.id, "currency": "usd", "unit_amount": minor, "recurring": {"interval": interval},
        }  # fmt: skip
        made[name] = sdk.v1.prices.create(price).id
    return Plans(**made)


def open_subscription(sdk: stripe.StripeClient, price_id: str, **params: Any) -> stripe.checkout.Session:
    return open_session(sdk, price_id, mode="subscription", **params)


def subscribe(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, **params: Any
) -> stripe.Subscription:
    """A subscription whose first events are done with."""
    session = open_subscription(sdk, price_id, **params)
    subscription_id = simulated.pay(session.id)["subscription"]
    forget(simulated)
    return sdk.v1.subscriptions.retrieve(subscription_id)


def period(subscription: stripe.Subscription) -> tuple[int, int]:
    (item,) = subscription["items"].data
    return item.current_period_start, item.current_period_end


def latest_invoice(sdk: stripe.StripeClient, subscription_id: str) -> stripe.Invoice:
    found = sdk.v1.subscriptions.retrieve(subscription_id, {"expand": ["latest_invoice"]}).latest_invoice
    assert isinstance(found, stripe.Invoice)
    return found


def told(simulated: SimulatedHTTPClient) -> list[str]:
    """The types of the events that wait to be delivered, in their order; forgotten then."""
    kinds = [delivery.event_type for delivery in simulated.deliveries.waiting()]
    forget(simulated)
    return kinds
