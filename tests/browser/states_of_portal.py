"""States of the customer portal's pages, and of the checkout page with a promotion code."""

from typing import Any

import stripe

from tests.browser.stage import Buyer, Stage, View
from tests.browser.states import shows
from tests.contract.portals import configure, open_portal
from tests.contract.subscribing import Plans, make_plans, open_subscription, subscribe
from tests.contract.test_simulator_checkout import open_session

PORTAL = "/_stripe/p/session"


class Customer:
    """Somebody who has subscribed at Stripe, and their way into the portal."""

    def __init__(self, stage: Stage, plan: str = "plus", **flow: Any) -> None:
        self.buyer: Buyer = stage.buyer()
        self.sdk = stripe.StripeClient("sk_test_simulated", http_client=self.buyer.stripe)
        self.plans: Plans = make_plans(self.sdk)
        self.subscription = subscribe(self.sdk, self.buyer.stripe, getattr(self.plans, plan))
        configuration = configure(self.sdk, self.plans).id
        given = {"flow_data": flow} if flow else {}
        opened = open_portal(self.sdk, self.subscription.customer, configuration=configuration, **given)
        self.path = f"{PORTAL}/{opened.id}"


@shows("simulator.portal")
def portal(stage):
    customer = Customer(stage, "pro")
    customer.buyer.stripe.switch_plan(customer.subscription.id, customer.plans.plus, when="period_end")
    return View(f"{customer.path}?said=planned")


@shows("simulator.portal")
def portal_with_a_failed_payment(stage):
    customer = Customer(stage)
    customer.buyer.stripe.renew(customer.subscription.id, "failed")
    return View(customer.path)


@shows("simulator.portal")
def portal_of_a_plan_that_ends(stage):
    customer = Customer(stage)
    customer.buyer.stripe.cancel(customer.subscription.id, at_period_end=True)
    return View(customer.path)


@shows("simulator.portal")
def portal_without_a_plan(stage):
    customer = Customer(stage)
    customer.buyer.stripe.cancel(customer.subscription.id, at_period_end=False)
    return View(customer.path)


@shows("simulator.portal")
def portal_that_is_closed(stage):
    customer = Customer(stage)
    customer.sdk.v1.customers.delete(str(customer.subscription.customer))
    return View(customer.path)


@shows("simulator.portal")
def deep_link_that_is_done(stage):
    after = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "Thank you"}}
    customer = Customer(stage, type="payment_method_update", after_completion=after)
    with customer.buyer.stripe.store.writing() as state:
        state.hide(customer.path.rpartition("/")[2], done="card")
    return View(customer.path)


@shows("simulator.portal_switch")
def plans_to_choose_from(stage):
    customer = Customer(stage)
    return View(f"{customer.path}/switch/{customer.subscription.id}")


@shows("simulator.portal_switch")
def upgrade_to_confirm(stage):
    customer = Customer(stage)
    return View(f"{customer.path}/switch/{customer.subscription.id}?price={customer.plans.pro}")


@shows("simulator.portal_switch")
def downgrade_to_confirm(stage):
    customer = Customer(stage, "pro")
    return View(f"{customer.path}/switch/{customer.subscription.id}?price={customer.plans.plus}")


@shows("simulator.portal_cancel")
def end_of_a_plan(stage):
    customer = Customer(stage)
    return View(f"{customer.path}/cancel/{customer.subscription.id}")


@shows("simulator.portal_card")
def another_card(stage):
    return View(f"{Customer(stage).path}/card")


@shows("simulator.checkout")
def checkout_with_a_field_for_a_code(stage):
    customer = Customer(stage)
    return View(f"/_stripe/c/pay/{open_subscription(customer.sdk, customer.plans.pro, allow_promotion_codes=True).id}")


@shows("simulator.checkout")
def checkout_with_a_code(stage):
    sdk = Customer(stage).sdk
    code = sdk.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": sdk.v1.coupons.create({"percent_off": 50}).id}}
    )
    pack = sdk.v1.products.create({"name": "Pack"}).id
    price = sdk.v1.prices.create({"product": pack, "currency": "usd", "unit_amount": 3500}).id
    session = open_session(sdk, price, allow_promotion_codes=True)
    stage.app.extensions["simulator"].apply_code(session.id, code.code)
    return View(f"/_stripe/c/pay/{session.id}")
