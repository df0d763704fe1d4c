"""Telling the webhook an event as Stripe would: signed, over the real route."""

import json
import time
from typing import Any

import stripe
from flask import Flask
from werkzeug.test import TestResponse

from tests.billing.buying import WEBHOOK, Buying


def post(app: Flask, event: dict[str, Any] | str, secret: str = "whsec_test_present", **changes: str) -> TestResponse:
    body = event if isinstance(event, str) else json.dumps(event)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()))
    return app.test_client().post(WEBHOOK, data=body.encode(), headers={"Stripe-Signature": signature, **changes})


def event_about(item: dict[str, Any], kind: str, event_id: str = "evt_sim_1", **changes: Any) -> dict[str, Any]:
    envelope = {"id": event_id, "object": "event", "type": kind, "created": int(time.time()), "livemode": False}
    return {**envelope, "api_version": stripe.api_version, "data": {"object": item}, **changes}


def completed(buying: Buying) -> dict[str, Any]:
    """The real event of a paid purchase, not delivered yet."""
    event_id = buying.told_types()["checkout.session.completed"]
    body, _ = buying.simulator.deliveries.signed(event_id, now=0)
    return json.loads(body)
