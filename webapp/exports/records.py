"""Beginning, noting and ending exports, each in a short transaction of the caller's. The only writers of the table."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.orm import Session

from webapp.exports.errors import TooManyExports
from webapp.exports.models import Export
from webapp.ledger.accounts import locked

MOST_AT_ONCE = 2
# One that has said nothing for so long was cut off without a word: its process died.
SILENT_FOR = dt.timedelta(minutes=2)
KEPT_FOR = dt.timedelta(days=1)


def begin_export(
    session: Session, account_id: int, export_id: str, *, total: int, is_search: bool, now: dt.datetime
) -> None:
    """Note that an export of `total` entries runs from now on; one of the same id begins anew, and takes its place.

    Locks the account, so that no two count each other out. Raises TooManyExports, UnknownAccount.
    """
    locked(session, account_id)
    others = and_(Export.account_id == account_id, Export.id != export_id, _is_running(now))
    if (session.scalar(select(func.count()).select_from(Export).where(others)) or 0) >= MOST_AT_ONCE:
        raise TooManyExports("Two of your exports are running. Wait until one of them has ended, then try again.")
    begun = Export(account_id=account_id, id=export_id, state="running", is_search=is_search, total=total)
    begun.looked, begun.lines, begun.started_at, begun.noted_at = 0, 0, now, now
    session.merge(begun)


def note_export(
    session: Session,
    account_id: int,
    export_id: str,
    *,
    begun_at: dt.datetime,
    looked: int,
    lines: int,
    state: str = "running",
    now: dt.datetime,
) -> bool:
    """Note how far the export that began at that instant has come, or that it has ended.

    False when it has begun anew since: the row is the new one's.
    """
    this = (Export.account_id == account_id, Export.id == export_id, Export.started_at == begun_at)
    chosen = update(Export).where(*this).values(looked=looked, lines=lines, state=state, noted_at=now)
    return session.scalar(chosen.returning(Export.id)) is not None


def export_of(session: Session, account_id: int, export_id: str, *, now: dt.datetime) -> Export | None:
    """The account's export of this id; one that fell silent is told as stopped."""
    found = session.get(Export, (account_id, export_id))
    if found is not None and found.state == "running" and found.noted_at <= now - SILENT_FOR:
        session.expunge(found)
        found.state = "stopped"
    return found


def prune_exports(session: Session, *, now: dt.datetime) -> int:
    """Delete the rows nobody waits for any more; how many."""
    old = session.execute(delete(Export).where(Export.noted_at <= now - KEPT_FOR))
    return int(old.rowcount)  # type: ignore[attr-defined]  # a delete answers with a CursorResult


def _is_running(now: dt.datetime) -> ColumnElement[bool]:
    return and_(Export.state == "running", Export.noted_at > now - SILENT_FOR)
