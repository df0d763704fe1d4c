"""Real threads on real databases: what each of them is told is what the ledger says afterwards.

Races of spends, in processes too, are in tests/reliability.
"""

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.ledger.by_hand import insert
from webapp.ledger.accounts import locked
from webapp.ledger.errors import InsufficientCredits
from webapp.ledger.operations import expire, grant, lock_account, open_account, spend
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify
from webapp.orm import configure_engine

THREADS = 32
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture
def engine(database_url) -> Engine:
    """A connection for every thread, so that they meet in the database and not in the pool."""
    engine = create_engine(database_url, pool_size=THREADS)
    configure_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def account_id(transact, now):
    return transact(lambda session: open_account(session, now=now))


@pytest.fixture
def give(transact, account_id, now):
    def run(credits, name="1", **facts):
        given = {"kind": "bonus", "key": f"give:{name}", "source_kind": "test", "source_id": name} | facts
        return transact(lambda session: grant(session, account_id, credits=credits, **given, now=now))

    return run


def all_at_once(work):
    """Run `work(number)` in every thread at the same moment; the answers, and refusals as answers."""
    ready = threading.Barrier(THREADS)

    def run(number):
        ready.wait()
        try:
            return work(number)
        except InsufficientCredits as refusal:
            return refusal

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


def test_one_source_told_by_thirty_two_keys_at_once_is_one_grant(transact, account_id, give, now):
    answers = all_at_once(lambda number: give(10, "p1", key=f"teller:{number}"))
    assert Counter(posted.replayed for posted in answers) == {True: THREADS - 1, False: 1}
    assert len({posted.entry for posted in answers}) == 1
    assert_sound(transact, account_id, now, available=10, entries=1)


def test_a_due_lot_expires_once_whoever_meets_it(transact, account_id, give, now):
    give(10, "due", expires_at=now.replace(hour=20))
    give(100, "rest")
    later = now.replace(hour=20)

    def settle_or_spend(number):
        if number % 2:
            return transact(lambda session: expire(session, account_id, now=later))
        return transact(lambda session: spend(session, account_id, credits=1, key=f"k{number}", now=later))

    all_at_once(settle_or_spend)
    assert_sound(transact, account_id, later, available=100 - THREADS // 2, entries=2 + 1 + THREADS // 2)


def test_grants_and_spends_of_many_accounts_do_not_disturb_each_other(transact, now):
    accounts = [transact(lambda session: open_account(session, now=now)) for _ in range(4)]

    def give_and_take(number):
        account_id = accounts[number % 4]
        facts = {"kind": "bonus", "key": f"g{number}", "source_kind": "test", "source_id": str(number)}
        transact(lambda session: grant(session, account_id, credits=5, **facts, now=now))
        transact(lambda session: spend(session, account_id, credits=3, key=f"s{number}", now=now))

    all_at_once(give_and_take)
    for account_id in accounts:
        assert_sound(transact, account_id, now, available=2 * THREADS // 4, entries=2 * THREADS // 4)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time anyway
@pytest.mark.parametrize("lock", [lock_account, locked])
def test_the_lock_keeps_writers_out_and_lets_referring_rows_in(engine, transact, account_id, lock):
    with Session(engine) as holder, Session(engine) as other:
        lock(holder, account_id)
        other.execute(text("SET lock_timeout = '300ms'"))
        row = {"key_id": 0, "period": "day", "credits": 1, "pauses": True, "is_money": False, "changed_at": NOW}
        insert(other, "spend_limits", account_id=account_id, **row)
        with pytest.raises(DBAPIError, match="lock timeout"):
            lock(other, account_id)


@pytest.mark.parametrize(("operation", "places"), [("spend", 10), ("grant", 12), ("expire", 7)])
def test_a_failure_at_any_statement_leaves_nothing(engine, transact, account_id, give, now, operation, places):
    """The database goes away at each statement in turn, the commit's eve included; then all goes well."""
    give(10, "due", expires_at=now.replace(hour=20))
    give(10, "bought", kind="purchased")
    later = now.replace(hour=20)
    facts = {"kind": "gift", "key": "g", "source_kind": "test", "source_id": "new", "description": "Thanks"}
    work = {
        "spend": lambda session: spend(session, account_id, credits=3, key="s", description="call", now=later),
        "grant": lambda session: grant(session, account_id, credits=3, **facts, now=later),
        "expire": lambda session: expire(session, account_id, now=later),
    }[operation]
    before = transact(everything)
    failing = FailingStatement(engine)
    number_of_statements = 0
    while failing.fail_at(number_of_statements + 1):
        try:
            transact(lambda session: (work(session), failing.before_the_end()))
        except Gone:
            number_of_statements += 1
            failing.rest()
            assert transact(everything) == before
        else:
            break
    in_vain = operation == "spend" and engine.dialect.name == "postgresql"  # of the function for plain spends
    assert number_of_statements == places + in_vain
    failing.rest()
    assert transact(everything) != before
    assert transact(lambda session: verify(session, now=now)).faults == ()


class Gone(Exception):
    """The database is gone."""


class FailingStatement:
    """Fails at the statement with a given number, and at the very end of the transaction after all of them."""

    def __init__(self, engine):
        self.left = None
        event.listen(engine, "before_cursor_execute", self.note)

    def note(self, _connection, _cursor, statement, _parameters, _context, _many):
        if not statement.startswith("BEGIN"):
            self._count()

    def before_the_end(self):
        self._count()

    def fail_at(self, number):
        self.left = number
        return True

    def rest(self):
        self.left = None

    def _count(self):
        if self.left is None:
            return
        self.left -= 1
        if self.left == 0:
            raise Gone


def test_a_lost_race_for_the_key_is_an_error_and_never_a_second_entry(engine, transact, account_id, give, now):
    """Where the lock fails to hold twins apart, UNIQUE does."""
    give(10)
    transact(lambda session: spend(session, account_id, credits=1, key="same", now=now))
    blind = LookupBlinded(engine)
    with pytest.raises(DBAPIError, match=r"(?i)unique"):
        transact(lambda session: spend(session, account_id, credits=1, key="same", now=now))
    assert blind.looked
    event.remove(engine, "before_cursor_execute", blind.note)
    assert_sound(transact, account_id, now, available=9, entries=2)


class LookupBlinded:
    """Makes the lookup of a key find nothing."""

    def __init__(self, engine):
        self.looked = False
        event.listen(engine, "before_cursor_execute", self.note, retval=True)

    def note(self, _connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT entries.seq, entries.kind, entries"):
            self.looked = True
            statement = statement.replace("WHERE", "WHERE 1 = 0 AND")
        return statement, parameters


def assert_sound(transact, account_id, now, *, available, entries):
    assert transact(lambda session: balance(session, account_id, now=now)).available == available
    page = transact(lambda session: history(session, account_id, limit=100, now=now))
    assert [entry.seq for entry in page.entries] == list(range(entries, 0, -1))
    assert transact(lambda session: verify(session, now=now)).faults == ()


def everything(session):
    """Every row of the ledger's tables."""
    tables = ("accounts", "entries", "entry_details", "grants", "postings", "usage_daily")
    return {table: sorted(map(repr, session.execute(text(f"SELECT * FROM {table}")))) for table in tables}
