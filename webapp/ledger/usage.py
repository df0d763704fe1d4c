"""Usage by day: the roll-up that each spend counts in, within its own transaction."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.ledger.models import usage_daily


def _upsert(insert: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    added = {name: usage_daily.c[name] + insert.excluded[name] for name in ("credits", "count")}
    return insert.on_conflict_do_update(index_elements=list(usage_daily.primary_key), set_=added)


_COUNT = {
    "sqlite": _upsert(sqlite.insert(usage_daily)),
    "postgresql": _upsert(postgresql.insert(usage_daily)),
}

_COLUMNS = tuple(column.name for column in usage_daily.columns)
# Not an upsert: a number below 0 would break the row's CHECK before the conflict is looked at.
_RETURN = (
    update(usage_daily)
    .where(*(column == bindparam(f"of_{column.name}") for column in usage_daily.primary_key))
    .values(credits=usage_daily.c.credits + bindparam("of_credits"), count=usage_daily.c.count + bindparam("of_count"))
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Credits used on a day for a meter by an API key, from one kind of grant.

    `count` is 1 in the row of the first credits of a use and 0 in its others, so that counts add up to uses. A reverse
    has credits below 0 and counts nothing.
    """

    account_id: int
    used_on: dt.date
    meter: str
    key_id: int
    grant_kind: str
    credits: int
    count: int


def day_of(moment: dt.datetime, time_zone: str) -> dt.date:
    """The day on which an instant falls in the account's time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def count_usage(session: Session, uses: Iterable[Usage]) -> None:
    """Add the uses to their days, and take off those below 0: a reverse, whose day has its row already.

    The caller holds the locks of the accounts.
    """
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for use in uses:
        of_day = sums[use.account_id, use.used_on, use.meter, use.key_id, use.grant_kind]
        of_day[0] += use.credits
        of_day[1] += use.count
    rows = [dict(zip(_COLUMNS, (*key, *numbers), strict=True)) for key, numbers in sums.items()]
    if added := [row for row in rows if row["credits"] >= 0]:
        session.execute(_COUNT[session.connection().dialect.name], added)
    if returned := [{f"of_{name}": value for name, value in row.items()} for row in rows if row["credits"] < 0]:
        session.execute(_RETURN, returned)
