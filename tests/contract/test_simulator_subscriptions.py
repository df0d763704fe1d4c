"""Subscribing through Checkout, and reading and changing subscriptions and invoices through the API."""

from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.conftest import BASE_URL
from tests.contract.payments import refusal
from tests.contract.subscribing import (
    Plans,
    latest_invoice,
    make_plans,
    open_subscription,
    period,
    subscribe,
    told,
)
from tests.contract.test_simulator_checkout import open_session
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.events import Sending

DAY = 24 * 3600
FIRST_EVENTS = [
    "customer.created",
    "payment_intent.created",
    "payment_method.attached",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    return make_plans(sdk)


def test_an_open_session_has_neither_subscription_nor_invoice_nor_payment(
    sdk: stripe.StripeClient, plans: Plans
) -> None:
    session = open_subscription(sdk, plans.plus, customer_email="sam@example.com")

    assert (session.mode, session.status, session.payment_status) == ("subscription", "open", "unpaid")
    assert (session.subscription, session.invoice, session.payment_intent, session.customer) == (None,) * 4
    assert (session.customer_creation, session.payment_method_collection) == ("always", "always")
    assert (session.amount_total, session.payment_method_types) == (1200, ["card"])
    assert sdk.v1.subscriptions.list({"status": "all"}).data == []


def test_paying_makes_customer_subscription_and_invoice_in_stripes_order(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    metadata = {"account": "7"}
    session_id = open_subscription(sdk, plans.plus, subscription_data={"metadata": metadata}).id
    before = len(sdk.v1.events.list({"limit": 100}).data)
    simulated.pay(session_id)

    kinds = [event.type for event in sdk.v1.events.list({"limit": 100}).data[:-before]][::-1]
    session = sdk.v1.checkout.sessions.retrieve(session_id, {"expand": ["subscription", "invoice.payments"]})
    subscription, invoice = session.subscription, session.invoice
    assert isinstance(subscription, stripe.Subscription)
    assert isinstance(invoice, stripe.Invoice)
    assert kinds == FIRST_EVENTS
    assert (session.status, session.payment_status, session.payment_intent) == ("complete", "paid", None)
    assert (subscription.status, subscription.latest_invoice) == ("active", invoice.id)
    assert subscription.metadata.to_dict() == metadata
    assert (subscription.customer, invoice.customer) == (session.customer, session.customer)
    assert period(subscription) == (clock.now, 1_797_592_000)  # 18 November to 18 December
    assert (invoice.status, invoice.billing_reason, invoice.attempt_count) == ("paid", "subscription_create", 1)
    assert (invoice.amount_due, invoice.amount_paid, invoice.amount_remaining, invoice.total) == (1200, 1200, 0, 1200)
    assert invoice.number is not None
    assert invoice.hosted_invoice_url == f"{BASE_URL}/_stripe/i/{invoice.id}"
    assert invoice.payments is not None
    (payment,) = invoice.payments.data
    assert (payment.status, payment.amount_paid) == ("paid", 1200)
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.parent.subscription_details.metadata is not None
    assert invoice.parent.subscription_details.metadata.to_dict() == metadata


def test_a_line_says_which_price_it_is_for_and_when(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)

    (line,) = latest_invoice(sdk, subscription.id).lines.data

    assert (line.period.start, line.period.end) == period(subscription)
    assert line.pricing is not None
    assert line.pricing.price_details is not None
    assert line.pricing.price_details.price == plans.plus
    assert line.parent is not None
    assert line.parent.subscription_item_details is not None
    (item,) = subscription["items"].data
    details = line.parent.subscription_item_details
    assert (details.subscription, details.subscription_item, details.proration) == (subscription.id, item.id, False)
    assert (line.amount, line.quantity) == (1200, 1)


def test_a_known_customer_stays_who_it_is(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    customer = sdk.v1.customers.create({"email": "sam@example.com"})

    subscription = subscribe(sdk, simulated, plans.plus, customer=customer.id)

    assert subscription.customer == customer.id
    assert len(sdk.v1.customers.list().data) == 1
    assert latest_invoice(sdk, subscription.id).customer_email == "sam@example.com"


def test_the_card_becomes_the_subscriptions(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id

    method = sdk.v1.subscriptions.retrieve(
        subscription_id, {"expand": ["default_payment_method"]}
    ).default_payment_method

    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert method.card.last4 == "4242"
    assert method.customer == sdk.v1.subscriptions.retrieve(subscription_id).customer


@pytest.mark.parametrize("outcome", ["declined", "insufficient_funds", "requires_action"])
def test_what_is_not_paid_makes_no_subscription(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, outcome: Any
) -> None:
    session = open_subscription(sdk, plans.plus)
    simulated.pay(session.id, outcome)

    assert sdk.v1.subscriptions.list({"status": "all"}).data == []
    assert sdk.v1.invoices.list().data == []
    simulated.authenticate(session.id, is_successful=False)
    simulated.pay(session.id)
    assert len(sdk.v1.subscriptions.list().data) == 1
    assert len(sdk.v1.charges.list().data) == {"requires_action": 1}.get(outcome, 2)
    assert len(sdk.v1.payment_intents.list().data) == 1


def test_a_trial_costs_nothing_and_has_an_invoice(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    session_id = open_subscription(sdk, plans.plus, subscription_data={"trial_period_days": 7}).id
    session = simulated.pay(session_id)

    subscription = sdk.v1.subscriptions.retrieve(session["subscription"])
    invoice = latest_invoice(sdk, subscription.id)
    assert (session["payment_status"], session["amount_total"]) == ("no_payment_required", 0)
    assert (subscription.status, subscription.trial_end) == ("trialing", clock.now + 7 * DAY)
    assert period(subscription) == (clock.now, clock.now + 7 * DAY)
    assert subscription.default_payment_method is not None
    assert (invoice.status, invoice.total, invoice.billing_reason) == ("paid", 0, "subscription_create")
    assert [line.description for line in invoice.lines.data] == ["Trial period for Plus"]
    assert sdk.v1.invoice_payments.list().data == []
    assert sdk.v1.charges.list().data == []


def test_a_trial_may_ask_for_no_card(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans) -> None:
    trial = {"trial_period_days": 7}
    subscription = subscribe(
        sdk, simulated, plans.plus, subscription_data=trial, payment_method_collection="if_required"
    )

    assert subscription.default_payment_method is None


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"customer_creation": "always"}, "customer_creation"),
        ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
        ({"invoice_creation": {"enabled": True}}, "invoice_creation"),
        ({"subscription_data": {"trial_period_days": 0}}, "subscription_data[trial_period_days]"),
        ({"subscription_data": {"bogus": 1}}, "subscription_data[bogus]"),
        ({"line_items": [{"price": "{one_time}", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price": "{plus}", "quantity": 1}, {"price": "{yearly}", "quantity": 1}]}, "line_items"),
    ],
)
def test_what_stripe_would_not_open_is_refused(
    raw_sdk: stripe.StripeClient, plans: Plans, price_id: str, params: dict[str, Any], param: str
) -> None:
    known = {"{one_time}": price_id, "{plus}": plans.plus, "{yearly}": plans.yearly}
    if "line_items" in params:
        lines = [{**line, "price": known[line["price"]]} for line in params["line_items"]]
        params = {**params, "line_items": lines}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_subscription(raw_sdk, plans.plus, **params)
    assert refused.value.param == param
    assert raw_sdk.v1.checkout.sessions.list().data == []


@pytest.mark.parametrize(
    "params", [{"subscription_data": {"trial_period_days": 7}}, {"payment_method_collection": "always"}]
)
def test_what_belongs_to_subscriptions_is_refused_for_packs(
    raw_sdk: stripe.StripeClient, price_id: str, params: dict[str, Any]
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="in `payment` mode"):
        open_session(raw_sdk, price_id, **params)


def test_the_first_events_are_sent_as_the_page_was_asked(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    told(simulated)
    heard = ["payment_intent.created", "customer.subscription.created", "invoice.paid", *FIRST_EVENTS[-3:]]

    simulated.pay(open_subscription(sdk, plans.plus).id, sending=Sending("late"))
    assert simulated.deliveries.due(now=clock.now + 9) == []
    assert told(simulated) == heard
    simulated.pay(open_subscription(sdk, plans.plus).id, sending=Sending(is_twice=True))
    assert told(simulated) == [kind for kind in heard for _ in range(2)]
    simulated.pay(open_subscription(sdk, plans.plus).id, sending=Sending("never"))
    assert told(simulated) == []


def test_a_second_click_subscribes_once(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans) -> None:
    session = open_subscription(sdk, plans.plus)

    assert simulated.pay(session.id) == simulated.pay(session.id)
    assert len(sdk.v1.subscriptions.list().data) == 1


def test_subscriptions_and_invoices_are_listed_by_what_they_are(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    plus, pro = (subscribe(sdk, simulated, price_id) for price_id in (plans.plus, plans.pro))
    sdk.v1.subscriptions.cancel(pro.id)

    def listed(**params: Any) -> list[str]:
        return [one.id for one in sdk.v1.subscriptions.list(params).data]  # type: ignore[arg-type]

    assert listed() == [plus.id]
    assert listed(status="all") == [pro.id, plus.id]
    assert listed(status="ended") == listed(status="canceled") == [pro.id]
    assert listed(status="all", price=plans.plus) == [plus.id]
    assert listed(customer=plus.customer) == [plus.id]
    assert listed(created={"gt": clock.now}) == []
    invoices = sdk.v1.invoices.list({"subscription": plus.id, "status": "paid"}).data
    assert [invoice.id for invoice in invoices] == [plus.latest_invoice]
    assert len(sdk.v1.invoices.list({"customer": str(pro.customer)}).data) == 1
    assert sdk.v1.invoices.list({"status": "open"}).data == []
    (payment,) = sdk.v1.invoice_payments.list({"invoice": str(plus.latest_invoice)}).data
    by_intent = sdk.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": str(payment.payment.payment_intent)}}
    )
    assert by_intent.data == [sdk.v1.invoice_payments.retrieve(payment.id)]
    session = sdk.v1.checkout.sessions.list({"subscription": plus.id}).data
    assert [one.subscription for one in session] == [plus.id]


def test_what_an_item_holds_may_be_named_when_expanding(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id

    found = sdk.v1.subscriptions.retrieve(
        subscription_id, {"expand": ["items.data.price", "items.data.price.product", "customer"]}
    )

    (item,) = found["items"].data
    assert isinstance(item.price.product, stripe.Product)
    assert isinstance(found.customer, stripe.Customer)


def test_the_api_updates_and_tells_what_was_before(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus, subscription_data={"metadata": {"a": "1"}})

    changed = sdk.v1.subscriptions.update(
        subscription.id,
        {
            "cancel_at_period_end": True,
            "metadata": {"a": "", "b": "2"},
            "pause_collection": {"behavior": "void"},
            "cancellation_details": {"feedback": "too_expensive", "comment": "Bye"},
        },
    )

    assert changed.cancel_at == period(subscription)[1]
    assert changed.metadata.to_dict() == {"b": "2"}
    assert changed.pause_collection is not None
    assert changed.pause_collection.behavior == "void"
    assert changed.cancellation_details is not None
    assert (changed.cancellation_details.reason, changed.cancellation_details.feedback) == (
        "cancellation_requested",
        "too_expensive",
    )
    before = [
        event.to_dict()["data"]["previous_attributes"]
        for event in sdk.v1.events.list({"type": "customer.subscription.updated"}).data
    ]
    assert {name for one in before for name in one} == {
        "cancel_at", "cancel_at_period_end", "canceled_at", "cancellation_details", "metadata", "pause_collection",
    }  # fmt: skip

    back = sdk.v1.subscriptions.update(
        subscription.id, {"cancel_at_period_end": False, "pause_collection": ""}
    )  # fmt: skip
    assert (back.cancel_at, back.canceled_at, back.pause_collection) == (None, None, None)
    told(simulated)
    sdk.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert told(simulated) == []


def test_a_canceled_subscription_stays_readable_and_changes_no_more(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id

    sdk.v1.subscriptions.cancel(subscription_id, {"cancellation_details": {"feedback": "unused"}})
    assert told(simulated) == ["customer.subscription.deleted"]

    ended = sdk.v1.subscriptions.retrieve(subscription_id)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", clock.now, clock.now)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.feedback == "unused"
    assert refusal(sdk.v1.subscriptions.cancel, subscription_id)[:2] == (404, "resource_missing")
    assert refusal(sdk.v1.subscriptions.update, subscription_id, {"metadata": {"a": "1"}})[0] == 400
    for do in (simulated.renew, simulated.resume, simulated.pause_collection):
        assert do(subscription_id)["status"] == "canceled"
    assert told(simulated) == []


def test_deleting_a_customer_ends_the_subscriptions(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)

    sdk.v1.customers.delete(str(subscription.customer))

    assert told(simulated) == ["customer.subscription.deleted", "customer.deleted"]
    assert sdk.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_open_invoices_are_paid_and_voided_and_others_refuse_it(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    paid = latest_invoice(sdk, subscription_id)
    assert refusal(sdk.v1.invoices.pay, paid.id)[:2] == (400, "invoice_already_paid")
    assert refusal(sdk.v1.invoices.void_invoice, paid.id)[0] == 400
    simulated.renew(subscription_id, "failed")
    open_one = latest_invoice(sdk, subscription_id)

    assert sdk.v1.invoices.pay(open_one.id).status == "paid"
    simulated.renew(subscription_id, "failed")
    voided = sdk.v1.invoices.void_invoice(latest_invoice(sdk, subscription_id).id)

    assert voided.status == "void"
    assert refusal(sdk.v1.invoices.pay, voided.id)[0] == 400
    (payment,) = sdk.v1.invoice_payments.list({"invoice": voided.id}).data
    assert payment.status == "canceled"
    assert sdk.v1.payment_intents.retrieve(str(payment.payment.payment_intent)).status == "canceled"


@pytest.mark.parametrize(
    "call",
    [
        {"items": [{"price": "{pro}"}]},
        {"items": [{"id": "{item}", "price": "{pro}"}, {"price": "{plus}"}]},
        {"trial_end": 1_900_000_000},
        {"cancel_at": 1_900_000_000},
        {"collection_method": "send_invoice"},
        {"pause_collection": {"behavior": "void", "resumes_at": 1_900_000_000}},
    ],
)
def test_what_the_simulator_can_not_do_with_a_subscription_is_said(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, call: dict[str, Any]
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    (item,) = subscription["items"].data
    known = {"{pro}": plans.pro, "{plus}": plans.plus, "{item}": item.id}
    if "items" in call:
        call = {"items": [{name: known[value] for name, value in one.items()} for one in call["items"]]}

    with pytest.raises(stripe.APIError, match="not simulated"):
        sdk.v1.subscriptions.update(subscription.id, call)  # type: ignore[arg-type]
    assert sdk.v1.subscriptions.retrieve(subscription.id) == subscription
