"""What an account has at an instant. Lots and holds stop counting when they expire, before any entry says so."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, ColumnElement, RowMapping, and_, bindparam, case, cast, func, select, text
from sqlalchemy.orm import Session

from webapp.ledger.accounts import possible_id, unknown_account
from webapp.ledger.burndown import Lot, allocate
from webapp.ledger.lots import BURN_ORDER, NOT_USED_UP
from webapp.ledger.models import accounts, grants, holds, postings
from webapp.orm import NEVER

# The three that people tell apart: a gift is a bonus, an adjustment burns with what was bought.
KINDS_SHOWN = {
    "allowance": "allowance",
    "bonus": "bonus",
    "gift": "bonus",
    "purchased": "purchased",
    "adjustment": "purchased",
}


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What is left of a grant: `credits` of the `granted` ones can be spent until `expires_at` (None: for ever)."""

    grant: int
    kind: str
    credits: int
    granted: int
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has, in credits.

    `balance` = available + held + frozen − debt. `kinds` splits `available` into allowance, bonus (gifts too) and
    purchased (adjustments too); `lots` are those with credits, in burn order. `total_purchased` is what was ever
    bought, taken back or not; `total_used` what was spent and not returned. `is_due` says that the entries of expired
    lots or holds have yet to be written; those don't count here any more.
    """

    account_id: int
    available: int
    held: int
    frozen: int
    debt: int
    balance: int
    kinds: dict[str, int]
    lots: tuple[LotFacts, ...]
    total_purchased: int
    total_used: int
    is_due: bool
    time_zone: str


def _total(column: ColumnElement[int], *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    of_account = select(func.coalesce(func.sum(column), 0)).where(grants.c.account_id == bindparam("of_account"))
    return cast(of_account.where(*conditions).scalar_subquery(), BigInteger)


# What expired holds that no entry has closed yet keep of each lot. `to_book` is no condition: with it PostgreSQL may
# walk through all the postings of the account.
_HELD = case((postings.c.to_book == "held", postings.c.credits), else_=0)
_FREED = (
    select(postings.c.grant_seq, cast(func.sum(_HELD), BigInteger).label("credits"))
    .join_from(holds, postings, and_(postings.c.account_id == holds.c.account_id, postings.c.entry_seq == holds.c.seq))
    .where(
        holds.c.account_id == bindparam("of_account"),
        text("holds.state = 'open'"),
        holds.c.expires_at <= bindparam("now", type_=holds.c.expires_at.type),
    )
    .group_by(postings.c.grant_seq)
    .subquery()
)

# One statement, so that a spend between two of them can't make the parts disagree with their sum.
_BALANCE = (
    select(
        *(accounts.c[name] for name in ("available", "held", "frozen", "debt", "time_zone")),
        _total(grants.c.granted, grants.c.kind == "purchased").label("total_purchased"),
        _total(grants.c.spent).label("total_used"),
        *(
            grants.c[name].label(f"lot_{name}")
            for name in ("seq", "kind", "priority", "available", "expired", "granted", "expires_at")
        ),
        func.coalesce(_FREED.c.credits, 0).label("lot_freed"),
    )
    .select_from(
        accounts.outerjoin(grants, and_(grants.c.account_id == accounts.c.id, NOT_USED_UP)).outerjoin(
            _FREED, _FREED.c.grant_seq == grants.c.seq
        )
    )
    .where(accounts.c.id == bindparam("of_account"))
    .order_by(*BURN_ORDER)
)


def balance(session: Session, account_id: int, *, now: dt.datetime) -> Balance:
    """What the account has now, whether or not the entries of what has expired are written. One query.

    Raises UnknownAccount.
    """
    rows = session.execute(_BALANCE, {"of_account": possible_id(account_id), "now": now}).mappings().all()
    if not rows:
        raise unknown_account(account_id)
    account, lots = rows[0], [row for row in rows if row["lot_seq"] is not None]
    live = [_live(row) for row in lots if row["lot_expires_at"] > now]
    paid = min(account["debt"], sum(lot.available for lot in live))  # what a hold gives back pays debt first
    left = _less(paid, live)
    available, debt = sum(lot.available for lot in left), account["debt"] - paid
    held = account["held"] - sum(row["lot_freed"] for row in lots)
    granted = {row["lot_seq"]: row["lot_granted"] for row in lots}
    return Balance(
        account_id=account_id,
        available=available,
        held=held,
        frozen=account["frozen"],
        debt=debt,
        balance=available + held + account["frozen"] - debt,
        kinds=_by_kind(left),
        lots=tuple(_lot_facts(lot, granted[lot.grant]) for lot in left),
        total_purchased=account["total_purchased"],
        total_used=account["total_used"],
        is_due=any(_is_due(row, now) for row in lots),
        time_zone=account["time_zone"],
    )


def _live(row: RowMapping) -> Lot:
    return Lot(
        grant=row["lot_seq"],
        kind=row["lot_kind"],
        priority=row["lot_priority"],
        available=row["lot_available"] + row["lot_freed"],
        expired=row["lot_expired"],
        expires_at=row["lot_expires_at"],
    )


def _is_due(row: RowMapping, now: dt.datetime) -> bool:
    is_over = row["lot_available"] > 0 and row["lot_expires_at"] <= now
    return bool(row["lot_freed"] or is_over)


def _less(paid: int, lots: Iterable[Lot]) -> list[Lot]:
    lots = list(lots)
    shares = {lot.grant: share for lot, share in allocate(paid, lots)}
    left = (replace(lot, available=lot.available - shares.get(lot.grant, 0)) for lot in lots)
    return [lot for lot in left if lot.available]


def _by_kind(lots: Iterable[Lot]) -> dict[str, int]:
    kinds = dict.fromkeys(KINDS_SHOWN.values(), 0)
    for lot in lots:
        kinds[KINDS_SHOWN[lot.kind]] += lot.available
    return kinds


def _lot_facts(lot: Lot, granted: int) -> LotFacts:
    expires_at = None if lot.expires_at == NEVER else lot.expires_at
    return LotFacts(lot.grant, lot.kind, lot.available, granted, expires_at)
