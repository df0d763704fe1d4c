"""Everything the simulated Stripe can make, made once and held against the SDK's types. Counts what it has seen."""

import ast
import json
from pathlib import Path

import stripe

from tests.contract.portals import configure, open_portal
from tests.contract.stripe_types import event_types, object_classes
from tests.contract.subscribing import latest_invoice, make_plans, open_subscription, subscribe
from tests.contract.test_simulator_checkout import open_session
from tests.contract.validating import store_faults
from webapp import simulator
from webapp.simulator.client import SimulatedHTTPClient

INNER = {"item", "line_item", "plan", "subscription_item"}  # parts of other objects, checked in those
EMITTERS = {"emit", "emit_for"}


def emitted_types() -> set[str]:
    """The event types that the simulator's source names in its calls of `emit` and `emit_for`."""
    files = Path(simulator.__file__).parent.rglob("*.py")
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    named = {
        argument.value
        for call in calls
        if (getattr(call.func, "attr", None) or getattr(call.func, "id", None)) in EMITTERS
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    return {name for name in named if isinstance(name, str)}


def make_everything(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)
    sdk.v1.products.update(product, {"name": "Best pack"})
    sdk.v1.prices.update(price_id, {"nickname": "best"})
    sdk.v1.prices.create(
        {"product": product, "currency": "eur", "unit_amount": 1900, "recurring": {"interval": "month"}}
    )
    customer = sdk.v1.customers.create({"address": {"country": "DE", "city": "Berlin"}})
    sdk.v1.customers.update(customer.id, {"name": "Sam"})
    with_tax = {"automatic_tax": {"enabled": True}, "custom_text": {"submit": {"message": "Thank you"}}}
    for number, outcome in enumerate(("succeeds", "declined", "requires_action", "delayed_succeeds", "delayed_fails")):
        session = open_session(sdk, price_id, **with_tax, **({"customer": customer.id} if number % 2 else {}))
        simulated.pay(session.id, outcome)  # type: ignore[arg-type]
        simulated.authenticate(session.id, is_successful=False)
    for intent in sdk.v1.payment_intents.list({"limit": 100}).data:
        simulated.settle(intent.id)
    for intent in sdk.v1.payment_intents.list({"limit": 100}).data:
        if intent.status == "succeeded":
            give_money_back(simulated, intent.id)
    for session in sdk.v1.checkout.sessions.list({"status": "open"}).data:
        sdk.v1.checkout.sessions.expire(session.id)
    sdk.v1.customers.delete(customer.id)
    sdk.v1.webhook_endpoints.create({"url": "https://example.com/hook", "enabled_events": ["*"]})
    live_through_subscriptions(sdk, simulated)
    use_codes_and_portals(sdk, simulated)


def live_through_subscriptions(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient) -> None:
    """Subscriptions that renew in every way, change, pause and end; invoices that nobody pays."""
    plans = make_plans(sdk)
    subscription = subscribe(sdk, simulated, plans.plus, automatic_tax={"enabled": True})
    for course in ("paid", "failed", "asks"):
        simulated.renew(subscription.id, course)  # type: ignore[arg-type]
    simulated.void_invoice(latest_invoice(sdk, subscription.id).id)
    for price_id in (plans.pro, plans.plus, plans.yearly):
        simulated.switch_plan(subscription.id, price_id)
    for price_id in (plans.plus, plans.yearly, plans.pro):  # planned, dropped, planned again, made
        simulated.switch_plan(subscription.id, price_id, when="period_end")
    simulated.pause_collection(subscription.id, "mark_uncollectible")
    simulated.renew(subscription.id)
    simulated.change_card(str(subscription.customer), "0341")
    trial = {
        "trial_period_days": 7, "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
    }  # fmt: skip
    paused = subscribe(sdk, simulated, plans.plus, subscription_data=trial, payment_method_collection="if_required")
    simulated.renew(paused.id)
    sdk.v1.subscriptions.resume(paused.id)
    simulated.switch_plan(paused.id, plans.pro, when="period_end")
    for one in (subscription, paused):
        sdk.v1.customers.delete(str(one.customer))


def use_codes_and_portals(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient) -> None:
    """A code that is used up by a plan, a configured portal, a way into it, and a card that is taken away."""
    plans = make_plans(sdk)
    coupon = sdk.v1.coupons.create({"percent_off": 50, "duration": "once"})
    code = sdk.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    session = open_subscription(sdk, plans.plus, allow_promotion_codes=True)
    simulated.apply_code(session.id, "HALF")
    customer_id = str(simulated.pay(session.id)["customer"])
    sdk.v1.promotion_codes.update(code.id, {"active": False})
    configure(sdk, plans)
    open_portal(sdk, customer_id, flow_data={"type": "payment_method_update"})
    sdk.v1.payment_methods.detach(sdk.v1.customers.payment_methods.list(customer_id).data[0].id)


def give_money_back(simulated: SimulatedHTTPClient, intent_id: str) -> None:
    """Refunds that go in every way, and a dispute and an inquiry that do."""
    for course, ends in (("succeeds", ["fails"]), ("pending", ["succeeds"]), ("asks", ["canceled"]), ("fails", [])):
        refund = simulated.refund(intent_id, 100, course)  # type: ignore[arg-type]
        for end in ends:
            simulated.end_refund(refund["id"], end)  # type: ignore[arg-type]
    for is_inquiry, steps in ((False, ("withdraw", "answer", "win")), (True, ("answer", "withdraw", "lose"))):
        dispute = simulated.dispute(intent_id, 100, is_inquiry=is_inquiry)
        for step in steps:
            simulated.move_dispute(dispute["id"], step)  # type: ignore[arg-type]


def test_everything_it_can_make_is_as_stripes_types_say(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    make_everything(sdk, simulated, price_id)

    seen, faults = store_faults(simulated.store)

    assert faults == []
    assert seen >= 60
    with simulated.store.reading() as state:
        kinds = {row["type"] for row in state.rows("SELECT DISTINCT type FROM sim_object")}
        types = {json.loads(row["body"])["type"] for row in state.rows("SELECT body FROM sim_event")}
    assert kinds == object_classes().keys() - {"event", *INNER}
    assert types == emitted_types()


def test_every_event_it_can_make_is_one_that_stripe_sends() -> None:
    assert len(emitted_types()) > 15
    assert emitted_types() <= event_types()
