"""The stored reports: beginning one, noting how far it came, ending it, reading it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.billing.reconcile.models import Reconciliation, ReconciliationFinding

COUNTED = ("checkouts", "purchases", "refunds", "disputes", "subscriptions", "events", "findings", "failed")
# A run notes how far it is with each step.
SILENT = dt.timedelta(hours=1)

_WAITING = (ReconciliationFinding.needs_person, ReconciliationFinding.closed_at.is_(None))


def begin(
    session: Session, stripe_mode: str, *, started_by: str, since: dt.datetime, now: dt.datetime
) -> Reconciliation:
    """Store that a run begins. One that has said nothing for an hour was ended by something else, and is noted so."""
    silent = Reconciliation.state == "running", Reconciliation.noted_at < now - SILENT
    ended = {"state": "stopped", "reason": "killed", "finished_at": now}
    session.execute(update(Reconciliation).where(*silent).values(**ended))
    run = Reconciliation(stripe_mode=stripe_mode, started_by=started_by, since_at=since, started_at=now, noted_at=now)
    session.add(run)
    session.flush()
    return run


def note(
    session: Session,
    reconciliation_id: int,
    counts: Mapping[str, int],
    *,
    reached: dt.datetime | None,
    now: dt.datetime,
    state: str = "running",
    reason: str = "",
) -> Reconciliation:
    """Store how far a run came. With a state other than `running` it has ended, `reason` says why if it stopped."""
    run = session.get_one(Reconciliation, reconciliation_id)
    for name in COUNTED:
        setattr(run, name, counts.get(name, 0))
    run.reached_at, run.noted_at, run.state, run.reason = reached, now, state, reason[:255]
    run.finished_at = None if state == "running" else now
    return run


def newest_reconciliations(session: Session, stripe_mode: str, *, limit: int) -> list[Reconciliation]:
    """The last runs, the newest first."""
    runs = select(Reconciliation).where(Reconciliation.stripe_mode == stripe_mode)
    return list(session.scalars(runs.order_by(Reconciliation.id.desc()).limit(limit)))


def findings_of(session: Session, reconciliation_id: int) -> list[ReconciliationFinding]:
    """What one run found that none had found before, what needs a person first."""
    found = select(ReconciliationFinding).where(ReconciliationFinding.reconciliation_id == reconciliation_id)
    order = (
        ReconciliationFinding.needs_person.desc(),
        ReconciliationFinding.object_kind,
        ReconciliationFinding.object_id,
    )
    return list(session.scalars(found.order_by(*order)))


def waiting_findings(session: Session) -> list[ReconciliationFinding]:
    """The differences that wait for a person, the oldest first."""
    found = select(ReconciliationFinding).where(*_WAITING)
    return list(session.scalars(found.order_by(ReconciliationFinding.found_at)))


def lag(session: Session, stripe_mode: str, *, now: dt.datetime) -> dt.timedelta | None:
    """How long ago the point is up to which everything was compared with Stripe; None if nothing ever was."""
    reached = session.scalar(
        select(func.max(Reconciliation.reached_at)).where(Reconciliation.stripe_mode == stripe_mode)
    )
    return None if reached is None else now - reached


@dataclass(frozen=True, slots=True)
class Standing:
    """How we stand with Stripe: seconds since the point up to which all was compared, None if nothing ever was.

    `waiting` are the differences that wait for a person.
    """

    seconds: int | None
    waiting: int


def standing(session: Session, stripe_mode: str, *, now: dt.datetime) -> Standing:
    """How old the last comparison is, and what it left. Two small queries."""
    age = lag(session, stripe_mode, now=now)
    waiting = select(func.count()).select_from(ReconciliationFinding).where(*_WAITING)
    return Standing(None if age is None else int(age.total_seconds()), session.scalar(waiting) or 0)
