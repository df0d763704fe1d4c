"""Spending over HTTP, durable, with an API key: against a trivial answer, a bare debit, and itself in batches."""

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.contest import Contender, Row, contest
from bench.http import application
from bench.serving import CONNECTIONS, Server, ask, ask_together, cpu_seconds_of, request_of, serving
from tests.support.site import free_port, site_environment
from webapp.extensions import db, transact
from webapp.ledger import operations
from webapp.orm import utc_now
from webapp.people.keyring import create_key

SINGLE = CONNECTIONS * 20
BATCHED = CONNECTIONS * 100
ENOUGH_CREDITS = 10**9

keys = itertools.count()


@dataclass(frozen=True)
class Stage:
    """Both servers on one database, an account with credits, and the secret of a key for it."""

    refill: Server
    rivals: Server
    account_id: int
    secret: str
    database_process: int | None

    def cpu_seconds(self) -> float:
        """What both servers and the database have used so far."""
        of_database = cpu_seconds_of(self.database_process) if self.database_process else 0.0
        return self.refill.cpu_seconds() + self.rivals.cpu_seconds() + of_database

    def post(self, path: str, body: dict[str, Any], *, key: bool = True) -> bytes:
        """A POST with the key, and an idempotency key that is new."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key:
            headers["Idempotency-Key"] = f"bench-{next(keys)}"
        return request_of("POST", path, headers, json.dumps(body).encode())


@contextmanager
def stage(database_url: str, folder: Path) -> Iterator[Stage]:
    """Serve both until the end of the block."""
    app = application(database_url, folder)
    account_id, secret, database_process = _prepared(app)
    ours = site_environment(database_url, folder, free_port())
    theirs = ours | {"PORT": str(free_port())}
    with ExitStack() as stack:
        refill = stack.enter_context(serving("tests.reliability.unlimited:app", folder, ours))
        rivals = stack.enter_context(serving("bench.rivals:app", folder, theirs))
        yield Stage(refill, rivals, account_id, secret, database_process)


def spending_rows(database_url: str, database: str, folder: Path) -> list[Row]:
    """One spend, a hold with its capture, and batches."""
    with stage(database_url, folder) as at:
        spend = _spender(at)
        trivial = Contender("trivial", lambda count: ask_together(at.rivals, lambda: TRIVIAL, count))
        debit = _debits(at)
        title = f"spend over HTTP, {CONNECTIONS} connections, {database}"
        batch = f"a spend in a batch over HTTP, {database}"
        return [
            contest(f"{title}, against a trivial GET", spend, trivial, count=SINGLE),
            contest(f"CPU of a {title}, against a trivial GET", spend, trivial, count=SINGLE, clock=at.cpu_seconds),
            contest(f"{title}, against a bare debit over HTTP", spend, debit, count=SINGLE),
            contest(f"hold and capture over HTTP, {database}, against one spend", _holder(at), spend, count=SINGLE),
            contest(f"{batch}: 100 a call, against a single spend", _batcher(at, 100), spend, count=BATCHED),
            contest(f"{batch}: 1,000 a call, against 100", _batcher(at, 1000), _batcher(at, 100), count=10 * BATCHED),
        ]


TRIVIAL = request_of("GET", "/", {})


def _prepared(app: Flask) -> tuple[int, str, int | None]:
    def open_account(session: Session) -> tuple[int, str]:
        account_id = operations.open_account(session, now=utc_now())
        given = {"key": "bench", "source_kind": "bench", "source_id": "1", "now": utc_now()}
        operations.grant(session, account_id, kind="purchased", credits=ENOUGH_CREDITS, **given)
        _, secret = create_key(session, account_id=account_id, name="bench", scopes=["read", "spend"], now=utc_now())
        return account_id, secret

    with app.app_context():
        account_id, secret = transact(open_account)
        process = None
        if db.engine.dialect.name == "postgresql":
            process = _parent(db.session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        db.session.remove()
        db.engine.dispose()
    return account_id, secret, process


def _parent(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("PPid:"))


def _spender(at: Stage) -> Contender:
    def request() -> bytes:
        return at.post("/api/credits/spend", {"meter": "transcript", "quantity": 1, "description": "A page"})

    return Contender("spend", lambda count: ask_together(at.refill, request, count, status=201))


def _debits(at: Stage) -> Contender:
    request = request_of("POST", f"/debit/{at.account_id}", {"Content-Length": "0"})
    return Contender("debit", lambda count: ask_together(at.rivals, lambda: request, count, status=201))


def _holder(at: Stage) -> Contender:
    def hold_and_capture() -> bytes:
        told = ask(at.refill.port, at.post("/api/credits/holds", {"credits": 5}))
        hold = json.loads(told.partition(b"\r\n\r\n")[2])["hold"]["id"]
        return at.post(f"/api/credits/holds/{hold}/capture", {"credits": 3})

    return Contender("hold", lambda count: ask_together(at.refill, hold_and_capture, count, status=201))


def _batcher(at: Stage, size: int) -> Contender:
    def request() -> bytes:
        lines = [{"key": f"bench-{next(keys)}", "meter": "transcript", "quantity": 1} for _ in range(size)]
        return at.post("/api/credits/spend/batch", {"spends": lines}, key=False)

    return Contender("batch", lambda count: ask_together(at.refill, request, count // size))
