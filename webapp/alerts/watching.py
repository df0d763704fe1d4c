"""The only writers of alerts: seeing what an account has crossed, putting one away, choosing what to be told of.

Each locks the account first, and never commits. That a crossing is one row is the key of the table; the lock only keeps
two writers from working it out at once.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.alerts.crossings import crossings, is_dismissible, is_over
from webapp.alerts.errors import UnknownAlert
from webapp.alerts.facts import Choices, Crossing
from webapp.alerts.models import AlertChoices, RaisedAlert
from webapp.alerts.reading import facts_of, known_of
from webapp.billing.upserts import insert_missing, upsert
from webapp.catalog import Catalog
from webapp.ledger.operations import lock_account, note_change, note_seen

log = structlog.get_logger("refill")


def look_at(session: Session, catalog: Catalog, account_id: int, *, stripe_mode: str, now: dt.datetime) -> int:
    """Store what the account has crossed and nobody has seen yet, and end what is over; how many are new.

    Locks the account, and notes that it was looked at. Raises UnknownAccount.
    """
    note_seen(session, account_id)
    facts = facts_of(session, catalog, account_id, stripe_mode=stripe_mode, now=now)
    known = known_of(session, account_id)
    standing = crossings(facts, known)
    for row in known.raised:
        if row.ended_at is None and is_over(row, standing, now=now):
            row.ended_at = now
    session.flush()
    seen = {row.id for row in known.raised}
    return _store(session, account_id, (crossing for crossing in standing if crossing.id not in seen), now=now)


def dismiss(
    session: Session, catalog: Catalog, account_id: int, alert_id: str, *, stripe_mode: str, now: dt.datetime
) -> None:
    """Put an alert of the account away, until its next threshold or occasion.

    Credits that expire at one instant are told of together, and put away together. Locks the account. Raises
    UnknownAlert for one that is not the account's, and for one that can't be put away.
    """
    look_at(session, catalog, account_id, stripe_mode=stripe_mode, now=now)
    own = RaisedAlert.account_id == account_id
    row = session.scalar(select(RaisedAlert).where(own, RaisedAlert.id == alert_id))
    if row is None or not is_dismissible(row.kind, row.threshold, row.facts):
        raise UnknownAlert
    together = [row]
    if row.kind == "expiring":
        same = RaisedAlert.kind == row.kind, RaisedAlert.ends_at == row.ends_at
        together = list(session.scalars(select(RaisedAlert).where(own, *same)))
    for one in together:
        one.dismissed_at = one.dismissed_at or now
    session.flush()


def set_choices(session: Session, account_id: int, choices: Choices, *, now: dt.datetime) -> None:
    """Let the account be told of this from now on. Locks the account, and has it looked at again."""
    lock_account(session, account_id)
    chosen = asdict(choices) | {"changed_at": now}
    upsert(session, AlertChoices, {"account_id": account_id} | chosen, changes=chosen)
    note_change(session, account_id)


def _store(session: Session, account_id: int, new: Iterable[Crossing], *, now: dt.datetime) -> int:
    rows = [
        {
            "account_id": account_id,
            "kind": crossing.kind,
            "subject": crossing.subject,
            "occasion": crossing.occasion,
            "threshold": crossing.threshold,
            "id": crossing.id,
            "facts": crossing.facts,
            "raised_at": now,
            "ends_at": crossing.ends_at,
        }
        for crossing in new
    ]
    for row in rows:
        log.info("alert", account_id=account_id, kind=row["kind"], threshold=row["threshold"], alert=row["id"])
    return insert_missing(session, RaisedAlert, rows) if rows else 0
