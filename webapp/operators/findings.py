"""Closing a difference to Stripe that a person has looked at. In the caller's transaction."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.reconcile.models import ReconciliationFinding
from webapp.operators.acts import clean_reason
from webapp.operators.errors import NothingToDo

Finding = ReconciliationFinding
FINDINGS_AT_ONCE = 40


def close_finding(session: Session, fingerprint: str, *, operator_id: int, reason: str, now: dt.datetime) -> Finding:
    """Write down who has looked at a difference and what they found, once. It is not told again.

    Raises ReasonMissing, and NothingToDo where it is closed already or nothing of it waits.
    """
    words = clean_reason(reason)
    waits = Finding.needs_person, Finding.closed_at.is_(None)
    found = session.scalar(select(Finding).where(Finding.fingerprint == fingerprint, *waits).with_for_update())
    if found is None:
        raise NothingToDo("Nobody needs to look at this (any more).")
    found.closed_at, found.closed_by, found.closed_reason = now, operator_id, words
    return found


def findings_page(session: Session, number: int, *, after: str | None) -> tuple[list[Finding], str | None]:
    """What a run found beside events, and after which of them the list goes on."""
    of_run = Finding.reconciliation_id == number, Finding.object_kind != "event"
    chosen = select(Finding).where(*of_run, *([Finding.fingerprint > after] if after else []))
    rows = list(session.scalars(chosen.order_by(Finding.fingerprint).limit(FINDINGS_AT_ONCE + 1)))
    return rows[:FINDINGS_AT_ONCE], rows[FINDINGS_AT_ONCE - 1].fingerprint if len(rows) > FINDINGS_AT_ONCE else None
