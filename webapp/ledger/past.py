"""What an account had at an instant of the past, worked out from its postings.

Walks through all of them: for closing a month and for answering a question, not for pages.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import replace

from sqlalchemy import BigInteger, and_, bindparam, case, cast, exists, func, select
from sqlalchemy.orm import Session, aliased

from webapp.ledger.accounts import LockedAccount, possible_id, unknown_account
from webapp.ledger.balances import Balance, balance_on
from webapp.ledger.burndown import Lot
from webapp.ledger.checks import OWN_SOURCE, check_zone
from webapp.ledger.models import BOOKS, Entry, accounts, entries, grants, holds, postings
from webapp.ledger.sheet import DueHold, sheet_of

_AT = bindparam("at", type_=entries.c.created_at.type)
_OF_ACCOUNT = bindparam("of_account", type_=BigInteger)
_ACCOUNT = select(*(accounts.c[name] for name in LockedAccount.__dataclass_fields__)).where(
    accounts.c.id == _OF_ACCOUNT
)
_ENTRY_OF_POSTING = and_(entries.c.account_id == postings.c.account_id, entries.c.seq == postings.c.entry_seq)
_GRANT_OF_POSTING = and_(grants.c.account_id == postings.c.account_id, grants.c.seq == postings.c.grant_seq)
_IN_BOOK = {
    book: cast(
        func.sum(
            case(
                (postings.c.to_book == book, postings.c.credits),
                (postings.c.from_book == book, -postings.c.credits),
                else_=0,
            )
        ),
        BigInteger,
    )
    for book in BOOKS
}
_FACTS = (grants.c.seq, grants.c.kind, grants.c.priority, grants.c.granted, grants.c.expires_at, grants.c.source_kind)
_LOTS = (
    select(*_FACTS, *(in_book.label(f"in_{book}") for book, in_book in _IN_BOOK.items()))
    .select_from(postings.join(entries, _ENTRY_OF_POSTING).join(grants, _GRANT_OF_POSTING))
    .where(postings.c.account_id == _OF_ACCOUNT, entries.c.created_at <= _AT)
    .group_by(*_FACTS)
)
_CLOSING = aliased(Entry)
# The holds that were open at the instant although their time had passed.
_DUE_HOLDS = (
    select(holds.c.seq, holds.c.expires_at, postings.c.grant_seq, postings.c.credits)
    .join_from(holds, postings, and_(postings.c.account_id == holds.c.account_id, postings.c.entry_seq == holds.c.seq))
    .where(
        holds.c.account_id == _OF_ACCOUNT,
        holds.c.created_at <= _AT,
        holds.c.expires_at <= _AT,
        postings.c.to_book == "held",
        ~exists().where(
            _CLOSING.account_id == holds.c.account_id, _CLOSING.hold_seq == holds.c.seq, _CLOSING.created_at <= _AT
        ),
    )
)


def balance_as_of(session: Session, account_id: int, *, at: dt.datetime) -> Balance:
    """What `balance` answered, or would have answered, for the account at the instant `at`.

    Entries count from their writing on, expiries from their instant on. Take-backs that a hold's end lets through
    count when they are written. Raises InvalidRequest for a time without a zone, UnknownAccount.
    """
    check_zone(at)
    given = {"of_account": possible_id(account_id), "at": at}
    row = session.execute(_ACCOUNT, {"of_account": account_id}).one_or_none()
    if row is None:
        raise unknown_account(account_id)
    lots = [_lot(*facts) for facts in session.execute(_LOTS, given)]
    in_books = {book: sum(getattr(lot, book) for lot in lots) for book in ("available", "held", "frozen", "owed")}
    then = replace(
        LockedAccount(*row),
        available=in_books["available"],
        held=in_books["held"],
        frozen=in_books["frozen"],
        debt=-in_books["owed"],
    )
    sheet = sheet_of(then, lots, _due_holds(session, given))
    sheet.settle_due(at)
    return balance_on(
        sheet,
        total_purchased=sum(lot.granted for lot in lots if lot.kind == "purchased" and lot.source[0] != OWN_SOURCE),
        total_used=sum(lot.spent for lot in lots),
    )


def _lot(
    seq: int, kind: str, priority: int, granted: int, expires_at: dt.datetime, source_kind: str, *in_books: int
) -> Lot:
    source = (source_kind, "")
    lot = Lot(grant=seq, kind=kind, priority=priority, granted=granted, expires_at=expires_at, source=source)
    for book, has in zip(BOOKS, in_books, strict=True):
        setattr(lot, book, has)
    return lot


def _due_holds(session: Session, given: dict[str, object]) -> list[DueHold]:
    held: dict[tuple[int, dt.datetime], list[tuple[int, int]]] = defaultdict(list)
    for seq, ends_at, grant, has in session.execute(_DUE_HOLDS, given):
        held[seq, ends_at].append((grant, has))
    return [DueHold(seq, ends_at, tuple(shares)) for (seq, ends_at), shares in held.items()]
