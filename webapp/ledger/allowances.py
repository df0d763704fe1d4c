"""What became of an account's allowances that haven't ended: how much was given, used and is left until which instant.

A period may have had several grants: its own, the difference to a better plan, what rolled over. They end together.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import BigInteger, BindParameter, bindparam, cast, func, select
from sqlalchemy.orm import Session

from webapp.ledger.models import grants
from webapp.orm import NEVER

_SUMMED = ("granted", "available", "held", "frozen", "spent")
_NOW: BindParameter[dt.datetime] = bindparam("now", type_=grants.c.expires_at.type)
_UNTIL = (
    select(grants.c.expires_at, *(cast(func.sum(grants.c[name]), BigInteger).label(name) for name in _SUMMED))
    .where(grants.c.account_id == bindparam("of_account"), grants.c.kind == "allowance", grants.c.expires_at > _NOW)
    .group_by(grants.c.expires_at)
    .order_by(grants.c.expires_at)
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The allowances that end at one instant (None: never), in credits.

    `used` is what was spent of them and not returned.
    """

    ends_at: dt.datetime | None
    granted: int
    available: int
    held: int
    frozen: int
    used: int

    @property
    def limit(self) -> int:
        """How much of it can be used in all: what was used, and what is still there or on hold."""
        return self.used + self.available + self.held + self.frozen

    @property
    def lost(self) -> int:
        """What was given but can't be used any more: taken back, ended early, or taken for a debt."""
        return self.granted - self.limit


def allowances(session: Session, account_id: int, *, now: dt.datetime) -> tuple[Allowance, ...]:
    """The account's allowances that haven't ended by `now`, those used up too, soonest end first. One query."""
    rows = session.execute(_UNTIL, {"of_account": account_id, "now": now})
    return tuple(Allowance(None if ends_at == NEVER else ends_at, *sums) for ends_at, *sums in rows)
