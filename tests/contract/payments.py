"""Payments that were made, for tests of what happens to them afterwards."""

from typing import Any

import pytest
import stripe

from tests.contract.test_simulator_checkout import open_session
from webapp.simulator.client import SimulatedHTTPClient


def pay(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, outcome: Any = "succeeds", **more: Any
) -> str:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, outcome, **more)
    forget(simulated)
    return str(sdk.v1.checkout.sessions.retrieve(session.id).payment_intent)


def forget(simulated: SimulatedHTTPClient) -> None:
    """Drop what waits, so that a test sees its own events only."""
    simulated.deliveries.drop(*simulated.deliveries.waiting(), now=0)


def charge_of(sdk: stripe.StripeClient, intent_id: str) -> stripe.Charge:
    charge = sdk.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]}).latest_charge
    assert isinstance(charge, stripe.Charge)
    return charge


def bodies(sdk: stripe.StripeClient, kind: str) -> list[dict[str, Any]]:
    """The objects in the events of one type, oldest first."""
    return [event.to_dict()["data"] for event in sdk.v1.events.list({"type": kind}).data][::-1]


def refusal(call: Any, *args: Any) -> tuple[int | None, str | None, str | None, str]:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args)
    error = refused.value
    return error.http_status, error.code, error.param, str(error.user_message)
