"""Reading the ledger: balances, history, what is due. Never writes, never locks; frozen facts come out."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.ledger.balances import Balance, LotFacts, balance
from webapp.ledger.facts import EntryFacts, LotTouched
from webapp.ledger.history import HistoryPage, entry, history
from webapp.ledger.lots import NOT_USED_UP
from webapp.ledger.models import grants

__all__ = [
    "Balance",
    "EntryFacts",
    "HistoryPage",
    "LotFacts",
    "LotTouched",
    "accounts_due",
    "balance",
    "entry",
    "history",
]


def accounts_due(session: Session, *, now: dt.datetime, limit: int) -> tuple[int, ...]:
    """The ids of at most `limit` accounts with credits that have expired and no entry yet, longest due first."""
    due = (
        select(grants.c.account_id)
        .where(NOT_USED_UP, grants.c.expires_at <= now, grants.c.available > 0)
        .group_by(grants.c.account_id)
        .order_by(func.min(grants.c.expires_at), grants.c.account_id)
        .limit(limit)
    )
    return tuple(session.scalars(due))
