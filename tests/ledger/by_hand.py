"""Entries written by plain SQL: stories that no operation tells on its own, and to know what SQL may do."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from webapp.orm import UtcDateTime

ENTRY = {
    "seq": 1,
    "kind": "spend",
    "credits": -1,
    "balance_after": 0,
    "available_after": 0,
    "held_after": 0,
    "meter": "",
    "quantity": None,
    "key_id": 0,
    "used_on": None,
    "reverses_seq": None,
    "hold_seq": None,
    "source_kind": "",
    "source_id": "",
    "actor_kind": "system",
    "fingerprint": "-",
}
GRANT = {
    "kind": "purchased",
    "priority": 30,
    "granted": 10,
    "available": 10,
    "held": 0,
    "frozen": 0,
    "spent": 0,
    "expired": 0,
    "voided": 0,
    "owed": 0,
    "voided_by_operator": 0,
    "is_used_up": False,
}


def insert(session: Session, table: str, **row: Any) -> None:
    """Insert one row by plain SQL."""
    columns = ", ".join(row)
    places = ", ".join(f":{column}" for column in row)
    times = [bindparam(column, type_=UtcDateTime()) for column, value in row.items() if isinstance(value, dt.datetime)]
    session.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({places})").bindparams(*times), row)


def insert_entry(session: Session, account_id: int, *, now: dt.datetime, **facts: Any) -> None:
    """Insert one entry, and nothing that belongs to it."""
    row = ENTRY | {"key": f"hand:{facts.get('seq', 1)}", "occurred_at": now, "created_at": now} | facts
    insert(session, "entries", account_id=account_id, **row)


def post(
    session: Session,
    account_id: int,
    kind: str,
    moves: Sequence[tuple[int, str, str, int]],
    *,
    now: dt.datetime,
    **facts: Any,
) -> int:
    """Write an entry with its postings (grant, from, to, credits), the lots' books and the account; its number."""
    books = {book: sum(_change(move, book) for move in moves) for book in ("available", "held", "frozen", "owed")}
    account = session.execute(text("SELECT * FROM accounts WHERE id = :id"), {"id": account_id}).mappings().one()
    after = {book: account[book] + books[book] for book in ("available", "held", "frozen")}
    after |= {"debt": account["debt"] - books["owed"], "seq": account["seq"] + 1}
    row = {
        "seq": after["seq"],
        "kind": kind,
        "credits": sum(books.values()),
        "balance_after": after["available"] + after["held"] + after["frozen"] - after["debt"],
        "available_after": after["available"],
        "held_after": after["held"],
    }
    insert_entry(session, account_id, now=now, **row | facts)
    for grant, source, target, moved in moves:
        insert(
            session,
            "postings",
            account_id=account_id,
            entry_seq=after["seq"],
            grant_seq=grant,
            from_book=source,
            to_book=target,
            credits=moved,
        )
    for grant in {move[0] for move in moves}:
        _change_lot(session, account_id, grant, kind, [move for move in moves if move[0] == grant])
    session.execute(
        text(
            "UPDATE accounts SET available = :available, held = :held, frozen = :frozen, debt = :debt, seq = :seq "
            "WHERE id = :id"
        ),
        after | {"id": account_id},
    )
    return after["seq"]


def _change(move: tuple[int, str, str, int], book: str) -> int:
    _, source, target, moved = move
    return moved * ((target == book) - (source == book))


def _change_lot(
    session: Session, account_id: int, grant: int, kind: str, moves: list[tuple[int, str, str, int]]
) -> None:
    books = ("available", "held", "frozen", "spent", "expired", "voided", "owed")
    changes = {book: sum(_change(move, book) for move in moves) for book in books}
    left = " + ".join(f"{book} + :{book}" for book in books[:3])
    sets = ", ".join(f"{book} = {book} + :{book}" for book in books)
    session.execute(
        text(f"UPDATE grants SET {sets}, is_used_up = ({left} = 0) WHERE account_id = :id AND seq = :seq"),
        changes | {"id": account_id, "seq": grant},
    )
    if kind == "void":
        session.execute(
            text("UPDATE grants SET voided_by_operator = voided WHERE account_id = :id AND seq = :seq"),
            {"id": account_id, "seq": grant},
        )
