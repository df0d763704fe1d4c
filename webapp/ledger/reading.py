"""Reading entries with the lots they touched (two queries, however many entries), and holds."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, TextClause, and_, bindparam, func, select, text
from sqlalchemy.orm import Session

from webapp.ledger.facts import EntryFacts, HoldFacts, LotTouched
from webapp.ledger.lots import BURN_ORDER
from webapp.ledger.models import entries, entry_details, grants, holds, postings

# The postings that make an entry what it is. Others in it (a hold's rest that goes back, credits that pay a debt)
# don't change the balance and are not told as lots touched.
_TOLD_FROM = {"grant": "issued", "reverse": "spent", "release": "held", "giveback": "voided", "unfreeze": "frozen"}
_TOLD_TO = {
    "spend": "spent",
    "capture": "spent",
    "hold": "held",
    "expire": "expired",
    "void": "voided",
    "takeback": "voided",
    "freeze": "frozen",
}

_ENTRIES = select(
    entries.c.seq,
    entries.c.kind,
    entries.c.credits,
    entries.c.balance_after,
    func.coalesce(entry_details.c.description, "").label("description"),
    entry_details.c.details,
    entries.c.meter,
    entries.c.quantity,
    entries.c.occurred_at,
    entries.c.created_at,
    entries.c.reverses_seq,
    entries.c.hold_seq,
    entries.c.source_kind,
    entries.c.source_id,
).select_from(
    entries.outerjoin(
        entry_details,
        and_(entry_details.c.account_id == entries.c.account_id, entry_details.c.seq == entries.c.seq),
    )
)

_POSTINGS = (
    select(
        postings.c.entry_seq,
        postings.c.grant_seq,
        grants.c.kind,
        postings.c.from_book,
        postings.c.to_book,
        postings.c.credits,
    )
    .join_from(
        postings,
        grants,
        and_(grants.c.account_id == postings.c.account_id, grants.c.seq == postings.c.grant_seq),
    )
    .order_by(*BURN_ORDER)
)

_HOLD = select(*(holds.c[name] for name in HoldFacts.__dataclass_fields__)).where(
    holds.c.account_id == bindparam("of_account"), holds.c.seq == bindparam("of_hold")
)

_OPEN_HOLDS = (
    select(*(holds.c[name] for name in HoldFacts.__dataclass_fields__))
    .where(
        holds.c.account_id == bindparam("of_account"),
        text("holds.state = 'open'"),
        holds.c.expires_at > bindparam("now", type_=holds.c.expires_at.type),
    )
    .order_by(holds.c.expires_at, holds.c.seq)
    .limit(bindparam("most"))
)

_ACTOR = select(entries.c.actor_kind).where(
    entries.c.account_id == bindparam("of_account"), entries.c.seq == bindparam("of_entry")
)


def read_entries(
    session: Session, account_id: int, *conditions: ColumnElement[bool] | TextClause, limit: int
) -> tuple[EntryFacts, ...]:
    """The account's newest entries that meet the conditions, newest first."""
    chosen = _ENTRIES.where(entries.c.account_id == account_id, *conditions)
    rows = session.execute(chosen.order_by(entries.c.seq.desc()).limit(limit)).mappings().all()
    lots = _lots_touched(session, account_id, {row["seq"]: row["kind"] for row in rows})
    return tuple(EntryFacts(**row, lots=lots[row["seq"]]) for row in rows)


def read_hold(session: Session, account_id: int, seq: int, *, now: dt.datetime) -> HoldFacts | None:
    """The account's hold with this number, or None. One whose time has passed is `expired`, written down or not."""
    row = session.execute(_HOLD, {"of_account": account_id, "of_hold": seq}).one_or_none()
    if row is None:
        return None
    found = HoldFacts(*row)
    return replace(found, state="expired") if found.state == "open" and found.expires_at <= now else found


def open_holds(session: Session, account_id: int, *, now: dt.datetime, limit: int) -> tuple[HoldFacts, ...]:
    """The account's holds that are open at this moment, those that end first first."""
    given = {"of_account": account_id, "now": now, "most": limit}
    return tuple(HoldFacts(*row) for row in session.execute(_OPEN_HOLDS, given))


def actor_of(session: Session, account_id: int, seq: int) -> str | None:
    """Who made the account's entry (or hold) with this number: user, key, system, …; None if there is none."""
    return session.scalar(_ACTOR, {"of_account": account_id, "of_entry": seq})


def tells(kind: str, from_book: str, to_book: str) -> bool:
    """Whether such a posting is what an entry of this kind is about."""
    return _TOLD_FROM.get(kind) == from_book or _TOLD_TO.get(kind) == to_book


def _lots_touched(session: Session, account_id: int, kinds: Mapping[int, str]) -> Mapping[int, tuple[LotTouched, ...]]:
    if not kinds:
        return {}
    chosen = _POSTINGS.where(postings.c.account_id == account_id, postings.c.entry_seq.in_(kinds))
    told: dict[int, list[LotTouched]] = defaultdict(list)
    for entry_seq, grant, kind, from_book, to_book, moved in session.execute(chosen):
        if tells(kinds[entry_seq], from_book, to_book):
            told[entry_seq].append(LotTouched(grant, kind, moved))
    return {seq: merged(told[seq]) for seq in kinds}


def merged(touched: Iterable[LotTouched]) -> tuple[LotTouched, ...]:
    """One line for each lot, in the order of their first mention: a capture may take held and available credits."""
    sums: dict[tuple[int, str], int] = defaultdict(int)
    for lot in touched:
        sums[lot.grant, lot.kind] += lot.credits
    return tuple(LotTouched(grant, kind, moved) for (grant, kind), moved in sums.items())
