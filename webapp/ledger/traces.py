"""Tracing entries to the grants behind them: which lots an entry touched, and what it did to a debt. Read only."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from webapp.ledger.lots import BURN_ORDER
from webapp.ledger.models import entries, entry_details, grants, postings
from webapp.ledger.reading import tells
from webapp.orm import NEVER


@dataclass(frozen=True, slots=True)
class TracedLot:
    """Credits that an entry moved in a lot, with the grant it is of. `expires_at` is None if it never does."""

    grant: int
    kind: str
    credits: int
    description: str
    granted_at: dt.datetime
    expires_at: dt.datetime | None
    source_kind: str
    source_id: str


@dataclass(slots=True)
class Trace:
    """The lots of an entry in burn order; `paid_debt` of its credits went to a debt, `made_debt` were taken as one."""

    lots: list[TracedLot] = field(default_factory=list)
    paid_debt: int = 0
    made_debt: int = 0


_POSTINGS = (
    select(
        postings.c.entry_seq,
        entries.c.kind.label("entry_kind"),
        postings.c.from_book,
        postings.c.to_book,
        postings.c.grant_seq,
        grants.c.kind,
        postings.c.credits,
        func.coalesce(entry_details.c.description, ""),
        grants.c.created_at,
        grants.c.expires_at,
        grants.c.source_kind,
        grants.c.source_id,
    )
    .select_from(
        postings.join(
            entries, and_(entries.c.account_id == postings.c.account_id, entries.c.seq == postings.c.entry_seq)
        )
        .join(grants, and_(grants.c.account_id == postings.c.account_id, grants.c.seq == postings.c.grant_seq))
        .outerjoin(
            entry_details,
            and_(entry_details.c.account_id == postings.c.account_id, entry_details.c.seq == postings.c.grant_seq),
        )
    )
    .where(
        postings.c.account_id == bindparam("of_account"),
        postings.c.entry_seq.in_(bindparam("of_entries", expanding=True)),
    )
    .order_by(*BURN_ORDER, postings.c.from_book)
)


def traces(session: Session, account_id: int, entry_seqs: Collection[int]) -> dict[int, Trace]:
    """The traces of some of the account's entries: one query."""
    found: dict[int, Trace] = defaultdict(Trace)
    rows = session.execute(_POSTINGS, {"of_account": account_id, "of_entries": list(entry_seqs)})
    for entry_seq, entry_kind, from_book, to_book, *lot in rows:
        trace = found[entry_seq]
        if tells(entry_kind, from_book, to_book):
            _add(trace, _lot(*lot))
        trace.paid_debt += lot[2] * ((from_book, to_book) == ("available", "owed"))
        trace.made_debt += lot[2] * ((from_book, to_book) == ("owed", "voided"))
    return found


def _lot(grant: int, kind: str, credits: int, *facts: Any) -> TracedLot:
    description, granted_at, expires_at, source_kind, source_id = facts
    ends_at = None if expires_at == NEVER else expires_at
    return TracedLot(grant, kind, credits, description, granted_at, ends_at, source_kind, source_id)


def _add(trace: Trace, lot: TracedLot) -> None:
    """One line for each lot: a capture may take held and available credits of it."""
    for place, other in enumerate(trace.lots):
        if other.grant == lot.grant:
            trace.lots[place] = replace(lot, credits=lot.credits + other.credits)
            return
    trace.lots.append(lot)
