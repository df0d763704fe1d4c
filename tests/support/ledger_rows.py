"""A large ledger written straight into the tables, without the application: for checks and measurements at size.

Each account's story is told by a few lines of arithmetic of its own, so that what the application makes of the rows
(balances, pages, `verify`) is compared with something else than itself.
"""

import bisect
import datetime as dt
import random
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Engine, insert

from webapp.ledger.models import Base
from webapp.orm import NEVER, WRITES

STARTS_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BETWEEN_ENTRIES = dt.timedelta(minutes=10)
GRANT_EVERY_ENTRIES = 50
ACCOUNTS_AT_ONCE = 20
METER = "call_minute"
TABLES = ("accounts", "entries", "grants", "postings", "usage_daily")
BOOKS = ("available", "held", "frozen", "spent", "expired", "voided", "owed")

Row = dict[str, Any]
Move = tuple[Row, str, str, int]  # lot, from, to, credits


def fill_ledger(engine: Engine, *, accounts: int, entries_each: int, seed: int = 1) -> list[int]:
    """Write `accounts` new accounts with `entries_each` entries each (grants, spends, expiries); answer their ids."""
    chance = random.Random(seed)
    ids = [chance.randrange(1, 2**53) for _ in range(accounts)]
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        for start in range(0, accounts, ACCOUNTS_AT_ONCE):
            stories = [_Story(account_id, chance) for account_id in ids[start : start + ACCOUNTS_AT_ONCE]]
            for story in stories:
                story.tell(entries_each)
            for table in TABLES:
                _write(connection, table, [row for story in stories for row in story.rows(table)])
    return ids


class _Story:
    """One account's entries, told one by one."""

    def __init__(self, account_id: int, chance: random.Random) -> None:
        self.account_id = account_id
        self.chance = chance
        self.balance = 0
        self.lots: list[Row] = []
        self.open_lots: list[Row] = []  # in burn order
        self.passing: list[Row] = []  # those of them that will expire
        self.entries: list[Row] = []
        self.postings: list[Row] = []
        self.days: dict[tuple[dt.date, str], list[int]] = defaultdict(lambda: [0, 0])

    def tell(self, entries: int) -> None:
        for seq in range(1, entries + 1):
            now = STARTS_AT + BETWEEN_ENTRIES * seq
            kind, moves = self._next(seq, now)
            for lot, source, target, moved in moves:
                self._move(seq, lot, source, target, moved)
            self._enter(seq, kind, moves, now)

    def rows(self, table: str) -> list[Row]:
        if table == "accounts":
            return [self._account()]
        if table == "grants":
            return [lot | {"is_used_up": lot["available"] == 0} for lot in self.lots]
        if table == "usage_daily":
            return [self._day(*key, *numbers) for key, numbers in self.days.items()]
        return list(getattr(self, table))

    def _next(self, seq: int, now: dt.datetime) -> tuple[str, list[Move]]:
        while self.open_lots and not self.open_lots[0]["available"]:
            self.open_lots.pop(0)  # only the first in burn order are ever used up
        self.passing = [lot for lot in self.passing if lot["available"]]
        due = [lot for lot in self.passing if lot["expires_at"] <= now]
        if due:
            first = min(due, key=_burn_order)
            return "expire", [(first, "available", "expired", first["available"])]
        if seq % GRANT_EVERY_ENTRIES == 1 or self.balance < 100:
            lot = self._lot(seq, now)
            self.lots.append(lot)
            bisect.insort(self.open_lots, lot, key=_burn_order)
            if lot["expires_at"] != NEVER:
                self.passing.append(lot)
            return "grant", [(lot, "issued", "available", lot["granted"])]
        return "spend", self._take(self.chance.randint(1, 20))

    def _take(self, wanted: int) -> list[Move]:
        moves: list[Move] = []
        for lot in self.open_lots:
            share = min(wanted, lot["available"])
            if share:
                moves.append((lot, "available", "spent", share))
                wanted -= share
            if not wanted:
                return moves
        raise AssertionError("the story spends what it has")

    def _move(self, seq: int, lot: Row, source: str, target: str, moved: int) -> None:
        if source != "issued":
            lot[source] -= moved
        lot[target] += moved
        self.postings.append(
            {
                "account_id": self.account_id,
                "entry_seq": seq,
                "grant_seq": lot["seq"],
                "from_book": source,
                "to_book": target,
                "credits": moved,
            }
        )

    def _enter(self, seq: int, kind: str, moves: list[Move], now: dt.datetime) -> None:
        moved = sum(move[3] for move in moves)
        change = moved if kind == "grant" else -moved
        self.balance += change
        is_spend = kind == "spend"
        lot = moves[0][0]
        if is_spend:
            for place, (taken_from, _, _, taken) in enumerate(moves):
                day = self.days[now.date(), taken_from["kind"]]
                day[0] += taken
                day[1] += place == 0
        self.entries.append(
            {
                "account_id": self.account_id,
                "seq": seq,
                "kind": kind,
                "credits": change,
                "balance_after": self.balance,
                "available_after": self.balance,
                "held_after": 0,
                "meter": METER if is_spend else "",
                "quantity": 1 if is_spend else None,
                "key_id": 0,
                "used_on": now.date() if is_spend else None,
                "source_kind": lot["source_kind"] if kind == "grant" else "",
                "source_id": lot["source_id"] if kind == "grant" else "",
                "actor_kind": "system",
                "key": f"story:{seq}",
                "fingerprint": "-",
                "occurred_at": now,
                "created_at": now,
            }
        )

    def _lot(self, seq: int, now: dt.datetime) -> Row:
        kind, priority, lasts_days = self.chance.choice(
            [("allowance", 10, 7), ("bonus", 20, 30), ("gift", 20, None), ("purchased", 30, None)]
        )
        granted = self.chance.randint(200, 1000)
        return {
            "account_id": self.account_id,
            "seq": seq,
            "kind": kind,
            "priority": priority,
            "granted": granted,
            **dict.fromkeys(BOOKS, 0),
            "voided_by_operator": 0,
            "expires_at": NEVER if lasts_days is None else now + dt.timedelta(days=lasts_days),
            "source_kind": "story",
            "source_id": str(seq),
            "created_at": now,
        }

    def _day(self, used_on: dt.date, grant_kind: str, used: int, count: int) -> Row:
        return {
            "account_id": self.account_id,
            "used_on": used_on,
            "meter": METER,
            "key_id": 0,
            "grant_kind": grant_kind,
            "credits": used,
            "count": count,
        }

    def _account(self) -> Row:
        return {
            "id": self.account_id,
            "available": self.balance,
            "held": 0,
            "frozen": 0,
            "debt": 0,
            "seq": len(self.entries),
            "time_zone": "UTC",
            "created_at": STARTS_AT,
        }


def _burn_order(lot: Row) -> tuple[int, dt.datetime, int]:
    return lot["priority"], lot["expires_at"], lot["seq"]


def _write(connection: Connection, table: str, rows: list[Row]) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        columns = list(rows[0])
        with (
            connection.connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row([row[column] for column in columns])
    else:
        connection.execute(insert(Base.metadata.tables[table]), rows)
