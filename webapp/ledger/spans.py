"""Finding a place in the history by time: by halving, along the numbers of the entries, in one statement.

Entries are numbered in the order of their writing, so their times rise too, but for clocks that differ and writers that
waited. An index by time would cost every spend.
"""

import datetime as dt

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, case, cast, func, literal, select
from sqlalchemy.orm import Session

from webapp.ledger.checks import CLOCK_SKEW, check_zone
from webapp.ledger.models import accounts, entries

_OF_ACCOUNT = bindparam("of_account", type_=BigInteger)
_MOMENT = bindparam("moment", type_=entries.c.created_at.type)
# All up to `low` were written before the moment, all from `high` on were not.
_halves = (
    select(cast(literal(0), BigInteger).label("low"), (accounts.c.seq + 1).label("high"))
    .where(accounts.c.id == _OF_ACCOUNT)
    .cte("halves", recursive=True)
)
_is_before = entries.c.created_at < _MOMENT
_halves = _halves.union_all(
    select(
        case((_is_before, entries.c.seq), else_=_halves.c.low), case((_is_before, _halves.c.high), else_=entries.c.seq)
    )
    .join_from(
        _halves,
        entries,
        and_(entries.c.account_id == _OF_ACCOUNT, entries.c.seq == (_halves.c.low + _halves.c.high) // 2),
    )
    .where(_halves.c.high - _halves.c.low > 1)
)
_FIRST_SINCE = select(func.min(_halves.c.high))


def first_since(session: Session, account_id: int, moment: dt.datetime) -> int:
    """The number of the account's first entry written at the moment or later; one more than the last if none was.

    Right for entries whose times rise; else one of the places where they pass the moment.
    """
    found = session.scalar(_FIRST_SINCE, {"of_account": account_id, "moment": moment})
    return 1 if found is None else int(found)


def written_between(
    session: Session, account_id: int, since: dt.datetime | None, until: dt.datetime | None
) -> list[ColumnElement[bool]]:
    """Conditions that hold for the entries written from `since` on and before `until`, bounded by number as well.

    The bounds leave room for times that don't rise, so that only the times decide. Raises InvalidRequest.
    """
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        check_zone(since)
        first = first_since(session, account_id, since - CLOCK_SKEW)
        conditions += [entries.c.seq >= first, entries.c.created_at >= since]
    if until is not None:
        check_zone(until)
        end = first_since(session, account_id, until + CLOCK_SKEW)
        conditions += [entries.c.seq < end, entries.c.created_at < until]
    return conditions
