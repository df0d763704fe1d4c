"""Watches what is sent to PostgreSQL: whoever locks several accounts in one transaction must do so in the order of ids.

Two transactions that lock the same accounts in opposite orders wait for each other until the database ends one.
SQLite has one writer at a time, so there is nothing to watch there.
"""

import json
import re
from typing import Any, Self

from sqlalchemy import Connection, Engine, event

# A row lock taken by a query, or by changing the row.
LOCKS = re.compile(r"FROM accounts\b.*\bFOR (NO KEY )?UPDATE|^\s*UPDATE accounts\b", re.DOTALL)
ONE_ID = re.compile(r"WHERE (?:accounts\.)?id = %\((\w+)\)s")
IN_ORDER = re.compile(r"ORDER BY accounts\.id (ASC )?FOR ")

# The functions of the hot path lock the accounts of their lines, which they are given as JSON.
FUNCTION = re.compile(r"FROM spend_lines?\(")


class LockOrder:
    """Every account lock that went out of order, and how many locks were seen."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.seen = 0
        self._locked: dict[Connection, set[int]] = {}

    def __enter__(self) -> Self:
        event.listen(Engine, "before_cursor_execute", self._note)
        for end in ("commit", "rollback"):
            event.listen(Engine, end, self._forget)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._note)
        for end in ("commit", "rollback"):
            event.remove(Engine, end, self._forget)

    def _note(
        self, connection: Connection, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool
    ) -> None:
        if connection.dialect.name != "postgresql":
            return
        if FUNCTION.search(statement):
            lines = json.loads(given[0])
            accounts = {line["account_id"] for line in ([lines] if isinstance(lines, dict) else lines)}
            for account_id in sorted(accounts):  # the function locks them in this order
                self._locks(connection, account_id, statement)
        if not LOCKS.search(statement):
            return
        for row in given if isinstance(given, list | tuple) else [given]:
            self._lock(connection, statement, row)

    def _lock(self, connection: Connection, statement: str, row: dict[str, Any]) -> None:
        found = ONE_ID.search(statement)
        if found is not None:
            self._locks(connection, row[found.group(1)], statement)
            return
        self.seen += 1
        if not IN_ORDER.search(statement):
            self.faults.append(f"locks several accounts in no order: {statement}")

    def _locks(self, connection: Connection, account_id: int, statement: str) -> None:
        self.seen += 1
        locked = self._locked.setdefault(connection, set())
        if account_id not in locked and account_id < max(locked, default=0):
            self.faults.append(f"locks account {account_id} after {max(locked)}: {statement}")
        locked.add(account_id)

    def _forget(self, connection: Connection) -> None:
        self._locked.pop(connection, None)
