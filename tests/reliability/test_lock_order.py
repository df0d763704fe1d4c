"""Transactions that need several accounts: locked in the order of ids they never meet head-on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from tests.support.lock_order import LockOrder
from webapp.extensions import db, transact
from webapp.ledger.models import Account, accounts
from webapp.ledger.operations import grant, lock_account, spend
from webapp.orm import utc_now

WRITERS = 8
ROUNDS = 15


@pytest.fixture
def pair(ledger):
    return sorted(ledger.account(1000) for _ in range(2))


def deadlocks():
    """How many deadlocks this database has had to end; SQLite can't have any."""
    if db.engine.dialect.name == "sqlite":
        return 0
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return connection.scalar(text(counted))


def test_transfers_in_both_directions_meet_no_deadlock_where_accounts_are_locked_in_order(ledger, pair):
    before = deadlocks()
    tries = []
    together = threading.Barrier(WRITERS, timeout=30)

    def move(session, source, target, key):
        tries.append(key)
        for account_id in sorted((source, target)):
            lock_account(session, account_id)
        spend(session, source, credits=1, key=key, now=utc_now())
        facts = {"kind": "adjustment", "source_kind": "test", "source_id": key}
        grant(session, target, credits=1, key=key, **facts, now=utc_now())

    def writer(number):
        source, target = pair if number % 2 else reversed(pair)
        together.wait()
        for turn in range(ROUNDS):
            with ledger.app.app_context():
                transact(lambda session, turn=turn: move(session, source, target, f"{number}-{turn}"))

    with LockOrder() as watched, ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(writer, range(WRITERS)))
    assert len(tries) == len(set(tries)) == WRITERS * ROUNDS  # nobody was sent back
    assert deadlocks() == before
    assert watched.faults == []
    assert watched.seen >= 2 * WRITERS * ROUNDS or db.engine.dialect.name == "sqlite"
    for account_id in pair:
        ledger.assert_sound(account_id, available=1000)


SEVERAL = select(Account.available).where(Account.id.in_([1, 2]))
OUT_OF_ORDER = {
    "by operations": lambda session, low, high: [
        spend(session, account_id, credits=1, key=f"k{account_id}", now=utc_now()) for account_id in (high, low)
    ],
    "by locks": lambda session, low, high: [lock_account(session, high), lock_account(session, low)],
    "by changes": lambda session, low, high: [
        session.execute(update(accounts).where(accounts.c.id == account_id).values(held=0))
        for account_id in (high, low)
    ],
    "several at once": lambda session, *_: session.execute(SEVERAL.with_for_update()).all(),
}
IN_ORDER = {
    "by operations": lambda session, low, high: [
        spend(session, account_id, credits=1, key=f"k{account_id}", now=utc_now()) for account_id in (low, high)
    ],
    "again": lambda session, low, high: [lock_account(session, account_id) for account_id in (low, high, low)],
    "several at once": lambda session, *_: session.execute(SEVERAL.order_by(Account.id).with_for_update()).all(),
    "only read": lambda session, low, high: [
        session.scalar(select(func.count()).where(Account.id == account_id)) for account_id in (high, low)
    ],
}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", OUT_OF_ORDER)
def test_whoever_locks_two_accounts_out_of_order_is_seen(ledger, pair, way):
    with LockOrder() as watched, ledger.app.app_context():
        transact(lambda session: OUT_OF_ORDER[way](session, *pair))
    assert len(watched.faults) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", IN_ORDER)
def test_whoever_locks_them_in_order_is_left_alone(ledger, pair, way):
    with LockOrder() as watched, ledger.app.app_context():
        transact(lambda session: IN_ORDER[way](session, *pair))
        transact(lambda session: lock_account(session, pair[0]))  # another transaction begins anew
    assert watched.faults == []
    assert watched.seen > 0
