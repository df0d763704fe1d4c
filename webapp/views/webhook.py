"""`POST /api/stripe/webhook`: Stripe's events. The signature is the only credential: no user, no CSRF, no limit."""

import time

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.billing.errors import InvalidWebhook, Overtaken, PaymentsOff
from webapp.billing.events import Event
from webapp.billing.gateway import Gateway, verified_event
from webapp.billing.inbox import Outcome, is_handled, keep
from webapp.billing.registry import HANDLERS
from webapp.billing.webhooks import apply, named_purchase, prepare
from webapp.crashes import point
from webapp.extensions import csrf, db, end_reading, limiter, parts, transact
from webapp.orm import utc_now
from webapp.web.logs import log
from webapp.web.metrics import EVENTS

MAX_BODY_BYTES = 1 << 20
ASKED_AT_MOST = 3

bp = Blueprint("webhook", __name__)
csrf.exempt(bp)
limiter.exempt(bp)


@bp.post("/api/stripe/webhook")
def receive() -> Response:
    """Store a signed event with its effects, and answer 200; anything else makes Stripe send it again.

    400 for what Stripe didn't sign for us, 413 over 1 MiB (decided before the body is read), 503 while payments are
    off, 500 when the event failed: it is stored as failed, and the next delivery tries again.
    """
    gateway = parts().gateway
    if gateway is None:
        raise PaymentsOff
    body = _body()
    try:
        event = verified_event(
            body, request.headers.get("Stripe-Signature"), parts().settings.webhook_secrets, now=utc_now()
        )
    except InvalidWebhook as invalid:
        log.warning("webhook refused", reason=invalid.reason, bytes=len(body))
        raise
    point("webhook.verified")
    outcome = take(event, gateway)
    point("webhook.answering")
    EVENTS.labels(event.type if event.type in HANDLERS else "other", outcome.state).inc()
    return jsonify(received=event.id, state=outcome.state, reason=outcome.reason)


def _body() -> bytes:
    """The raw body. One that says it is too long is not read; one that doesn't say is read to a byte over the limit."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    request.max_content_length = MAX_BODY_BYTES + 1  # Werkzeug cuts a chunked body there, without a word
    body = request.get_data(cache=False)
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def take(event: Event, gateway: Gateway) -> Outcome:
    """Do what an event asks for and store it, in one transaction; when that fails, note the failure and raise."""
    began = time.perf_counter()
    try:
        outcome = _take(event, gateway)
    except Exception as error:
        EVENTS.labels(event.type if event.type in HANDLERS else "other", "failed").inc()
        log.error("event failed", stripe_event=event.id, type=event.type, exc_info=error)
        _note_failure(event, gateway, error)
        raise
    ms = round((time.perf_counter() - began) * 1000, 1)
    log.info("event", stripe_event=event.id, type=event.type, state=outcome.state, reason=outcome.reason, ms=ms)
    return outcome


def _take(event: Event, gateway: Gateway) -> Outcome:
    """Ask Stripe and settle; ask again, a few times, where another answer was settled meanwhile."""
    purchase_id = ""
    for _ in range(ASKED_AT_MOST - 1):
        try:
            return _take_once(event, gateway, purchase_id)
        except Overtaken as overtaken:
            purchase_id = overtaken.purchase_id
    return _take_once(event, gateway, purchase_id)


def _take_once(event: Event, gateway: Gateway, purchase_id: str) -> Outcome:
    reading = db.session()
    if is_handled(reading, event.id):
        return Outcome("handled", "told_before")
    known = named_purchase(reading, event, stripe_mode=gateway.mode, purchase_id=purchase_id)
    end_reading()
    effect = prepare(event, gateway, known)
    point("webhook.asked")
    return transact(lambda session: apply(session, event, effect, stripe_mode=gateway.mode, now=utc_now()))


def _note_failure(event: Event, gateway: Gateway, error: Exception) -> None:
    end_reading()
    point("webhook.failed")
    failed = Outcome("failed", type(error).__name__)
    transact(lambda session: keep(session, event, failed, stripe_mode=gateway.mode, now=utc_now()))
