"""Reading a long history over HTTP: pages of it at any depth against a short one's, and all of it as a file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from bench.contest import Contender, Note, Row, contest
from bench.http import application
from bench.serving import CONNECTIONS, Server, ask, ask_together, children, memory_bytes, request_of, serving
from tests.support.ledger_rows import fill_ledger
from tests.support.site import free_port, site_environment
from webapp.api.cursors import cursor_of
from webapp.extensions import db, transact
from webapp.ledger.queries import balance
from webapp.orm import utc_now
from webapp.people.keyring import create_key
from webapp.people.links import make_login_link
from webapp.people.models import User

PAGES = CONNECTIONS * 20
RUN = "bench-export-0123456789"


@dataclass(frozen=True)
class Reader:
    """An account with a history: the headers of its key and of its user's browser, and a place far back in it."""

    key: dict[str, str]
    browser: dict[str, str]
    deep: str


@contextmanager
def readers(database_url: str, folder: Path, sizes: tuple[int, ...]) -> Iterator[tuple[Server, list[Reader]]]:
    """Serve accounts with histories of these many entries until the end of the block."""
    app = application(database_url, folder)
    made = []
    with app.app_context():
        for size in sizes:
            (account_id,) = fill_ledger(db.engine, accounts=1, entries_each=size, seed=size)
            made.append((transact(lambda session, of=account_id, size=size: _opened(session, of, size)), size))
        db.engine.dispose()
    with serving("tests.reliability.unlimited:app", folder, site_environment(database_url, folder, free_port())) as at:
        yield at, [_reader(at, secret, link, size) for (secret, link), size in made]


def reading_rows(database_url: str, database: str, folder: Path, *, entries: int) -> list[Row | Note]:
    """The first page and the deepest, from the API and as people see it; and the file, with the memory that it took."""
    with readers(database_url, folder, (entries, entries // 1000)) as (at, (large, small)):
        sizes = f"{database}, {entries:,} entries against {entries // 1000:,}"
        return [
            contest(f"history page over the API, {sizes}", _api(at, large), _api(at, small), count=PAGES),
            contest(f"history page for people, {sizes}", _page(at, large), _page(at, small), count=PAGES // 4),
            contest(
                f"deepest page of {entries:,} entries over the API, {database}, against the first",
                _api(at, large, large.deep),
                _api(at, large),
                count=PAGES,
            ),
            _exported(at, large, database, entries),
        ]


def _opened(session: Session, account_id: int, size: int) -> tuple[str, str]:
    now = utc_now()
    email = f"bench{size}@example.com"
    session.add(User(account_id=account_id, email=email, email_key=email, password_hash="-", created_at=now))
    session.flush()
    assert balance(session, account_id, now=now).account_id == account_id
    _, secret = create_key(session, account_id=account_id, name="bench", scopes=["read"], now=now)
    link, _ = make_login_link(session, account_id, now=now)
    return secret, link


def _reader(at: Server, secret: str, link: str, size: int) -> Reader:
    told = ask(at.port, request_of("GET", f"/sign-in/{link}", {})).decode()
    cookie = next(line for line in told.splitlines() if line.lower().startswith("set-cookie: refill="))
    browser = {"Cookie": cookie.partition(": ")[2].partition(";")[0]}
    return Reader({"Authorization": f"Bearer {secret}"}, browser, f"?cursor={cursor_of(min(size, 30))}")


def _api(at: Server, reader: Reader, query: str = "") -> Contender:
    request = request_of("GET", f"/api/credits/history{query}", reader.key)
    return Contender("history", lambda count: ask_together(at, lambda: request, count))


def _page(at: Server, reader: Reader) -> Contender:
    request = request_of("GET", "/dashboard/history", reader.browser)
    return Contender("history", lambda count: ask_together(at, lambda: request, count))


def _exported(at: Server, reader: Reader, database: str, entries: int) -> Note:
    """The whole history as a file: how long it took, and by how much the largest worker grew meanwhile."""
    before = max(memory_bytes(process) for process in children(at.master))
    began = time.perf_counter()
    size_bytes = len(ask(at.port, request_of("GET", f"/dashboard/history/export?format=csv&run={RUN}", reader.browser)))
    seconds = time.perf_counter() - began
    grown = max(memory_bytes(process) for process in children(at.master)) - before
    return Note(
        f"CSV of {entries:,} entries, {database}: {size_bytes / 1e6:,.0f} MB in {seconds:,.0f} s; "
        f"the worker grew by {grown / 1e6:,.1f} MB."
    )
