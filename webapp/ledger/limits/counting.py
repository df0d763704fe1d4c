"""Windows of limits in the database: read, counted from entries where there is no row yet, and changed by deltas.

A window's row is what entries say of it: spends and captures that were written in it and not returned, and open holds
that were made in it. A capture counts where its hold was made, what it took above the hold where it was written. The
caller holds the account's lock; accounts without limits cost no statement.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, insert, select, text
from sqlalchemy.orm import Session

from webapp.ledger.checks import CLOCK_SKEW
from webapp.ledger.limits.entries_say import COUNTED
from webapp.ledger.limits.facts import LimitStanding, SpendLimit, Window
from webapp.ledger.limits.windows import window_of
from webapp.ledger.models import entries, limit_windows, spend_limits
from webapp.ledger.scoping import scoped
from webapp.ledger.sheet import Line, Sheet
from webapp.ledger.spans import first_since

# A hold lasts a day at most, and clocks differ: what was longer ago no longer changes any window that matters.
KEPT = dt.timedelta(days=2)

_INSTANT = limit_windows.c.starts_at.type
_OF_LIMIT = tuple(limit_windows.c[name] == spend_limits.c[name] for name in ("account_id", "key_id", "period"))
_HOLDS_MOMENT = and_(
    limit_windows.c.starts_at <= bindparam("moment", type_=_INSTANT),
    limit_windows.c.ends_at > bindparam("moment", type_=_INSTANT),
)
_FACTS = tuple(SpendLimit.__dataclass_fields__)
_STANDINGS = (
    select(
        *(spend_limits.c[name] for name in _FACTS),
        *(limit_windows.c[name] for name in ("starts_at", "ends_at", "used", "held")),
    )
    .join_from(spend_limits, limit_windows, and_(*_OF_LIMIT, _HOLDS_MOMENT), isouter=True)
    .where(spend_limits.c.account_id == bindparam("of_account"))
    .order_by(spend_limits.c.key_id, spend_limits.c.period)
)

_COUNT = text(
    f"""
    WITH {scoped(COUNTED, is_one=True, has_first=True)}
    SELECT COALESCE(SUM(used), 0) AS used, COALESCE(SUM(held), 0) AS held FROM counted
    WHERE seq >= :first AND created_at >= :starts_at AND created_at < :ends_at AND (:of_key = 0 OR key_id = :of_key)
    """  # noqa: S608  # put together from our own names
).bindparams(bindparam("starts_at", type_=_INSTANT), bindparam("ends_at", type_=_INSTANT))

_INSERT = insert(limit_windows)
_FORGET = delete(limit_windows).where(
    *(limit_windows.c[name] == bindparam(f"of_{name}") for name in ("account_id", "key_id", "period")),
    limit_windows.c.ends_at < bindparam("before", type_=_INSTANT),
)
_CHANGE = text(
    """
    UPDATE limit_windows SET used = used + :more_used, held = held + :more_held
    WHERE account_id = :of_account AND EXISTS (
        SELECT 1 FROM entries e
        WHERE e.account_id = limit_windows.account_id AND e.seq = :counted_seq
            AND e.created_at >= limit_windows.starts_at AND e.created_at < limit_windows.ends_at
            AND limit_windows.key_id IN (0, e.key_id)
    )
    """
)


def standings(session: Session, account_id: int, *, time_zone: str, now: dt.datetime) -> list[LimitStanding]:
    """How each limit of the account stands in its present window, as it is stored; without a row, as entries say.

    Those of the whole account first. One query, and two more for each window without a row.
    """
    given = {"of_account": account_id, "moment": now}
    return [_standing(session, account_id, row, time_zone, now) for row in session.execute(_STANDINGS, given)]


def counted_again(session: Session, account_id: int, limit: SpendLimit, window: Window) -> tuple[int, int]:
    """What a window of a limit has used and holds, from the entries that are written."""
    first = first_since(session, account_id, window.starts_at - CLOCK_SKEW)
    given = {"account": account_id, "first": first, "of_key": limit.key_id}
    row = session.execute(_COUNT, given | {"starts_at": window.starts_at, "ends_at": window.ends_at}).one()
    return int(row.used), int(row.held)


def keep(session: Session, account_id: int, standing: LimitStanding, *, now: dt.datetime) -> None:
    """Store the present window of a limit, and forget those that are long over."""
    limit = standing.limit
    of_limit = {"account_id": account_id, "key_id": limit.key_id, "period": limit.period}
    session.execute(_FORGET, {f"of_{name}": value for name, value in of_limit.items()} | {"before": now - KEPT})
    window = {"starts_at": standing.window.starts_at, "ends_at": standing.window.ends_at}
    session.execute(_INSERT, of_limit | window | {"used": standing.used, "held": standing.held})
    standing.is_stored = True


def count_limits(session: Session, sheet: Sheet, *, now: dt.datetime) -> None:
    """Put on the sheet how the account's limits stand, what it has let go of already included.

    To be called once everything due is settled on the sheet, before anything is taken from it.
    """
    if not sheet.account.limits:
        return
    sheet.limits = standings(session, sheet.account.id, time_zone=sheet.account.time_zone, now=now)
    for standing in sheet.limits:
        if not standing.is_stored:
            keep(session, sheet.account.id, standing, now=now)
    _let_go(session, sheet)


def change_windows(session: Session, sheet: Sheet) -> None:
    """Count the lines of the sheet, which are written, in every stored window they belong to."""
    if not sheet.account.limits:
        return
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    first_by_key = _first_by_key(sheet)
    for line in sheet.lines:
        for counted_seq, used, held in _changes(line, first_by_key):
            sums[counted_seq][0] += used
            sums[counted_seq][1] += held
    rows = [
        {"of_account": sheet.account.id, "counted_seq": seq, "more_used": used, "more_held": held}
        for seq, (used, held) in sums.items()
        if used or held
    ]
    if rows:
        session.execute(_CHANGE, rows)


def _standing(session: Session, account_id: int, row: Row[Any], time_zone: str, now: dt.datetime) -> LimitStanding:
    limit = SpendLimit(*(getattr(row, name) for name in _FACTS))
    if row.starts_at is not None:
        return LimitStanding(limit, Window(row.starts_at, row.ends_at), row.used, row.held, is_stored=True)
    window = window_of(limit.period, now, time_zone)
    used, held = counted_again(session, account_id, limit, window)
    return LimitStanding(limit, window, used, held, is_stored=False)


def _let_go(session: Session, sheet: Sheet) -> None:
    """Take off what the sheet's own lines, which are not written yet, have given back of holds."""
    released = {line.draft.hold.seq: line.draft.hold.credits for line in sheet.lines if line.draft.hold is not None}
    if not released:
        return
    made = select(entries.c.seq, entries.c.created_at, entries.c.key_id)
    for row in session.execute(made.where(entries.c.account_id == sheet.account.id, entries.c.seq.in_(released))):
        for standing in sheet.limits:
            is_within = standing.window.starts_at <= row.created_at < standing.window.ends_at
            if is_within and standing.concerns(row.key_id):
                standing.held -= released[row.seq]


def _first_by_key(sheet: Sheet) -> dict[int, int]:
    """The first line by each key: all lines of a sheet are written at one moment, so they count in the same windows."""
    first: dict[int, int] = {}
    for line in sheet.lines:
        first.setdefault(line.draft.key_id, line.seq)
    return first


def _changes(line: Line, first_by_key: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """By the entry whose moment and key decide where it counts: what is used more, and held more."""
    draft, hold = line.draft, line.draft.hold
    own = first_by_key[draft.key_id]
    if draft.kind == "spend":
        yield own, -draft.credits, 0
    elif draft.kind == "reverse" and draft.reverses_seq is not None:
        of_hold = draft.returned_to_hold or (draft.reverses_seq, 0)
        yield draft.reverses_seq, of_hold[1] - draft.credits, 0
        yield of_hold[0], -of_hold[1], 0
    elif hold is not None and hold.state == "open":
        yield own, 0, hold.credits
    elif hold is not None:
        yield hold.seq, min(hold.captured, hold.credits), -hold.credits
        yield own, max(0, hold.captured - hold.credits), 0
