"""Searching the history for words: what stands in entries, and what pages call them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from webapp.ledger.models import entries, entry_details, grants

# A search looks through this many entries at once, however long the history is; the next request goes on from there.
SEARCHED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: a text in descriptions, or entries that are called by it.

    `meters`, `kinds` (of entries), `grant_kinds` and `source_ids` are those whose names have the text in them;
    `bare_kinds` name entries only that have neither description nor meter.
    """

    text: str
    meters: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    bare_kinds: tuple[str, ...] = ()
    grant_kinds: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """Some entries in a row that are looked through: `looked` of them, down to number `floor`, written at `back_to`."""

    floor: int
    looked: int
    back_to: dt.datetime | None


def window_of(session: Session, account_id: int, conditions: Sequence[Any], *, size: int) -> Window:
    """The newest `size` of the account's entries that meet the conditions, or all of them if there are fewer."""
    newest = (
        select(entries.c.seq, entries.c.created_at)
        .where(entries.c.account_id == account_id, *conditions)
        .order_by(entries.c.seq.desc())
        .limit(size)
        .subquery()
    )
    found = session.execute(select(func.min(newest.c.seq), func.count(), func.min(newest.c.created_at)))
    floor, looked, back_to = found.one()
    return Window(floor or 0, looked, back_to)


def found_by(search: Search) -> ColumnElement[bool]:
    """Whether an entry, outer joined with its details, is one of those looked for. Letters may be large or small."""
    description = func.coalesce(entry_details.c.description, "")
    ways = [func.lower(description).contains(search.text.lower(), autoescape=True)]
    if search.meters:
        ways.append(entries.c.meter.in_(search.meters))
    if search.kinds:
        ways.append(entries.c.kind.in_(search.kinds))
    if search.bare_kinds:
        is_bare = and_(description == "", entries.c.meter == "")
        ways.append(and_(entries.c.kind.in_(search.bare_kinds), is_bare))
    if search.source_ids:
        ways.append(entries.c.source_id.in_(search.source_ids))
    if search.grant_kinds:
        ways.append(and_(entries.c.kind == "grant", _grants(search.grant_kinds)))
    return or_(*ways)


def _grants(kinds: tuple[str, ...]) -> ColumnElement[bool]:
    of_entry = and_(grants.c.account_id == entries.c.account_id, grants.c.seq == entries.c.seq)
    return exists().where(of_entry, grants.c.kind.in_(kinds))
