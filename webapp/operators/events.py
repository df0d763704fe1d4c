"""Stripe's events as operators look at them, newest first, in pages by key. Reads."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, defer

from webapp.billing.events import EVENT_ID, OBJECT_ID
from webapp.billing.models import EVENT_STATES, WebhookEvent

SHOWN = ("all", *EVENT_STATES)
EVENTS_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Events:
    """One page of events, without their bodies. `next_after` is the event after which the list goes on."""

    lines: tuple[WebhookEvent, ...]
    next_after: str | None


def events(session: Session, shown: str, text: str, *, after: str | None, limit: int = EVENTS_AT_ONCE) -> Events:
    """The events of one state, or those that an id names: their own, or that of what they are about, in full."""
    chosen = select(WebhookEvent).options(defer(WebhookEvent.body))
    if text:
        chosen = chosen.where(_named(text))
    elif shown != "all":
        chosen = chosen.where(WebhookEvent.state == shown)
    if after is not None:
        received_at = select(WebhookEvent.received_at).where(WebhookEvent.id == after).scalar_subquery()
        earlier = and_(WebhookEvent.received_at == received_at, WebhookEvent.id < after)
        chosen = chosen.where(or_(WebhookEvent.received_at < received_at, earlier))
    newest_first = chosen.order_by(WebhookEvent.received_at.desc(), WebhookEvent.id.desc())
    rows = list(session.scalars(newest_first.limit(limit + 1)))
    return Events(tuple(rows[:limit]), rows[limit - 1].id if len(rows) > limit else None)


def event_called(session: Session, event_id: str) -> WebhookEvent | None:
    """The event of this id, with its body, or None."""
    return session.get(WebhookEvent, event_id) if EVENT_ID.fullmatch(event_id) else None


def _named(text: str) -> ColumnElement[bool]:
    if not OBJECT_ID.fullmatch(text):
        return WebhookEvent.id == ""
    return or_(WebhookEvent.id == text, WebhookEvent.object_id == text)
