"""What the buyer planned at the checkout for afterwards comes by itself, once."""

from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.payments import charge_of, pay
from tests.contract.test_simulator_refunds import work
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.events import Sending
from webapp.simulator.refunding import DELAY_SECONDS


def returned(sdk: stripe.StripeClient, payment: str) -> tuple[int, bool, list[str]]:
    """What was refunded, whether it is disputed, and the states of disputes."""
    charge = charge_of(sdk, payment)
    disputes = sdk.v1.disputes.list({"payment_intent": payment}).data
    return charge.amount_refunded, charge.disputed, [dispute.status for dispute in disputes]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("nothing", (0, False, [])),
        ("refund", (3500, False, [])),
        ("dispute", (0, True, ["needs_response"])),
        ("slow_refund", (0, False, [])),
    ],
)
@pytest.mark.parametrize("outcome", ["succeeds", "delayed_succeeds", "requires_action"])
def test_what_was_planned_comes_twenty_seconds_after_the_money(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock, outcome: str, after: Any,
    expected: Any,
) -> None:  # fmt: skip
    payment = pay(sdk, simulated, price_id, outcome, after=after)
    session = sdk.v1.checkout.sessions.list().data[0]
    if outcome == "requires_action":
        simulated.authenticate(session.id, is_successful=True)
    if outcome == "delayed_succeeds":
        clock.forward(DELAY_SECONDS)
        work(simulated)
    clock.forward(DELAY_SECONDS - 1)
    work(simulated)
    assert returned(sdk, payment) == (0, False, [])

    clock.forward(1)
    for _ in range(3):
        work(simulated)
        clock.forward(3600)

    assert returned(sdk, payment) == expected
    with simulated.store.reading() as state:
        assert state.due("payment_intent", now=2**40) == [], "nothing more will happen by itself"
    moved = [one.amount for one in sdk.v1.balance_transactions.list().data]
    assert moved == ([] if expected == (0, False, []) else [-3500])


def test_a_decline_plans_nothing(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    pay(sdk, simulated, price_id, "declined", after="refund")
    session = sdk.v1.checkout.sessions.list().data[0]
    simulated.pay(session.id)

    clock.forward(3600)
    work(simulated)

    assert sdk.v1.refunds.list().data == [], "the buyer planned anew with the payment that succeeded"


@pytest.mark.parametrize("after", ["refund", "dispute"])
def test_what_was_planned_yields_to_what_somebody_did_before(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock, after: Any
) -> None:
    payment = pay(sdk, simulated, price_id, after=after)
    simulated.refund(payment, 100)

    clock.forward(3600)
    work(simulated)

    assert returned(sdk, payment) == (100, False, [])


@pytest.mark.parametrize(
    ("after", "last4", "course"), [("slow_refund", "7726", "pending"), ("failing_refund", "5126", "succeeded")]
)
def test_cards_of_which_refunds_are_slow_or_fail(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock, after: Any, last4: str,
    course: str,
) -> None:  # fmt: skip
    payment = pay(sdk, simulated, price_id, after=after)
    details = charge_of(sdk, payment).payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.last4 == last4

    refund = sdk.v1.refunds.create({"payment_intent": payment})
    assert refund.status == course
    clock.forward(DELAY_SECONDS)
    work(simulated)

    assert sdk.v1.refunds.retrieve(refund.id).status == ("succeeded" if course == "pending" else "failed")


def test_what_comes_afterwards_is_told_as_the_payment_was(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    pay(sdk, simulated, price_id, after="refund", sending=Sending(webhook="never"))
    pay(sdk, simulated, price_id, after="refund", sending=Sending(is_twice=True))

    clock.forward(DELAY_SECONDS)
    work(simulated)

    waiting = [delivery.event_type for delivery in simulated.deliveries.waiting()]
    assert sorted(waiting) == sorted(2 * ["refund.created", "charge.refunded", "refund.updated"])
    assert len(sdk.v1.events.list({"type": "refund.created"}).data) == 2
