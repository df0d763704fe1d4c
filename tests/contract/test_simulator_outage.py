"""The outage: what happens while it lasts is never told, and Stripe itself knows all of it."""

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.payments import charge_of
from tests.contract.test_simulator_checkout import open_session
from tests.contract.test_simulator_deliveries import Endpoint
from tests.contract.test_simulator_paying import PAID, heard
from tests.contract.test_simulator_queue import attempts
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.events import RETRY_SECONDS

LOST = ("dropped", "lost in the outage")


def deliver_all(simulated: SimulatedHTTPClient, endpoint: Endpoint, clock: Clock) -> None:
    """What the delivery thread does, for longer than any retry is away."""
    for pause in (0, *RETRY_SECONDS):
        clock.forward(pause)
        while delivery := simulated.deliveries.claim(now=clock.now):
            simulated.deliveries.deliver(delivery, endpoint, now=clock.now)


def test_nothing_is_sent_in_an_outage_nor_after_it(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    endpoint = Endpoint()
    assert not simulated.deliveries.is_out
    simulated.deliveries.begin_outage(now=clock.now)
    simulated.deliveries.begin_outage(now=clock.now)
    assert simulated.deliveries.is_out
    session = open_session(sdk, price_id)
    simulated.pay(session.id)
    payment = str(sdk.v1.checkout.sessions.retrieve(session.id).payment_intent)
    simulated.refund(payment, 1000)
    deliver_all(simulated, endpoint, clock)

    simulated.deliveries.end_outage()
    deliver_all(simulated, endpoint, clock)

    assert endpoint.received == []
    assert charge_of(sdk, payment).amount_refunded == 1000
    events = sdk.v1.events.list({"delivery_success": False}).data
    told = [event.type for event in events][::-1]
    assert [kind for kind in told if kind in PAID] == PAID
    assert told[-3:] == ["refund.created", "charge.refunded", "refund.updated"]
    for event in events:
        assert attempts(simulated, event.id) == [LOST], event.type
    assert not simulated.deliveries.is_out
    simulated.refund(payment, 1000)
    assert len(heard(simulated)) == 3, "what happens from now on is told"


def test_what_waits_when_an_outage_begins_is_lost_with_its_retries(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, clock: Clock
) -> None:
    endpoint = Endpoint(503)
    simulated.refund(payment, 1000)
    first, *rest = simulated.deliveries.waiting()
    simulated.deliveries.hold(rest[-1])
    claimed = simulated.deliveries.claim(now=clock.now)
    assert claimed is not None
    assert claimed.id == first.id

    simulated.deliveries.begin_outage(now=clock.now)
    simulated.deliveries.deliver(claimed, endpoint, now=clock.now)  # on its way when the outage began
    deliver_all(simulated, endpoint, clock)

    assert len(endpoint.received) == 1
    assert simulated.deliveries.waiting() == []
    assert [attempts(simulated, delivery.event_id)[0][0] for delivery in rest] == ["dropped", "dropped"]
    assert sdk.v1.events.retrieve(first.event_id).pending_webhooks == 1


def test_what_was_lost_is_sent_when_somebody_sends_it_again(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, clock: Clock
) -> None:
    endpoint = Endpoint()
    simulated.deliveries.begin_outage(now=clock.now)
    simulated.refund(payment)
    event_id = sdk.v1.events.list({"type": "charge.refunded"}).data[0].id
    simulated.deliveries.resend(event_id, now=clock.now)
    deliver_all(simulated, endpoint, clock)
    assert endpoint.received == [], "also what is sent by hand is lost"

    simulated.deliveries.end_outage()
    simulated.deliveries.resend(event_id, now=clock.now)
    deliver_all(simulated, endpoint, clock)

    assert len(endpoint.received) == 1
    assert [state for state, _ in attempts(simulated, event_id)] == ["dropped", "dropped", "ok"]


@pytest.mark.parametrize("is_holding", [False, True])
def test_an_outage_ends_as_it_began_whatever_is_held(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, clock: Clock, *, is_holding: bool
) -> None:
    if is_holding:
        simulated.deliveries.hold_all()
    simulated.deliveries.begin_outage(now=clock.now)
    simulated.refund(payment, 100)
    simulated.deliveries.let_go_all()
    assert simulated.deliveries.waiting() == []

    simulated.deliveries.end_outage()
    simulated.refund(payment, 100)

    assert len(simulated.deliveries.due(now=clock.now)) == 3


def test_an_endpoint_that_other_processes_use_is_out_for_all(simulated: SimulatedHTTPClient, clock: Clock) -> None:
    other = SimulatedHTTPClient(simulated.store.path, site=simulated.site, webhook_secret="whsec_other", clock=clock)

    simulated.deliveries.begin_outage(now=clock.now)

    assert other.deliveries.is_out
