"""Taking an event in, at the edge: ask Stripe what it hints at, then its effects and its row in one transaction.

Used by the webhook, which was told it, by the reconciliation, which found it in Stripe's own list, and by
`flask stripe replay`. However it came, it goes the same way, and twins do it once.
"""

import time

from webapp.billing.events import Event
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome, is_handled, keep
from webapp.billing.registry import event_types
from webapp.billing.webhooks import apply, named, prepare
from webapp.crashes import point
from webapp.extensions import db, end_reading, parts, transact
from webapp.orm import utc_now
from webapp.web.logs import log
from webapp.web.metrics import EVENTS
from webapp.web.overtaken import asked_again

WEBHOOK_PATH = "/api/stripe/webhook"


def take(event: Event, gateway: Gateway) -> Outcome:
    """Do what an event asks for and store it, in one transaction; when that fails, note the failure and raise."""
    began = time.perf_counter()
    try:
        outcome = asked_again(lambda overtaken_id: _take_once(event, gateway, overtaken_id))
    except Exception as error:
        _count(event, "failed")
        log.error("event failed", stripe_event=event.id, type=event.type, exc_info=error)
        _note_failure(event, gateway, error)
        raise
    _count(event, outcome.state)
    ms = round((time.perf_counter() - began) * 1000, 1)
    log.info("event", stripe_event=event.id, type=event.type, state=outcome.state, reason=outcome.reason, ms=ms)
    return outcome


def _take_once(event: Event, gateway: Gateway, overtaken_id: str) -> Outcome:
    reading = db.session()
    if is_handled(reading, event.id):
        end_reading()
        return Outcome("handled", "told_before")
    known = named(reading, event, stripe_mode=gateway.mode, overtaken_id=overtaken_id)
    end_reading()
    effect = prepare(event, gateway, known, parts().catalog)
    point("webhook.asked")
    return transact(lambda session: apply(session, event, effect, stripe_mode=gateway.mode, now=utc_now()))


def _note_failure(event: Event, gateway: Gateway, error: Exception) -> None:
    end_reading()
    point("webhook.failed")
    failed = Outcome("failed", type(error).__name__)
    transact(lambda session: keep(session, event, failed, stripe_mode=gateway.mode, now=utc_now()))


def _count(event: Event, state: str) -> None:
    """Count an event for `/metrics`; types that we don't handle are one."""
    EVENTS.labels(event.type if event.type in event_types() else "other", state).inc()
