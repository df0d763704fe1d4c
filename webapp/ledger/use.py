"""Reading the usage by day: the roll-up that every spend counts in. Never the entries, so a year costs what a day does.

Days are those of `usage_daily`: fixed when a use was written, in the account's time zone of that moment.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, cast, func, literal, select
from sqlalchemy.orm import Session

from webapp.ledger.models import usage_daily

_PARTS = {"meter": "", "key_id": 0, "grant_kind": ""}


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """What was used on one day for a meter ('' for none), by an API key (0 for none), from one kind of grant.

    `credits` are those used and not returned; `count` how many spends and captures that were, those returned too. A
    part that was not asked for is '' or 0: then the row is the sum over all of it.
    """

    used_on: dt.date
    meter: str
    key_id: int
    grant_kind: str
    credits: int
    count: int


def use_by_day(
    session: Session, account_id: int, *, since_on: dt.date, until_on: dt.date, by: Collection[str] = ()
) -> tuple[DayOfUse, ...]:
    """What the account used from `since_on` to `until_on`, both included, by day and by the parts named in `by`.

    Parts are `meter`, `key_id` and `grant_kind`. Days without any use have no row; a use that was returned whole keeps
    its row, with 0 credits. Oldest first. One query, by the table's key.
    """
    parts = {name: usage_daily.c[name] if name in by else literal(none) for name, none in _PARTS.items()}
    grouped = [usage_daily.c.used_on, *(usage_daily.c[name] for name in _PARTS if name in by)]
    sums = (cast(func.sum(usage_daily.c[name]), BigInteger).label(name) for name in ("credits", "count"))
    chosen = (
        select(usage_daily.c.used_on, *(part.label(name) for name, part in parts.items()), *sums)
        .where(
            usage_daily.c.account_id == bindparam("of_account"),
            usage_daily.c.used_on.between(bindparam("since_on"), bindparam("until_on")),
        )
        .group_by(*grouped)
        .order_by(*grouped)
    )
    given = {"of_account": account_id, "since_on": since_on, "until_on": until_on}
    return tuple(DayOfUse(*row) for row in session.execute(chosen, given))
