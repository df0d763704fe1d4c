"""The inbox: each event Stripe told us and what became of it. Written in the same transaction as its effects."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.events import Event
from webapp.billing.models import WebhookEvent
from webapp.billing.upserts import upsert

UNSETTLED_PER_RUN = 500

State = Literal["handled", "ignored", "failed", "parked"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event. `reason` is a word: the purchase's state, or why nothing was done."""

    state: State
    reason: str
    account_id: int | None = None
    purchase_id: str | None = None


def is_handled(session: Session, event_id: str) -> bool:
    """Whether an event needs no more work. Failed and ignored ones are tried again when they are told again."""
    state = session.scalar(select(WebhookEvent.state).where(WebhookEvent.id == event_id))
    return state == "handled"


def needs_taking(session: Session, event: Event) -> str | None:
    """Whether a listed event must be taken in: the state it has here, '' if it never came, None if all is done.

    An ignored one stays so, unless it was ignored because an earlier version knew nothing to do about its type.
    """
    row = session.execute(select(WebhookEvent.state, WebhookEvent.reason).where(WebhookEvent.id == event.id)).first()
    if row is None:
        return ""
    is_done = row.state == "handled" or (row.state == "ignored" and row.reason != "unknown_type")
    return None if is_done else str(row.state)


def unsettled(session: Session, stripe_mode: str) -> list[WebhookEvent]:
    """The events that failed or were parked, the oldest first; so many as one run may try."""
    waiting = WebhookEvent.stripe_mode == stripe_mode, WebhookEvent.state.in_(("failed", "parked"))
    return list(
        session.scalars(
            select(WebhookEvent).where(*waiting).order_by(WebhookEvent.received_at).limit(UNSETTLED_PER_RUN)
        )
    )


def parked(session: Session, stripe_mode: str) -> list[WebhookEvent]:
    """The events whose customer nobody knew yet, the oldest first; so many as one run may try."""
    waiting = WebhookEvent.stripe_mode == stripe_mode, WebhookEvent.state == "parked"
    found = select(WebhookEvent).where(*waiting).order_by(WebhookEvent.received_at)
    return list(session.scalars(found.limit(UNSETTLED_PER_RUN)))


def keep(session: Session, event: Event, outcome: Outcome, *, stripe_mode: str, now: dt.datetime) -> None:
    """Store an event with its outcome, or its new outcome; a handled one is left as it is.

    One statement, so that twins told at the same moment don't collide. Comes after the account's lock.
    """
    row = {
        "id": event.id,
        "type": event.type,
        "stripe_mode": stripe_mode,
        "api_version": event.api_version,
        "object_id": event.object_id,
        "body": event.body,
        "came_by": event.came_by,
        "attempts": 1,
        "created_at": event.created_at,
        "received_at": now,
    }
    known = _outcome(outcome, now=now)
    again = {**known, "attempts": WebhookEvent.attempts + 1}
    upsert(session, WebhookEvent, {**row, **known}, changes=again, where=WebhookEvent.state != "handled")


def _outcome(outcome: Outcome, *, now: dt.datetime) -> dict[str, Any]:
    return {
        "state": outcome.state,
        "reason": outcome.reason[:255],
        "account_id": outcome.account_id,
        "purchase_id": outcome.purchase_id,
        "handled_at": None if outcome.state in {"failed", "parked"} else now,
    }
