"""Usage by day: the roll-up that each spend counts in, within its own transaction."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

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


@dataclass(frozen=True, slots=True)
class Usage:
    """Credits used on a day for a meter by an API key, from one kind of grant.

    `count` is 1 in the row of the first credits of a use and 0 in its others, so that counts add up to uses.
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
    """Add the uses to their days. The caller holds the account's lock."""
    rows = [asdict(use) for use in uses]
    if rows:
        session.execute(_COUNT[session.connection().dialect.name], rows)
