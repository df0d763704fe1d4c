"""The one place that writes: what stands on a sheet goes into the tables, all of it at once.

Entries with their postings, lots, holds, usage, windows of limits and the account's cached balance. The caller holds
the account's lock.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Executable, bindparam, insert, update
from sqlalchemy.orm import Session

from webapp.ledger.drafts import Draft
from webapp.ledger.facts import EntryFacts, HoldFacts, LotTouched, Posted
from webapp.ledger.limits.counting import change_windows
from webapp.ledger.models import BOOKS, accounts, entries, entry_details, grants, holds, postings
from webapp.ledger.reading import merged, tells
from webapp.ledger.sheet import LEFT_BOOKS, Line, Sheet
from webapp.ledger.usage import Usage, count_usage

_INSERT_ENTRIES = insert(entries)
_INSERT_DETAILS = insert(entry_details)
_INSERT_GRANTS = insert(grants)
_INSERT_POSTINGS = insert(postings)
_INSERT_HOLDS = insert(holds)
_CACHED = (*LEFT_BOOKS, "debt", "seq")
_CHANGE_ACCOUNT = (
    update(accounts)
    .where(accounts.c.id == bindparam("of_account"))
    .values({name: bindparam(f"new_{name}") for name in _CACHED} | {"has_changed": True})
)
_LOT_VALUES = (*BOOKS, "voided_by_operator", "is_used_up")
_CHANGE_LOT = (
    update(grants)
    .where(grants.c.account_id == bindparam("of_account"), grants.c.seq == bindparam("of_grant"))
    .values({name: bindparam(f"new_{name}") for name in _LOT_VALUES})
)
_CLOSE_HOLD = (
    update(holds)
    .where(holds.c.account_id == bindparam("of_account"), holds.c.seq == bindparam("of_hold"))
    .values(state=bindparam("new_state"), captured=bindparam("new_captured"))
)

Row = dict[str, Any]


def write(session: Session, sheets: Iterable[Sheet], *, now: dt.datetime) -> None:
    """Write the lines of the sheets, and what they made of the accounts' lots and numbers."""
    written = [sheet for sheet in sheets if sheet.lines]
    for sheet in written:
        sheet.end_operation()
    lines = [(sheet.account.id, line) for sheet in written for line in sheet.lines]
    _run(session, _INSERT_ENTRIES, [_entry_row(account_id, line, now) for account_id, line in lines])
    _run(session, _INSERT_DETAILS, _details_rows(lines))
    _run(session, _INSERT_GRANTS, [row for sheet in written for row in _new_lot_rows(sheet, now)])
    _run(session, _INSERT_POSTINGS, _posting_rows(lines))
    _run(session, _CHANGE_LOT, [row for sheet in written for row in _changed_lot_rows(sheet)])
    _run(session, _INSERT_HOLDS, _new_hold_rows(lines, now))
    _run(session, _CLOSE_HOLD, _closed_hold_rows(lines))
    _run(session, _CHANGE_ACCOUNT, [_account_row(sheet) for sheet in written])
    for sheet in written:
        change_windows(session, sheet)
    count_usage(session, (use for account_id, line in lines for use in _uses(account_id, line.draft)))


def answer(line: Line, *, now: dt.datetime) -> Posted:
    """What the operation that posted this line answers."""
    hold = line.draft.hold
    facts = None if hold is None else HoldFacts(hold.seq, hold.credits, hold.captured, hold.state, hold.expires_at)
    return Posted(entry_of(line, now=now), line.available_after, line.held_after, replayed=False, hold=facts)


def entry_of(line: Line, *, now: dt.datetime) -> EntryFacts:
    """The line as an entry that was just written."""
    draft = line.draft
    touched = (
        LotTouched(move.grant, move.kind, move.credits)
        for move in draft.moves
        if tells(draft.kind, move.from_book, move.to_book)
    )
    return EntryFacts(
        seq=line.seq,
        kind=draft.kind,
        credits=draft.credits,
        balance_after=line.balance_after,
        description=draft.description,
        details=draft.details,
        meter=draft.meter,
        quantity=draft.quantity,
        lots=merged(touched),
        occurred_at=draft.occurred_at.astimezone(dt.UTC),
        created_at=now.astimezone(dt.UTC),
        reverses_seq=draft.reverses_seq,
        hold_seq=_closes(line),
        source_kind=draft.source_kind,
        source_id=draft.source_id,
    )


def _run(session: Session, statement: Executable, rows: Sequence[Row]) -> None:
    if rows:
        session.execute(statement, rows)


def _closes(line: Line) -> int | None:
    """The hold that the line captures or releases, if any."""
    hold = line.draft.hold
    return None if hold is None or hold.state == "open" else hold.seq


def _entry_row(account_id: int, line: Line, now: dt.datetime) -> Row:
    draft = line.draft
    return {
        "account_id": account_id,
        "seq": line.seq,
        "kind": draft.kind,
        "credits": draft.credits,
        "balance_after": line.balance_after,
        "available_after": line.available_after,
        "held_after": line.held_after,
        "meter": draft.meter,
        "quantity": draft.quantity,
        "key_id": draft.key_id,
        "used_on": draft.used_on,
        "reverses_seq": draft.reverses_seq,
        "hold_seq": _closes(line),
        "source_kind": draft.source_kind,
        "source_id": draft.source_id,
        "actor_kind": draft.actor_kind,
        "key": draft.key,
        "fingerprint": draft.fingerprint,
        "occurred_at": draft.occurred_at,
        "created_at": now,
    }


def _details_rows(lines: Iterable[tuple[int, Line]]) -> list[Row]:
    return [
        {
            "account_id": account_id,
            "seq": line.seq,
            "description": line.draft.description,
            "details": line.draft.details,
        }
        for account_id, line in lines
        if line.draft.description or line.draft.details is not None
    ]


def _new_lot_rows(sheet: Sheet, now: dt.datetime) -> Iterator[Row]:
    for seq in sheet.made:
        lot = sheet.lots[seq]
        yield {
            "account_id": sheet.account.id,
            "seq": seq,
            "kind": lot.kind,
            "priority": lot.priority,
            "granted": lot.granted,
            "expires_at": lot.expires_at,
            "source_kind": lot.source[0],
            "source_id": lot.source[1],
            "created_at": now,
            **{name: getattr(lot, name) for name in _LOT_VALUES},
        }


def _posting_rows(lines: Iterable[tuple[int, Line]]) -> list[Row]:
    return [
        {
            "account_id": account_id,
            "entry_seq": line.seq,
            "grant_seq": move.grant,
            "from_book": move.from_book,
            "to_book": move.to_book,
            "credits": move.credits,
        }
        for account_id, line in lines
        for move in line.draft.moves
    ]


def _changed_lot_rows(sheet: Sheet) -> list[Row]:
    """The lots that are stored already, with what is in their books now: nobody else writes them under the lock."""
    return [
        {"of_account": sheet.account.id, "of_grant": seq}
        | {f"new_{name}": getattr(sheet.lots[seq], name) for name in _LOT_VALUES}
        for seq in sorted(sheet.changed - sheet.made)
    ]


def _new_hold_rows(lines: Iterable[tuple[int, Line]], now: dt.datetime) -> list[Row]:
    return [
        {
            "account_id": account_id,
            "seq": hold.seq,
            "credits": hold.credits,
            "captured": 0,
            "state": "open",
            "expires_at": hold.expires_at,
            "created_at": now,
        }
        for account_id, line in lines
        if (hold := line.draft.hold) is not None and hold.state == "open"
    ]


def _closed_hold_rows(lines: Iterable[tuple[int, Line]]) -> list[Row]:
    return [
        {"of_account": account_id, "of_hold": hold.seq, "new_state": hold.state, "new_captured": hold.captured}
        for account_id, line in lines
        if (hold := line.draft.hold) is not None and hold.state != "open"
    ]


def _account_row(sheet: Sheet) -> Row:
    return {"of_account": sheet.account.id} | {f"new_{name}": getattr(sheet, name) for name in _CACHED}


def _uses(account_id: int, draft: Draft) -> Iterator[Usage]:
    if draft.used_on is None:
        return
    counted = draft.kind != "reverse"
    for number, (grant_kind, used) in enumerate(_used_by_kind(draft).items()):
        count = int(counted and number == 0)
        yield Usage(account_id, draft.used_on, draft.meter, draft.key_id, grant_kind, used, count)


def _used_by_kind(draft: Draft) -> dict[str, int]:
    used: dict[str, int] = defaultdict(int)
    for move in draft.moves:
        if "spent" in {move.from_book, move.to_book}:
            used[move.kind] += move.credits if move.to_book == "spent" else -move.credits
    return used
