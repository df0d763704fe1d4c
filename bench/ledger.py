"""A spend in process, durable, against the one bare statement that any such product runs at least."""

import datetime as dt
import itertools
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from bench.contest import Contender, Row, contest
from webapp.ledger import operations
from webapp.orm import WRITES, configure_engine

COUNT = 200
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
BARE = text("UPDATE accounts SET available = available - 1, seq = seq + 1 WHERE id = :id AND available >= 1")


def spend_rows(database_url: str, database: str, _folder: Path) -> list[Row]:
    """A spend with its lots, key, history and roll-up against one UPDATE of a balance; and 100 open lots against 3."""
    engine = create_engine(database_url)
    configure_engine(engine)
    few, many, bare = (_account(engine, lots) for lots in (3, 100, 1))
    return [
        contest(
            f"spend, 3 lots, {database}, against one bare UPDATE",
            _spender(engine, few),
            Contender("bare", lambda count: _bare(engine, bare, count)),
            count=COUNT,
        ),
        contest(
            f"spend, 100 open lots, {database}, against 3 lots",
            _spender(engine, many),
            _spender(engine, few),
            count=COUNT,
        ),
    ]


def _account(engine: Engine, lots: int) -> int:
    with Session(_writing(engine)) as session, session.begin():
        account_id = operations.open_account(session, now=NOW)
        for number in range(lots):
            operations.grant(
                session,
                account_id,
                kind="purchased",
                credits=10**8,
                key=f"bench:{number}",
                source_kind="bench",
                source_id=str(number),
                now=NOW,
            )
    return account_id


keys = itertools.count()


def _spender(engine: Engine, account_id: int) -> Contender:
    def run(count: int) -> None:
        for _ in range(count):
            with Session(_writing(engine)) as session, session.begin():
                operations.spend(
                    session, account_id, credits=1, meter="call_minute", key=f"spend:{next(keys)}", now=NOW
                )

    return Contender("spend", run)


def _bare(engine: Engine, account_id: int, count: int) -> None:
    writing = _writing(engine)
    for _ in range(count):
        with writing.begin() as connection:
            connection.execute(BARE, {"id": account_id})


def _writing(engine: Engine) -> Engine:
    return engine.execution_options(**{WRITES: True})
