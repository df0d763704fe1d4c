"""The history of an account: its entries, newest first, in pages by key. Read only."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, TextClause, and_, exists, text
from sqlalchemy.orm import Session

from webapp.ledger.checks import OWN_SOURCE
from webapp.ledger.errors import InvalidRequest
from webapp.ledger.facts import EntryFacts
from webapp.ledger.models import ENDS, GIVES, IS_EXPIRY, IS_GRANT, IS_TAKEBACK, TAKES_BACK, entries, grants
from webapp.ledger.reading import read_entries
from webapp.ledger.searching import SEARCHED_AT_ONCE, Search, found_by, window_of
from webapp.ledger.spans import written_between

MAX_PAGE_ENTRIES = 100
Conditions = list[ColumnElement[bool] | TextClause]

# Every kind of entry is told under one type besides `transactions`, which are all.
# A grant is told under `purchases` or `grants`, by its own kind.
TYPES = {
    "transactions": (),
    "purchases": GIVES,
    "grants": GIVES,
    "usage": ("spend", "hold", "release", "capture", "reverse"),
    "refunds": TAKES_BACK,
    "expired": ENDS,
}
# Word for word the conditions of the indexes that are made for them.
INDEXED = {"purchases": IS_GRANT, "grants": IS_GRANT, "refunds": IS_TAKEBACK, "expired": IS_EXPIRY}
_IS_PURCHASE = exists().where(
    and_(
        grants.c.account_id == entries.c.account_id,
        grants.c.seq == entries.c.seq,
        grants.c.kind == "purchased",
        grants.c.source_kind != OWN_SOURCE,  # what a reverse grants anew was bought before
    )
)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries, newest first; `next_before_seq` asks for the older ones and is None when there are none.

    `looked_back_to` is told by a search that has not looked through everything: what is older is still to be searched.
    """

    entries: tuple[EntryFacts, ...]
    next_before_seq: int | None
    looked_back_to: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries of one stretch of a walk, newest first: those found among the `looked` that were looked through."""

    entries: tuple[EntryFacts, ...]
    looked: int
    next_before_seq: int | None


def history(
    session: Session,
    account_id: int,
    *,
    type: str = "transactions",
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    search: Search | None = None,
    before_seq: int | None = None,
    limit: int = 25,
    now: dt.datetime,  # noqa: ARG001  # every read of the ledger is asked with its instant
) -> HistoryPage:
    """A page of the account's entries, at most 100: two queries, one more for each other filter; at any length.

    `type` is transactions (all), purchases, usage, grants (all but purchases), refunds (disputes and what an operator
    took back too) or expired. `since` (included) and `until` (excluded) compare with the time of writing, along which
    the balance runs. A `search` looks through a bounded number of entries. `before_seq` continues a page. Raises
    InvalidRequest.
    """
    if limit < 1:
        raise InvalidRequest("A page has at least one entry.")
    limit = min(limit, MAX_PAGE_ENTRIES)
    conditions = conditions_of(session, account_id, type=type, since=since, until=until, before_seq=before_seq)
    if search is not None:
        return _searched(session, account_id, conditions, search, limit=limit)
    found = read_entries(session, account_id, *conditions, limit=limit + 1)
    page = found[:limit]
    return HistoryPage(page, page[-1].seq if len(found) > limit else None)


def stretch(
    session: Session,
    account_id: int,
    *,
    type: str = "transactions",
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    search: Search | None = None,
    before_seq: int,
    size: int,
) -> Stretch:
    """The next `size` entries of a walk through the whole history, older than `before_seq`; of a search, those found.

    For exports: each stretch may be read in a transaction of its own. Raises InvalidRequest.
    """
    conditions = conditions_of(session, account_id, type=type, since=since, until=until, before_seq=before_seq)
    window = window_of(session, account_id, conditions, size=size)
    if not window.looked:
        return Stretch((), 0, None)
    conditions += [entries.c.seq >= window.floor, *_found_by(search)]
    found = read_entries(session, account_id, *conditions, limit=size)
    return Stretch(found, window.looked, window.floor if window.looked == size else None)


def entry(session: Session, account_id: int, seq: int) -> EntryFacts | None:
    """The account's entry with this number, or None."""
    found = read_entries(session, account_id, entries.c.seq == _position(seq), limit=1)
    return found[0] if found else None


def conditions_of(
    session: Session,
    account_id: int,
    *,
    type: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
    before_seq: int | None,
) -> Conditions:
    """What holds for the entries that a filter means, search aside. Raises InvalidRequest."""
    if type not in TYPES:
        raise InvalidRequest(f"The type must be one of {', '.join(TYPES)}.")
    conditions = [*_of_type(type), *written_between(session, account_id, since, until)]
    if before_seq is not None:
        conditions.append(entries.c.seq < _position(before_seq))
    return conditions


def _searched(session: Session, account_id: int, conditions: Conditions, search: Search, *, limit: int) -> HistoryPage:
    window = window_of(session, account_id, conditions, size=SEARCHED_AT_ONCE)
    conditions = [*conditions, entries.c.seq >= window.floor, found_by(search)]
    found = read_entries(session, account_id, *conditions, limit=limit + 1)
    page = found[:limit]
    if len(found) > limit:
        return HistoryPage(page, page[-1].seq)
    if window.looked < SEARCHED_AT_ONCE:
        return HistoryPage(page, None)
    return HistoryPage(page, window.floor, looked_back_to=window.back_to)


def _found_by(search: Search | None) -> Sequence[ColumnElement[bool]]:
    return () if search is None else (found_by(search),)


def _of_type(type: str) -> Conditions:
    conditions: Conditions = []
    if type in INDEXED:
        conditions.append(text(f"entries.{INDEXED[type]}"))
    elif TYPES[type]:
        conditions.append(entries.c.kind.in_(TYPES[type]))
    if type == "purchases":
        conditions.append(_IS_PURCHASE)
    if type == "grants":
        conditions.append(~_IS_PURCHASE)
    return conditions


def _position(seq: int) -> int:
    if not 0 <= seq < 2**63:
        raise InvalidRequest("There is no such place in the history.")
    return seq
