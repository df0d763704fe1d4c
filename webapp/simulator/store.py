"""The simulator's own SQLite file: objects, events, idempotent answers, deliveries, faults to come.

Apart from the application's database, so that no migration and no production system ever has these tables.
Safe for several threads and processes: a connection for each transaction, write-ahead log, and writers that
exclude each other from their first statement. What an object means is known elsewhere.
"""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

Json = dict[str, Any]

LAYOUT = 3
SCHEMA = f"""
CREATE TABLE sim_object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    json TEXT NOT NULL,
    hidden TEXT NOT NULL,
    due_at INTEGER
);
CREATE INDEX sim_object_type ON sim_object (type, seq);
CREATE INDEX sim_object_due ON sim_object (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE sim_event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    object_id TEXT NOT NULL,
    body TEXT NOT NULL,
    is_delivered INTEGER NOT NULL
);
CREATE INDEX sim_event_object ON sim_event (object_id, seq);
CREATE TABLE sim_idempotency (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE TABLE sim_delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL REFERENCES sim_event (id),
    attempt INTEGER NOT NULL,
    retries_left INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    is_held INTEGER NOT NULL,
    manner TEXT NOT NULL,
    done TEXT NOT NULL,
    claimed_until INTEGER,
    ended_at INTEGER,
    status INTEGER,
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sim_delivery_due ON sim_delivery (due_at, turn) WHERE ended_at IS NULL;
CREATE INDEX sim_delivery_event ON sim_delivery (event_id, id);
CREATE TABLE sim_switch (name TEXT PRIMARY KEY);
CREATE TABLE sim_clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ahead_seconds INTEGER NOT NULL CHECK (ahead_seconds >= 0),
    moved_to INTEGER NOT NULL,
    course TEXT NOT NULL
);
CREATE TABLE sim_fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount REAL NOT NULL,
    times_left INTEGER NOT NULL,
    times_met INTEGER NOT NULL DEFAULT 0
);
PRAGMA user_version = {LAYOUT};
"""


class State:
    """The simulated Stripe inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: object) -> Iterator[sqlite3.Row]:
        """Read or write with one statement."""
        return self._connection.execute(sql, values)

    def add(self, item: Json, *, hidden: Json | None = None, due_at: int | None = None) -> Json:
        """Store a new object. `hidden` is what Stripe knows and does not show; `due_at` when it changes by itself."""
        created = item["created"] if "created" in item else item["start"]  # a discount's word for it
        self.rows(
            "INSERT INTO sim_object (id, type, created, json, hidden, due_at) VALUES (?, ?, ?, ?, ?, ?)",
            item["id"], item["object"], created, json.dumps(item), json.dumps(hidden or {}), due_at,
        )  # fmt: skip
        return item

    def save(self, item: Json) -> Json:
        """Store an object as it is now."""
        self.rows("UPDATE sim_object SET json = ? WHERE id = ?", json.dumps(item), item["id"])
        return item

    def find(self, kind: str, object_id: str | None) -> Json | None:
        """The object with this id, if it is of this kind (Stripe's `object`)."""
        sql = "SELECT json FROM sim_object WHERE id = ? AND type = ?"
        for row in self.rows(sql, object_id, kind):
            found: Json = json.loads(row["json"])
            return found
        return None

    def load(self, kind: str, object_id: str) -> Json:
        """The object that must be there."""
        found = self.find(kind, object_id)
        if found is None:
            raise LookupError(f"the simulator has no {kind} {object_id}")
        return found

    def hidden(self, object_id: str) -> Json:
        """What Stripe knows of an object and does not show."""
        for row in self.rows("SELECT hidden FROM sim_object WHERE id = ?", object_id):
            found: Json = json.loads(row["hidden"])
            return found
        raise LookupError(f"the simulator has no {object_id}")

    def hide(self, object_id: str, **facts: object) -> None:
        """Remember facts of an object that Stripe does not show."""
        hidden = {**self.hidden(object_id), **facts}
        self.rows("UPDATE sim_object SET hidden = ? WHERE id = ?", json.dumps(hidden), object_id)

    def wake(self, object_id: str, due_at: int | None) -> None:
        """Say when the object changes by itself; None: never."""
        self.rows("UPDATE sim_object SET due_at = ? WHERE id = ?", due_at, object_id)

    def due(self, kind: str, *, now: int) -> list[Json]:
        """Objects whose time has come, in the order of their times."""
        sql = "SELECT json FROM sim_object WHERE type = ? AND due_at <= ? ORDER BY due_at, seq"
        return [json.loads(row["json"]) for row in self.rows(sql, kind, now)]


class Store:
    """The file. Each transaction opens it anew, so nothing is shared between threads or inherited by a fork."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = threading.Event()

    @contextmanager
    def reading(self) -> Iterator[State]:
        """One consistent view; changes nothing."""
        with self._transaction("BEGIN") as connection:
            yield State(connection)

    @contextmanager
    def writing(self) -> Iterator[State]:
        """Change the state, all or nothing; other writers wait up to ten seconds. Sets `written` at the end."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield State(connection)
        self.written.set()

    @contextmanager
    def trying(self) -> Iterator[State]:
        """Change the state to see what would come of it, and undo it at the end."""
        with self._transaction("BEGIN IMMEDIATE", end="ROLLBACK") as connection:
            yield State(connection)

    @contextmanager
    def _transaction(self, begin: str, *, end: str = "COMMIT") -> Iterator[sqlite3.Connection]:
        connection = self._open()
        try:
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute(end)
        finally:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            self._make()
        connection = _connect(self.path)
        if connection.execute("PRAGMA user_version").fetchone()[0] != LAYOUT:
            connection.close()
            raise RuntimeError(f"{self.path} was made by another version of the simulator: delete it and start again.")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _make(self) -> None:
        # Made aside and linked into place, so that no other process ever sees half of it.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        connection = _connect(draft)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        connection.close()
        with suppress(FileExistsError):  # another process was first; its file is as good
            self.path.hardlink_to(draft)
        draft.unlink()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = OFF")  # play money: a power cut may take it
    return connection
