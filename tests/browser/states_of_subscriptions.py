"""States of the pages that stand in for Stripe's own of subscriptions and invoices."""

from tests.browser.stage import Buyer, View
from tests.browser.states import shows
from tests.contract.conftest import KEY
from tests.contract.subscribing import open_subscription

SIMULATOR = "/_stripe"


def subscribed(buyer: Buyer, **params: object) -> str:
    """A subscription to the first plan that costs money; nobody but Stripe knows of it."""
    import stripe

    sdk = stripe.StripeClient(KEY, http_client=buyer.stripe)
    (price,) = sdk.v1.prices.list({"type": "recurring", "active": True, "limit": 1}).data
    return str(buyer.stripe.pay(open_subscription(sdk, price.id, **params).id)["subscription"])


@shows("simulator.checkout")
def checkout_of_a_trial(stage):
    import stripe

    sdk = stripe.StripeClient(KEY, http_client=stage.buyer().stripe)
    (price,) = sdk.v1.prices.list({"type": "recurring", "active": True, "limit": 1}).data
    session = open_subscription(sdk, price.id, subscription_data={"trial_period_days": 14})
    return View(f"{SIMULATOR}/c/pay/{session.id}")


@shows("simulator.subscription")
def subscription_of_stripe(stage):
    return View(f"{SIMULATOR}/subscriptions/{subscribed(stage.buyer())}")


@shows("simulator.subscription")
def subscription_of_stripe_that_is_past_due_and_ends(stage):
    buyer = stage.buyer()
    subscription_id = subscribed(buyer)
    for course in ("paid", "failed"):
        buyer.stripe.renew(subscription_id, course)
    buyer.stripe.pause_collection(subscription_id)
    buyer.stripe.cancel(subscription_id, at_period_end=True)
    return View(f"{SIMULATOR}/subscriptions/{subscription_id}")


@shows("simulator.invoice")
def invoice_of_stripe(stage):
    buyer = stage.buyer()
    return View(f"{SIMULATOR}/i/{latest_invoice_of(buyer, subscribed(buyer))}")


@shows("simulator.invoice")
def invoice_of_stripe_that_was_declined(stage):
    buyer = stage.buyer()
    subscription_id = subscribed(buyer)
    buyer.stripe.renew(subscription_id, "failed")
    return View(f"{SIMULATOR}/i/{latest_invoice_of(buyer, subscription_id)}")


def latest_invoice_of(buyer: Buyer, subscription_id: str) -> str:
    with buyer.stripe.store.reading() as state:
        return str(state.load("subscription", subscription_id)["latest_invoice"])
