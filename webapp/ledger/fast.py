"""The hot path on PostgreSQL: plain spends written by a function in the database, in one round trip.

The functions are made by migration 0006. They lock the accounts, write exactly what `write` would, and leave alone
whatever is not plain: that is for the portable form, which is the reference and runs in the same transaction.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.orm import Session

from webapp.ledger.accounts import is_possible_id
from webapp.ledger.drafts import Draft, Move
from webapp.ledger.facts import Posted
from webapp.ledger.sheet import Line
from webapp.ledger.usage import day_of
from webapp.ledger.writing import answer

_SPEND_ONE = "SELECT * FROM spend_line(%s::json, %s::timestamptz)"
_SPEND_MANY = "SELECT * FROM spend_lines(%s::json, %s::timestamptz)"
MAX_ZONES = 50_000

# Time zones of accounts as last told. Python's rules decide the day of use, so the function is handed the day, with
# the zone it was decided in; it compares that zone under the lock, so a guess that is wrong costs a second call only.
_zones: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """A spend as asked for: its place among the lines, and its entry without moves."""

    place: int
    account_id: int
    credits: int
    draft: Draft


def spent_plainly(session: Session, asked: Sequence[Asked], *, now: dt.datetime) -> dict[int, Posted]:
    """Spend what is plain, and answer by place. What is missing in the answer was not touched.

    On PostgreSQL the accounts are locked, in the order of their ids. On SQLite nothing happens.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return {}
    rows = _called(connection, asked, now)
    elsewhere = {row.of_account: row.its_time_zone for row in rows if row.its_time_zone is not None}
    if elsewhere:
        _remember(elsewhere)
        again = [one for one in asked if one.account_id in elsewhere]
        rows = [row for row in rows if row.its_time_zone is None] + _called(connection, again, now)
    return _answers(asked, rows, now)


def _called(connection: Connection, asked: Iterable[Asked], now: dt.datetime) -> list[Row[Any]]:
    lines = [_told(one) for one in asked if is_possible_id(one.account_id)]
    if len(lines) == 1:
        return list(connection.exec_driver_sql(_SPEND_ONE, (json.dumps(lines[0]), now)))
    return list(connection.exec_driver_sql(_SPEND_MANY, (json.dumps(lines), now))) if lines else []


def _told(one: Asked) -> dict[str, Any]:
    draft = one.draft
    time_zone = _zones.get(one.account_id, "UTC")
    return {
        "place": one.place,
        "account_id": one.account_id,
        "time_zone": time_zone,
        "credits": one.credits,
        "key": draft.key,
        "fingerprint": draft.fingerprint,
        "description": draft.description,
        # As a text of its own: PostgreSQL takes no NUL in JSON that it has to read, only in JSON that it stores.
        "details": None if draft.details is None else json.dumps(draft.details),
        "meter": draft.meter,
        "quantity": draft.quantity,
        "key_id": draft.key_id,
        "used_on": day_of(draft.occurred_at, time_zone).isoformat(),
        "actor_kind": draft.actor_kind,
        "occurred_at": draft.occurred_at.astimezone(dt.UTC).isoformat(),
    }


def _remember(zones: dict[int, str]) -> None:
    if len(_zones) + len(zones) > MAX_ZONES:
        _zones.clear()
    _zones.update(zones)


def _answers(asked: Iterable[Asked], rows: Iterable[Row[Any]], now: dt.datetime) -> dict[int, Posted]:
    """The answer to each line that has rows: one for each lot that paid, in burn order."""
    drafts = {one.place: one.draft for one in asked}
    lots: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        if row.line_place is not None:
            lots[row.line_place].append(row)
    return {place: _answer(drafts[place], paid, now) for place, paid in lots.items()}


def _answer(draft: Draft, paid: Sequence[Row[Any]], now: dt.datetime) -> Posted:
    moves = tuple(Move(row.lot_seq, row.lot_kind, "available", "spent", row.lot_credits) for row in paid)
    first = paid[0]
    line = Line(replace(draft, moves=moves), first.entry_seq, first.balance_left, first.available_left, first.held_left)
    return answer(line, now=now)
