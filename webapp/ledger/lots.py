"""Reading an account's lots onto a sheet: everything an operation may have to know, in one statement."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import FromClause, RowMapping, Select, and_, bindparam, case, or_, select, text
from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount
from webapp.ledger.burndown import Lot
from webapp.ledger.models import BOOKS, claims, entries, grants, holds, postings
from webapp.ledger.sheet import DueHold, Sheet, sheet_of
from webapp.ledger.takebacks import Claim

BURN_ORDER = (grants.c.priority, grants.c.expires_at, grants.c.seq)
# Word for word the condition of the index: SQLite does not see that `is_used_up = 0` means the same.
NOT_USED_UP = text("NOT grants.is_used_up")
OWES = text("grants.owed <> 0")

# What the open holds that have ended keep of each lot. `to_book` is no condition: with it PostgreSQL may walk through
# all the postings of the account.
_DUE = (
    select(
        holds.c.account_id,
        postings.c.grant_seq,
        holds.c.seq,
        holds.c.expires_at,
        case((postings.c.to_book == "held", postings.c.credits), else_=0).label("credits"),
    )
    .join_from(holds, postings, and_(postings.c.account_id == holds.c.account_id, postings.c.entry_seq == holds.c.seq))
    .where(
        holds.c.account_id.in_(bindparam("of_accounts", expanding=True)),
        text("holds.state = 'open'"),
        holds.c.expires_at <= bindparam("now", type_=holds.c.expires_at.type),
    )
    .subquery("due")
)
_LOT = ("seq", "kind", "priority", "granted", "expires_at", "source_kind", "source_id", *BOOKS, "voided_by_operator")
LOT_COLUMNS = (
    *(grants.c[name].label(f"lot_{name}") for name in _LOT),
    *(claims.c[name].label(f"claim_{name}") for name in Claim.__dataclass_fields__),
    _DUE.c.seq.label("due_seq"),
    _DUE.c.expires_at.label("due_at"),
    _DUE.c.credits.label("due_credits"),
)
_CLAIM_OF_LOT = and_(
    *(claims.c[name] == grants.c[name] for name in ("account_id", "source_kind", "source_id")),
)
_DUE_OF_LOT = and_(_DUE.c.account_id == grants.c.account_id, _DUE.c.grant_seq == grants.c.seq)


def with_claims_and_due_holds(lots: FromClause) -> FromClause:
    """Rows of `grants` joined with what LOT_COLUMNS tell of each lot beside itself; needs `of_accounts` and `now`."""
    return lots.outerjoin(claims, _CLAIM_OF_LOT).outerjoin(_DUE, _DUE_OF_LOT)


def _lots_where(condition: Any) -> Select[Any]:
    return (
        select(grants.c.account_id, *LOT_COLUMNS)
        .select_from(with_claims_and_due_holds(grants))
        .where(grants.c.account_id.in_(bindparam("of_accounts", expanding=True)), condition)
        .order_by(*BURN_ORDER)
    )


_OPEN_LOTS = _lots_where(NOT_USED_UP)
# Rare: who owed and who paid count as soon as anything is given back.
_ALL_THAT_MATTER = _lots_where(or_(NOT_USED_UP, OWES, grants.c.seq.in_(bindparam("of_lots", expanding=True))))

_REVERSES = select(entries.c.seq).where(
    entries.c.account_id == bindparam("of_account"), entries.c.reverses_seq == bindparam("of_entry")
)
_MOVED = (
    select(postings.c.grant_seq, postings.c.from_book, postings.c.to_book, postings.c.credits)
    .join_from(
        postings, grants, and_(grants.c.account_id == postings.c.account_id, grants.c.seq == postings.c.grant_seq)
    )
    .where(
        postings.c.account_id == bindparam("of_account"),
        postings.c.entry_seq.in_(bindparam("of_entries", expanding=True)),
    )
    .order_by(*BURN_ORDER)
)


def open_sheets(session: Session, accounts: Sequence[LockedAccount], *, now: dt.datetime) -> dict[int, Sheet]:
    """A sheet for each account, with its open lots and due holds: one statement, a second one if any has a claim."""
    by_account = {account.id: account for account in accounts}
    rows = _rows(session, _OPEN_LOTS, list(by_account), now)
    claimed = {row["account_id"] for row in rows if row["claim_total_minor"] is not None}
    if claimed:
        rows = [row for row in rows if row["account_id"] not in claimed]
        rows += _rows(session, _ALL_THAT_MATTER, sorted(claimed), now, of_lots=[])
    of_account: dict[int, list[RowMapping]] = defaultdict(list)
    for row in rows:
        of_account[row["account_id"]].append(row)
    return {id_: sheet_of(account, *lots_of(of_account[id_])) for id_, account in by_account.items()}


def open_sheet(
    session: Session, account: LockedAccount, *, now: dt.datetime, lots: Iterable[int] | None = None
) -> Sheet:
    """The account's sheet, with due lots and holds still on it.

    `lots` names some that must be on it, used up or not, and asks for all that owe or paid as well.
    """
    if lots is None:
        return open_sheets(session, [account], now=now)[account.id]
    rows = _rows(session, _ALL_THAT_MATTER, [account.id], now, of_lots=list(lots))
    return sheet_of(account, *lots_of(rows))


def lots_of(rows: Iterable[RowMapping]) -> tuple[list[Lot], list[DueHold]]:
    """The lots, and the due holds, that rows with LOT_COLUMNS tell of. A row without a lot tells nothing."""
    lots: dict[int, Lot] = {}
    held: dict[tuple[int, dt.datetime], list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        if row["lot_seq"] is None:
            continue
        lots.setdefault(row["lot_seq"], _lot(row))
        if row["due_seq"] is not None and row["due_credits"]:
            held[row["due_seq"], row["due_at"]].append((row["lot_seq"], row["due_credits"]))
    return list(lots.values()), [DueHold(seq, ends_at, tuple(shares)) for (seq, ends_at), shares in held.items()]


def _rows(
    session: Session, statement: Select[Any], accounts: list[int], now: dt.datetime, **named: list[int]
) -> list[RowMapping]:
    return list(session.execute(statement, {"of_accounts": accounts, "now": now, **named}).mappings())


def _lot(row: RowMapping) -> Lot:
    return Lot(
        grant=row["lot_seq"],
        kind=row["lot_kind"],
        priority=row["lot_priority"],
        granted=row["lot_granted"],
        expires_at=row["lot_expires_at"],
        source=(row["lot_source_kind"], row["lot_source_id"]),
        voided_by_operator=row["lot_voided_by_operator"],
        claim=_claim(row),
        **{book: row[f"lot_{book}"] for book in BOOKS},
    )


def _claim(row: RowMapping) -> Claim | None:
    if row["claim_total_minor"] is None:
        return None
    return Claim(**{name: row[f"claim_{name}"] for name in Claim.__dataclass_fields__})


def held_by(session: Session, account_id: int, hold_seq: int) -> list[tuple[int, int]]:
    """The lots of an open hold, in burn order, each with what it holds."""
    return _moved(session, account_id, [hold_seq], book="held")


def spent_by(session: Session, account_id: int, entry_seq: int) -> list[tuple[int, int]]:
    """The lots that paid a spend or capture, in burn order, each with what was not returned yet."""
    reverses = session.scalars(_REVERSES, {"of_account": account_id, "of_entry": entry_seq})
    return _moved(session, account_id, [entry_seq, *reverses], book="spent")


def _moved(session: Session, account_id: int, entry_seqs: list[int], *, book: str) -> list[tuple[int, int]]:
    """By lot, what the entries put into the book, less what they took out."""
    sums: dict[int, int] = defaultdict(int)
    for grant, from_book, to_book, moved in session.execute(
        _MOVED, {"of_account": account_id, "of_entries": entry_seqs}
    ):
        sums[grant] += moved * ((to_book == book) - (from_book == book))
    return [(grant, left) for grant, left in sums.items() if left]
