"""Looking at events: each that Stripe has of our types and that we haven't handled is taken in like a delivered one."""

from dataclasses import replace

from webapp.billing.events import Event, read_event
from webapp.billing.gateway import Span
from webapp.billing.inbox import Outcome, needs_taking, unsettled
from webapp.billing.models import WebhookEvent
from webapp.billing.reconcile.findings import Finding
from webapp.billing.reconcile.spans import events_kept
from webapp.billing.webhooks import event_types
from webapp.extensions import db, end_reading
from webapp.orm import utc_now
from webapp.web.inbox import take
from webapp.web.reconcile.walk import Walk


def look_at_events(walk: Walk, made: Span) -> None:
    """Take in every event of a span that never came here, or that failed here."""
    kept = events_kept(made, now=utc_now())
    if kept is not None:
        walk.each("events", walk.gateway.events(event_types(), kept), _event, lambda event: event.id)


def look_at_inbox(walk: Walk) -> None:
    """Try again the events that failed or were parked, however old they are."""
    waiting = unsettled(db.session(), walk.gateway.mode)
    end_reading()
    walk.each("events", waiting, _waiting, lambda stored: stored.id)


def _waiting(walk: Walk, stored: WebhookEvent) -> None:
    _event(walk, replace(read_event(stored.body), came_by="reconcile"))


def _event(walk: Walk, event: Event) -> None:
    before = needs_taking(db.session(), event)
    end_reading()
    if before is None:
        return
    outcome = take(event, walk.gateway)
    if outcome.state == "handled" and outcome.reason != "told_before":
        walk.keep([_finding(event, before, outcome)])


def _finding(event: Event, before: str, outcome: Outcome) -> Finding:
    """An event of ours that should have been handled before."""
    return Finding(
        "differs" if before else "missing",
        "event",
        event.id,
        expected={"type": event.type, "state": "handled"},
        found={"state": before} if before else {},
        done=outcome.reason,
        account_id=outcome.account_id,
        purchase_id=outcome.purchase_id,
    )
