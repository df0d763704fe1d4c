"""The database's function for plain spends under real concurrency: threads, each with a connection of its own."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from webapp.ledger.errors import InsufficientCredits
from webapp.ledger.operations import SpendLine, grant, open_account, spend, spend_batch
from webapp.ledger.queries import balance
from webapp.ledger.verify import verify

THREADS = 64


@pytest.fixture
def database_url(postgresql_database):
    return postgresql_database()


@pytest.fixture
def engine(database_url):
    engine = create_engine(database_url, pool_size=THREADS)
    yield engine
    engine.dispose()


@pytest.fixture
def in_one_go(engine):
    """Run work in a transaction; nothing is tried again, so a deadlock would be an error."""

    def run(work):
        with Session(engine) as session, session.begin():
            return work(session)

    return run


@pytest.fixture
def opened(in_one_go, now):
    def run(credits):
        account_id = in_one_go(lambda session: open_account(session, now=now))
        given = {"kind": "bonus", "key": "g", "source_kind": "test", "source_id": "1", "now": now}
        in_one_go(lambda session: grant(session, account_id, credits=credits, **given))
        return account_id

    return run


def all_at_once(work, threads):
    ready = threading.Barrier(threads)

    def run(number):
        ready.wait()
        try:
            return work(number)
        except InsufficientCredits as refusal:
            return refusal

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_sixty_four_spends_of_a_balance_of_ten_succeed_ten_times(in_one_go, opened, engine, now):
    account_id, portable = opened(10), []
    event.listen(engine, "before_cursor_execute", lambda *seen: portable.append("INSERT INTO entries" in seen[2]))
    answers = all_at_once(
        lambda number: in_one_go(lambda session: spend(session, account_id, credits=1, key=f"k{number}", now=now)),
        THREADS,
    )
    refused = [answer for answer in answers if isinstance(answer, InsufficientCredits)]
    spent = [answer for answer in answers if not isinstance(answer, InsufficientCredits)]
    assert (len(spent), len(refused)) == (10, 54)
    assert sorted(posted.available for posted in spent) == list(range(10))
    assert not any(portable)
    assert in_one_go(lambda session: balance(session, account_id, now=now)).available == 0
    assert in_one_go(lambda session: verify(session, now=now)).faults == ()


def test_one_key_told_sixty_four_times_at_once_is_one_entry(in_one_go, opened, now):
    account_id = opened(10)
    answers = all_at_once(
        lambda _: in_one_go(lambda session: spend(session, account_id, credits=1, key="same", now=now)), THREADS
    )
    assert Counter(posted.replayed for posted in answers) == {True: THREADS - 1, False: 1}
    assert len({(posted.entry, posted.available, posted.held) for posted in answers}) == 1


def test_batches_over_the_same_accounts_in_opposite_orders_do_not_block_each_other(in_one_go, opened, now):
    """Single spends, replays in between (the portable form, in the same transaction) and batches, all mixed up."""
    accounts = [opened(1000) for _ in range(5)]

    def work(number):
        order = accounts if number % 2 else accounts[::-1]
        for turn in range(5):
            lines = [
                SpendLine(account_id=account_id, credits=1, key=f"{number % 4}:{turn}:{place}")
                for place, account_id in enumerate(order)
            ]
            in_one_go(lambda session, lines=lines: spend_batch(session, lines, now=now))

    all_at_once(work, 8)
    left = in_one_go(lambda session: [balance(session, account_id, now=now).available for account_id in accounts])
    assert left == [1000 - 4 * 5] * 5
    assert in_one_go(lambda session: verify(session, now=now)).faults == ()
