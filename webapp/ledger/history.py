"""The history of an account: its entries, newest first, in pages by key. Read only."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, TextClause, and_, exists, text
from sqlalchemy.orm import Session

from webapp.ledger.checks import OWN_SOURCE
from webapp.ledger.errors import InvalidRequest
from webapp.ledger.facts import EntryFacts
from webapp.ledger.models import RARE, entries, grants
from webapp.ledger.reading import read_entries

MAX_PAGE_ENTRIES = 100

# Every kind of entry is told under one type besides `transactions`, which are all.
# A grant is told under `purchases` or `grants`, by its own kind.
TYPES = {
    "transactions": (),
    "purchases": ("grant",),
    "grants": ("grant",),
    "usage": ("spend", "hold", "release", "capture", "reverse"),
    "refunds": ("takeback", "giveback", "void", "freeze", "unfreeze"),
    "expired": ("expire",),
}
_RARE_TYPES = ("purchases", "grants", "refunds", "expired")
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
    """Entries, newest first; `next_before_seq` asks for the older ones and is None when there are none."""

    entries: tuple[EntryFacts, ...]
    next_before_seq: int | None


def history(
    session: Session,
    account_id: int,
    *,
    type: str = "transactions",
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    before_seq: int | None = None,
    limit: int = 25,
    now: dt.datetime,  # noqa: ARG001  # every read of the ledger is asked with its instant
) -> HistoryPage:
    """A page of the account's entries, at most 100: two queries, however many there are.

    `type` is transactions (all), purchases, usage, grants (all but purchases), refunds (disputes and what an operator
    took back too) or expired. `since` (included) and `until` (excluded) compare with the time of writing, along which
    the balance runs. `before_seq` continues a page. Raises InvalidRequest.
    """
    if type not in TYPES:
        raise InvalidRequest(f"The type must be one of {', '.join(TYPES)}.")
    if limit < 1:
        raise InvalidRequest("A page has at least one entry.")
    limit = min(limit, MAX_PAGE_ENTRIES)
    conditions = [*_of_type(type), *_between(since, until)]
    if before_seq is not None:
        conditions.append(entries.c.seq < _position(before_seq))
    found = read_entries(session, account_id, *conditions, limit=limit + 1)
    page = found[:limit]
    return HistoryPage(page, page[-1].seq if len(found) > limit else None)


def entry(session: Session, account_id: int, seq: int) -> EntryFacts | None:
    """The account's entry with this number, or None."""
    found = read_entries(session, account_id, entries.c.seq == _position(seq), limit=1)
    return found[0] if found else None


def _of_type(type: str) -> list[ColumnElement[bool] | TextClause]:
    conditions: list[ColumnElement[bool] | TextClause] = []
    if TYPES[type]:
        conditions.append(entries.c.kind.in_(TYPES[type]))
    if type in _RARE_TYPES:
        conditions.append(text(f"entries.{RARE}"))
    if type == "purchases":
        conditions.append(_IS_PURCHASE)
    if type == "grants":
        conditions.append(~_IS_PURCHASE)
    return conditions


def _between(since: dt.datetime | None, until: dt.datetime | None) -> list[ColumnElement[bool]]:
    if any(moment is not None and moment.tzinfo is None for moment in (since, until)):
        raise InvalidRequest("A time must say its zone.")
    conditions = []
    if since is not None:
        conditions.append(entries.c.created_at >= since)
    if until is not None:
        conditions.append(entries.c.created_at < until)
    return conditions


def _position(seq: int) -> int:
    if not 0 <= seq < 2**63:
        raise InvalidRequest("There is no such place in the history.")
    return seq
