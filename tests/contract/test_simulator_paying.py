"""What happens when the buyer pays: states, and events in Stripe's typical order."""

import threading

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.test_simulator_checkout import open_session
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.events import Sending
from webapp.simulator.settling import DELAY_SECONDS

PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


def heard(simulated: SimulatedHTTPClient) -> list[str]:
    """The events on their way to the app, in order."""
    return [delivery.event_type for delivery in simulated.deliveries.waiting()]


def intent_of(sdk: stripe.StripeClient, session_id: str) -> stripe.PaymentIntent:
    session = sdk.v1.checkout.sessions.retrieve(
        session_id, {"expand": ["payment_intent.latest_charge", "payment_intent.payment_method"]}
    )
    assert isinstance(session.payment_intent, stripe.PaymentIntent)
    return session.payment_intent


def test_a_payment_that_succeeds(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> None:
    session = open_session(sdk, price_id, payment_intent_data={"metadata": {"pack": "popular"}})

    simulated.pay(session.id)

    paid = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = intent_of(sdk, session.id)
    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 3500, 3500)
    assert intent.metadata["pack"] == "popular"
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.paid, intent.latest_charge.status) == (True, "succeeded")
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert intent.payment_method.card is not None
    assert intent.payment_method.card.last4 == "4242"
    assert heard(simulated) == PAID
    assert [found.id for found in sdk.v1.checkout.sessions.list({"payment_intent": intent.id}).data] == [session.id]


def test_an_event_shows_its_object_as_it_was_then(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "declined")
    simulated.pay(session.id)

    events = {event.type: event for event in sdk.v1.events.list().data}

    failed = events["payment_intent.payment_failed"].data.object
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["decline_code"] == "generic_decline"
    assert events["payment_intent.succeeded"].data.object["status"] == "succeeded"
    completed = events["checkout.session.completed"]
    assert completed.data.object["id"] == session.id
    assert (completed.api_version, completed.livemode) == (stripe.api_version, False)
    assert completed.id.startswith("evt_sim_")


@pytest.mark.parametrize(
    ("outcome", "decline_code", "last4"),
    [("declined", "generic_decline", "0002"), ("insufficient_funds", "insufficient_funds", "9995")],
)
def test_a_declined_card_leaves_the_session_open_and_the_next_one_pays(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, outcome: str, decline_code: str, last4: str
) -> None:
    session = open_session(sdk, price_id)

    assert simulated.pay(session.id, outcome)["status"] == "open"  # type: ignore[arg-type]
    intent = intent_of(sdk, session.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == ("card_declined", decline_code)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.status == "failed"
    assert intent.latest_charge.payment_method_details is not None
    assert intent.latest_charge.payment_method_details.card is not None
    assert intent.latest_charge.payment_method_details.card.last4 == last4

    simulated.pay(session.id, "succeeds")

    assert intent_of(sdk, session.id).id == intent.id
    assert intent_of(sdk, session.id).last_payment_error is None
    assert heard(simulated) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    assert sorted(charge.status for charge in sdk.v1.charges.list({"payment_intent": intent.id}).data) == [
        "failed",
        "succeeded",
    ]


def test_a_bank_that_asks_and_is_answered(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)

    assert simulated.pay(session.id, "requires_action")["status"] == "open"
    intent = intent_of(sdk, session.id)
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    simulated.authenticate(session.id, is_successful=True)

    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert intent_of(sdk, session.id).next_action is None
    assert heard(simulated) == ["payment_intent.created", "payment_intent.requires_action", *PAID[1:]]


def test_a_bank_that_asks_and_is_refused(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "requires_action")

    assert simulated.authenticate(session.id, is_successful=False)["status"] == "open"

    intent = intent_of(sdk, session.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert sdk.v1.charges.list().data == []
    assert simulated.authenticate(session.id, is_successful=True)["status"] == "open", "nothing is being asked now"


@pytest.mark.parametrize("outcome", ["delayed_succeeds", "delayed_fails"])
def test_a_bank_debit_completes_the_session_unpaid(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, outcome: str, clock: Clock
) -> None:
    session = open_session(sdk, price_id)

    simulated.pay(session.id, outcome)  # type: ignore[arg-type]

    processing = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (processing.status, processing.payment_status) == ("complete", "unpaid")
    assert intent_of(sdk, session.id).status == "processing"
    assert heard(simulated) == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.pending",
        "checkout.session.completed",
    ]
    clock.forward(10 * DELAY_SECONDS)
    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid", "in tests it settles when told"


def test_a_bank_debit_that_settles(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "delayed_succeeds")
    intent_id = intent_of(sdk, session.id).id

    simulated.settle(intent_id)
    simulated.settle(intent_id)

    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert intent_of(sdk, session.id).amount_received == 3500
    assert heard(simulated)[4:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_a_bank_debit_that_fails(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "delayed_fails")
    intent_id = intent_of(sdk, session.id).id

    simulated.settle(intent_id)
    simulated.settle(intent_id, "succeeds")

    failed = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (failed.status, failed.payment_status) == ("complete", "unpaid")
    assert intent_of(sdk, session.id).status == "requires_payment_method"
    assert heard(simulated)[4:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_expiry_ends_the_payment_that_was_declined(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "declined")

    sdk.v1.checkout.sessions.expire(session.id)

    assert intent_of(sdk, session.id).status == "canceled"
    assert heard(simulated)[-2:] == ["payment_intent.canceled", "checkout.session.expired"]
    assert simulated.pay(session.id)["status"] == "expired"
    assert [charge.status for charge in sdk.v1.charges.list().data] == ["failed"]


def test_a_double_click_charges_once(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> None:
    session = open_session(sdk, price_id)
    clicks = [threading.Thread(target=simulated.pay, args=(session.id,)) for _ in range(8)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()

    assert len(sdk.v1.charges.list().data) == 1
    assert heard(simulated) == PAID


def test_nothing_is_charged_when_nothing_is_due(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)
    free = sdk.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 0})
    session = open_session(sdk, free.id)

    simulated.pay(session.id)

    paid = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status, paid.payment_intent) == ("complete", "no_payment_required", None)
    assert heard(simulated) == ["checkout.session.completed"]


def test_a_customer_is_made_only_when_it_is_asked_for(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    guest = open_session(sdk, price_id)
    simulated.pay(guest.id)
    kept = open_session(sdk, price_id, customer_creation="always", customer_email="sam@example.com")
    simulated.pay(kept.id)

    assert sdk.v1.checkout.sessions.retrieve(guest.id).customer is None
    session = sdk.v1.checkout.sessions.retrieve(kept.id, {"expand": ["customer"]})
    assert isinstance(session.customer, stripe.Customer)
    assert session.customer.email == "sam@example.com"
    assert intent_of(sdk, kept.id).customer == session.customer.id


def test_a_payment_of_checkout_is_not_cancelled_by_its_intent(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "declined")

    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
        sdk.v1.payment_intents.cancel(intent_of(sdk, session.id).id)


@pytest.mark.parametrize("currency", ["usd", "eur", "gbp", "cad", "aud", "jpy"])
def test_every_currency_has_a_delayed_method_with_complete_details(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, currency: str
) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)
    price = sdk.v1.prices.create({"product": product, "currency": currency, "unit_amount": 5000})
    session = open_session(sdk, price.id)

    simulated.pay(session.id, "delayed_succeeds")

    method = intent_of(sdk, session.id).payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.type in session.payment_method_types


def test_events_can_be_late_never_or_twice(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    late = open_session(sdk, price_id)
    simulated.pay(late.id, sending=Sending(webhook="late", is_twice=True))
    assert simulated.deliveries.due(now=clock.now + 9) == []
    assert [delivery.event_type for delivery in simulated.deliveries.due(now=clock.now + 10)] == [
        kind for kind in PAID for _ in range(2)
    ]

    never = open_session(sdk, price_id)
    simulated.pay(never.id, sending=Sending(webhook="never"))
    assert never.id not in {delivery.object_id for delivery in simulated.deliveries.waiting()}
    types = [event.type for event in sdk.v1.events.list({"delivery_success": False}).data]
    assert types[:4] == PAID[::-1], "an event that was never sent is there to be found"


def test_a_settled_payment_is_told_as_the_buyer_chose(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "delayed_succeeds", sending=Sending(webhook="never"))

    simulated.settle(intent_of(sdk, session.id).id)

    assert heard(simulated) == []
    assert sdk.v1.events.list().data[0].type == "checkout.session.async_payment_succeeded"
