"""Reading the ledger: balances, history, what is due. Never writes, never locks; frozen facts come out."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import BindParameter, bindparam, func, or_, select, text, union_all
from sqlalchemy.orm import Session

from webapp.ledger.accounts import possible_id, unknown_account
from webapp.ledger.balances import Balance, LotFacts, balance
from webapp.ledger.changes import changed_accounts
from webapp.ledger.counting import change_since, count_entries
from webapp.ledger.facts import EntryFacts, HoldFacts, LotBooks, LotTouched
from webapp.ledger.history import HistoryPage, Stretch, entry, history, stretch
from webapp.ledger.limits.facts import LimitStanding
from webapp.ledger.limits.queries import limit_standings
from webapp.ledger.lots import NOT_USED_UP
from webapp.ledger.models import accounts, grants, holds
from webapp.ledger.past import balance_as_of
from webapp.ledger.previews import Standing, TakebackPreview, preview_takeback
from webapp.ledger.reading import actor_of, open_holds
from webapp.ledger.reading import read_hold as hold
from webapp.ledger.searching import Search
from webapp.ledger.totals import Totals, totals
from webapp.ledger.traces import Trace, TracedLot, traces

__all__ = [
    "Balance",
    "EntryFacts",
    "HistoryPage",
    "HoldFacts",
    "LimitStanding",
    "LotBooks",
    "LotFacts",
    "LotTouched",
    "Search",
    "Standing",
    "Stretch",
    "TakebackPreview",
    "Totals",
    "Trace",
    "TracedLot",
    "accounts_due",
    "actor_of",
    "balance",
    "balance_as_of",
    "change_since",
    "changed_accounts",
    "count_entries",
    "entry",
    "expired_of_sources",
    "history",
    "hold",
    "limit_standings",
    "lot_books",
    "open_holds",
    "preview_takeback",
    "stretch",
    "totals",
    "traces",
    "zone_and_due",
]


_DUE_LOTS = select(grants.c.account_id, grants.c.expires_at).where(NOT_USED_UP, grants.c.available > 0)
_DUE_HOLDS = select(holds.c.account_id, holds.c.expires_at).where(text("holds.state = 'open'"))


def accounts_due(session: Session, *, now: dt.datetime, limit: int) -> tuple[int, ...]:
    """The ids of at most `limit` accounts with lots or holds that have ended and no entry yet, longest due first."""
    ended = union_all(
        _DUE_LOTS.where(grants.c.expires_at <= now), _DUE_HOLDS.where(holds.c.expires_at <= now)
    ).subquery()
    due = (
        select(ended.c.account_id)
        .group_by(ended.c.account_id)
        .order_by(func.min(ended.c.expires_at), ended.c.account_id)
        .limit(limit)
    )
    return tuple(session.scalars(due))


_BY_NOW: BindParameter[dt.datetime] = bindparam("now", type_=grants.c.expires_at.type)
_LOT_IS_DUE = _DUE_LOTS.where(grants.c.account_id == accounts.c.id, grants.c.expires_at <= _BY_NOW).exists()
_HOLD_IS_DUE = _DUE_HOLDS.where(holds.c.account_id == accounts.c.id, holds.c.expires_at <= _BY_NOW).exists()
_DUE_NOW = select(accounts.c.time_zone, or_(_LOT_IS_DUE, _HOLD_IS_DUE).label("is_due")).where(
    accounts.c.id == bindparam("of_account")
)


def zone_and_due(session: Session, account_id: int, *, now: dt.datetime) -> tuple[str, bool]:
    """The account's time zone, and whether the entry of an expired lot or hold has yet to be written.

    One query that looks at open lots and holds only, however long the account's history is. Raises UnknownAccount.
    """
    row = session.execute(_DUE_NOW, {"of_account": possible_id(account_id), "now": now}).one_or_none()
    if row is None:
        raise unknown_account(account_id)
    return row.time_zone, bool(row.is_due)


_BOOKS = select(
    grants.c.seq.label("grant"), *(grants.c[name] for name in LotBooks.__dataclass_fields__ if name != "grant")
).where(grants.c.account_id == bindparam("of_account"), grants.c.seq.in_(bindparam("of_grants", expanding=True)))


def lot_books(session: Session, account_id: int, grant_seqs: Collection[int]) -> dict[int, LotBooks]:
    """The books of some of the account's grants as they are stored, by number: one query, none for no grants."""
    if not grant_seqs:
        return {}
    rows = session.execute(_BOOKS, {"of_account": account_id, "of_grants": list(grant_seqs)}).mappings()
    return {row["grant"]: LotBooks(**row) for row in rows}


def expired_of_sources(session: Session, account_id: int, *, source_kind: str, source_id_begins: str) -> int:
    """How many credits of the grants of some sources have expired unused, as it is stored. One query."""
    expired = select(func.coalesce(func.sum(grants.c.expired), 0)).where(
        grants.c.account_id == account_id,
        grants.c.source_kind == source_kind,
        grants.c.source_id.startswith(source_id_begins, autoescape=True),
    )
    return int(session.scalar(expired) or 0)
