"""Reading an account's lots, under its lock or not."""

import datetime as dt

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from webapp.ledger.burndown import Lot
from webapp.ledger.models import grants

BURN_ORDER = (grants.c.priority, grants.c.expires_at, grants.c.seq)
# Word for word the condition of the index: SQLite does not see that `is_used_up = 0` means the same.
NOT_USED_UP = text("NOT grants.is_used_up")

_OPEN_LOTS = (
    select(grants.c.seq, grants.c.kind, grants.c.priority, grants.c.available, grants.c.expired, grants.c.expires_at)
    .where(grants.c.account_id == bindparam("account_id"), NOT_USED_UP, grants.c.available > 0)
    .order_by(*BURN_ORDER)
)


def open_lots(session: Session, account_id: int) -> list[Lot]:
    """The account's lots with available credits in burn order, those that are due among them."""
    return [Lot(*row) for row in session.execute(_OPEN_LOTS, {"account_id": account_id})]


def due_lots(session: Session, account_id: int, now: dt.datetime) -> list[Lot]:
    """The account's lots with available credits that have expired, in burn order."""
    due = _OPEN_LOTS.where(grants.c.expires_at <= now)
    return [Lot(*row) for row in session.execute(due, {"account_id": account_id})]
