"""Spends in process, durable: against one bare statement, and against themselves at other sizes."""

import datetime as dt
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Engine, create_engine, insert, text
from sqlalchemy.orm import Session

from bench.contest import Contender, Row, contest
from tests.support.ledger_rows import fill_ledger
from webapp.ledger import operations, queries
from webapp.ledger.models import limit_windows
from webapp.orm import WRITES, configure_engine

COUNT = 200
BATCHED = 2000
CLIENTS = 8
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
BARE = text("UPDATE accounts SET available = available - 1, seq = seq + 1 WHERE id = :id AND available >= 1")

keys = itertools.count()


def spend_rows(database_url: str, database: str, _folder: Path) -> list[Row]:
    """A spend with its lots, key, history and roll-up against one UPDATE of a balance; and 100 open lots against 3."""
    engine = _engine(database_url)
    few, many, bare = (_account(engine, lots) for lots in (3, 100, 1))
    against_bare = Contender("bare", lambda count: _bare(engine, bare, count))
    rows = [
        contest(f"spend, 3 lots, {database}, against one bare UPDATE", _spender(engine, few), against_bare, count=COUNT)
    ]
    if database == "PostgreSQL":
        portable = _spender(engine, _limited(engine, _account(engine, 3)))
        title = f"spend that is not plain (a call in vain, then the portable form), {database}, against a bare UPDATE"
        rows.append(contest(title, portable, against_bare, count=COUNT))
    rows.append(
        contest(
            f"spend, 100 open lots, {database}, against 3 lots",
            _spender(engine, many),
            _spender(engine, few),
            count=COUNT,
        )
    )
    title = f"hold and capture, {database}, against one spend"
    rows.append(contest(title, _holder(engine, few), _spender(engine, few), count=COUNT // 2))
    engine.dispose()
    return rows


def batch_rows(database_url: str, database: str, _folder: Path) -> list[Row]:
    """Batches for one spend of them, against single spends and smaller batches; over one account and over many."""
    engine = _engine(database_url)
    one, many = [_account(engine, 3)], [_account(engine, 3) for _ in range(100)]
    rows = [
        contest(
            f"a spend in a batch of 100 ({name}), {database}, against a single spend",
            _batcher(engine, accounts, 100),
            _spender(engine, accounts[0]),
            count=COUNT,
        )
        for name, accounts in (("one account", one), ("100 accounts", many))
    ]
    rows += [
        contest(
            f"a spend in a batch of 1,000 ({name}), {database}, against one in a batch of 100",
            _batcher(engine, accounts, 1000),
            _batcher(engine, accounts, 100),
            count=BATCHED,
        )
        for name, accounts in (("one account", one), ("100 accounts", many))
    ]
    if database == "PostgreSQL":
        title = f"a spend by {CLIENTS} clients of one account, {database}, against {CLIENTS} accounts"
        rows.append(
            contest(
                title, _clients(engine, one * CLIENTS), _clients(engine, many[:CLIENTS]), count=COUNT * CLIENTS // 2
            )
        )
    engine.dispose()
    return rows


def size_rows(database_url: str, database: str, _folder: Path, *, entries: int) -> list[Row]:
    """A spend in an account with a long history against one with a thousandth of it, three open lots in both."""
    engine = _engine(database_url)
    large, small = (fill_ledger(engine, accounts=1, entries_each=n, seed=n)[0] for n in (entries, entries // 1000))
    if database == "PostgreSQL":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
    for account_id in (large, small):
        _spend_all(engine, account_id)
        _grant(engine, account_id, 3)
    title = f"spend, {entries:,} entries in the account, {database}, against {entries // 1000:,}"
    row = contest(title, _spender(engine, large), _spender(engine, small), count=COUNT)
    engine.dispose()
    return [row]


def _engine(database_url: str) -> Engine:
    engine = create_engine(database_url, pool_size=CLIENTS)
    configure_engine(engine)
    return engine


def _account(engine: Engine, lots: int) -> int:
    with Session(_writing(engine)) as session, session.begin():
        account_id = operations.open_account(session, now=NOW)
    _grant(engine, account_id, lots)
    return account_id


def _grant(engine: Engine, account_id: int, lots: int) -> None:
    with Session(_writing(engine)) as session, session.begin():
        for number in range(lots):
            given = {"key": f"bench:{number}", "source_kind": "bench", "source_id": str(number), "now": NOW}
            operations.grant(session, account_id, kind="purchased", credits=10**8, **given)


def _spend_all(engine: Engine, account_id: int) -> None:
    with Session(_writing(engine)) as session, session.begin():
        left = queries.balance(session, account_id, now=NOW).available
        operations.spend(session, account_id, credits=left, key="all", now=NOW)


def _limited(engine: Engine, account_id: int) -> int:
    """An account that has a spend limit is for the portable form."""
    with _writing(engine).begin() as connection:
        window = {"account_id": account_id, "limit_id": 1, "starts_at": NOW, "used": 0, "held": 0}
        connection.execute(insert(limit_windows).values(window))
    return account_id


def _spender(engine: Engine, account_id: int) -> Contender:
    def work(session: Session) -> None:
        operations.spend(session, account_id, credits=1, meter="call_minute", key=f"spend:{next(keys)}", now=NOW)

    return Contender("spend", lambda count: _each(engine, work, count))


def _holder(engine: Engine, account_id: int) -> Contender:
    def work(session: Session) -> None:
        key = next(keys)
        held = operations.hold(session, account_id, credits=5, meter="call_minute", key=f"hold:{key}", now=NOW)
        session.commit()  # the product works in between
        facts = {"meter": "call_minute", "key": f"capture:{key}", "now": NOW}
        operations.capture(session, account_id, held.entry.seq, credits=3, **facts)

    return Contender("hold and capture", lambda count: _each(engine, work, count))


def _batcher(engine: Engine, accounts: list[int], size: int) -> Contender:
    def work(session: Session) -> None:
        lines = [
            operations.SpendLine(
                account_id=accounts[place % len(accounts)], credits=1, meter="call_minute", key=f"batch:{next(keys)}"
            )
            for place in range(size)
        ]
        operations.spend_batch(session, lines, now=NOW)

    return Contender("batch", lambda count: _each(engine, work, count // size))


def _clients(engine: Engine, accounts: list[int]) -> Contender:
    spenders = [_spender(engine, account_id) for account_id in accounts]

    def run(count: int) -> None:
        with ThreadPoolExecutor(len(spenders)) as threads:
            list(threads.map(lambda spender: spender.run(count // len(spenders)), spenders))

    return Contender("clients", run)


def _each(engine: Engine, work: Callable[[Session], None], count: int) -> None:
    writing = _writing(engine)
    for _ in range(count):
        with Session(writing) as session:
            work(session)
            session.commit()


def _bare(engine: Engine, account_id: int, count: int) -> None:
    writing = _writing(engine)
    for _ in range(count):
        with writing.begin() as connection:
            connection.execute(BARE, {"id": account_id})


def _writing(engine: Engine) -> Engine:
    return engine.execution_options(**{WRITES: True})
