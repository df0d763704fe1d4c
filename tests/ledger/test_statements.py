"""How many statements an operation or a page takes, at any size, and which indexes they use."""

import datetime as dt
import re

import pytest
from sqlalchemy import event, text

from tests.ledger.by_hand import insert
from tests.support.ledger_rows import fill_ledger
from webapp.ledger.operations import SpendLine, expire, grant, hold, open_account, spend, spend_batch
from webapp.ledger.queries import accounts_due, balance, history
from webapp.ledger.verify import verify


class Statements(list):
    """What was sent to the database, with its parameters."""

    def __init__(self, engine):
        super().__init__()
        event.listen(engine, "before_cursor_execute", self.note)

    def note(self, _connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith("BEGIN"):
            self.append((statement, parameters))

    def of(self, work):
        self.clear()
        work()
        return len(self)


@pytest.fixture
def statements(shared_engine):
    found = Statements(shared_engine)
    yield found
    event.remove(shared_engine, "before_cursor_execute", found.note)


@pytest.fixture
def fast(shared_engine):
    """Whether the database has a function for plain spends: one call, and one in vain where more is to be done."""
    return shared_engine.dialect.name == "postgresql"


def test_a_spend_from_one_lot_takes_eight_statements_or_one_call(session, account_id, give, now, statements, fast):
    give(100)
    one, other = (1, 1) if fast else (8, 9)
    assert statements.of(lambda: spend(session, account_id, credits=1, key="a", meter="m", now=now)) == one
    assert statements.of(lambda: spend(session, account_id, credits=1, key="b", description="d", now=now)) == other


def test_a_spend_that_is_not_plain_takes_one_call_more_than_the_portable_form(
    session, account_id, give, now, statements, fast
):
    give(100)
    give(5, expires_at=now + dt.timedelta(hours=1))
    later = now + dt.timedelta(hours=1)
    assert statements.of(lambda: spend(session, account_id, credits=1, key="a", meter="m", now=later)) == 8 + fast


def test_the_first_spend_in_another_zone_than_was_thought_takes_two_calls(session, now, statements, fast):
    account_id = open_account(session, time_zone="Asia/Tokyo", now=now)
    grant(session, account_id, kind="bonus", credits=9, key="g", source_kind="t", source_id="1", now=now)
    work = [lambda key=key: spend(session, account_id, credits=1, key=key, now=now) for key in "abc"]
    assert [statements.of(one) for one in work] == ([2, 1, 1] if fast else [8, 8, 8])


@pytest.mark.parametrize("size", [2, 1000])
def test_a_batch_takes_nine_statements_or_one_call_at_any_size(session, account_id, give, now, statements, fast, size):
    give(1000)
    lines = [SpendLine(account_id=account_id, credits=1, key=f"k{number}", description="d") for number in range(size)]
    assert statements.of(lambda: spend_batch(session, lines, now=now)) == (1 if fast else 9)


def test_a_spend_from_many_lots_takes_no_more(session, account_id, give, now, statements, fast):
    for _ in range(20):
        give(1)
    assert statements.of(lambda: spend(session, account_id, credits=20, key="a", now=now)) == (1 if fast else 8)


def test_a_replay_takes_four_beside_the_call_in_vain(session, account_id, give, now, statements, fast):
    give(100)
    spend(session, account_id, credits=1, key="a", now=now)
    assert statements.of(lambda: spend(session, account_id, credits=1, key="a", now=now)) == 4 + fast


def test_a_grant_takes_nine(account_id, give, statements):
    assert statements.of(lambda: give(100)) == 9


@pytest.mark.parametrize("entries_each", [10, 3000])
def test_pages_take_the_same_number_of_queries_at_any_size(engine, session_of, now, entries_each):
    is_fast = engine.dialect.name == "postgresql"
    account_id, _ = fill_ledger(engine, accounts=2, entries_each=entries_each)
    statements = Statements(engine)
    with session_of(engine) as session:
        assert statements.of(lambda: balance(session, account_id, now=now)) == 1
        assert statements.of(lambda: history(session, account_id, now=now)) == 2
        assert statements.of(lambda: history(session, account_id, before_seq=9, limit=100, now=now)) == 2
        assert statements.of(lambda: history(session, account_id, type="purchases", now=now)) <= 2
        give = {"kind": "bonus", "source_kind": "test", "source_id": "1"}
        assert statements.of(lambda: grant(session, account_id, credits=9, key="g", **give, now=now)) <= 10
        assert statements.of(lambda: spend(session, account_id, credits=1, key="k", now=now)) == (1 if is_fast else 8)
        assert verify(session, account_id, now=now).faults == ()


@pytest.mark.parametrize(
    ("index", "work"),
    [
        ("ix_grants_burn_order", lambda session, at: hold(session, at.account_id, credits=1, key="k", now=at.now)),
        ("ix_grants_burn_order", lambda session, at: expire(session, at.account_id, now=at.now)),
        ("ix_grants_burn_order", lambda session, at: balance(session, at.account_id, now=at.now)),
        ("ix_grants_due", lambda session, at: accounts_due(session, now=at.now, limit=5)),
        ("ix_entries_takebacks", lambda session, at: history(session, at.account_id, type="refunds", now=at.now)),
        ("ix_entries_grants", lambda session, at: history(session, at.account_id, type="purchases", now=at.now)),
        ("ix_entries_expiries", lambda session, at: history(session, at.account_id, type="expired", now=at.now)),
    ],
)
def test_the_index_made_for_it_is_used(engine, session_of, index, work, now):
    account_id = fill_ledger(engine, accounts=5, entries_each=200)[0]
    with session_of(engine) as session:
        plans = plans_of(session, lambda: work(session, At(account_id, now)))
    assert any(index in plan for plan in plans), plans


def test_expired_holds_are_read_without_walking_through_the_accounts_postings(engine, session_of, now):
    account_id = fill_ledger(engine, accounts=2, entries_each=300)[0]
    with session_of(engine) as session:
        for seq in range(2, 200):
            facts = {"seq": seq, "credits": 1, "captured": 0, "state": "open" if seq < 10 else "released"}
            insert(session, "holds", account_id=account_id, **facts, expires_at=now, created_at=now)
        (plan,) = plans_of(session, lambda: balance(session, account_id, now=now))
    assert re.search(r"postings.*entry_seq ?= ?(\?|holds\.seq)", plan), plan


def plans_of(session, work):
    """The database's plans for the queries of some work, at its own estimate but for the smallness of the tables."""
    session.execute(text("ANALYZE"))
    explain = "EXPLAIN QUERY PLAN"
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN"
    statements = Statements(session.get_bind())
    work()
    queries = [found for found in statements if found[0].lstrip().startswith("SELECT")]
    ask = session.connection().exec_driver_sql
    return [" ".join(row[-1] for row in ask(f"{explain} {query}", given)) for query, given in queries]


class At:
    """Where and when."""

    def __init__(self, account_id, now):
        self.account_id = account_id
        self.now = now


def test_the_story_told_by_arithmetic_is_what_the_ledger_reads(engine, session_of, now):
    """Balances and pages made by other code, read by ours; then written on by ours."""
    ids = fill_ledger(engine, accounts=3, entries_each=400)
    with session_of(engine) as session:
        for account_id in ids:
            before = balance(session, account_id, now=now)
            page = history(session, account_id, limit=1, now=now)
            assert page.entries[0].balance_after == before.balance + due_credits(session, account_id, now)
            spend(session, account_id, credits=1, key="k", now=now)
            assert balance(session, account_id, now=now).available == before.available - 1
        assert open_account(session, now=now) not in ids
        assert verify(session, now=now).faults == ()


def due_credits(session, account_id, now):
    return -sum(entry.credits for entry in expire(session, account_id, now=now))


def test_a_grant_for_a_source_known_under_another_key_takes_five(session, account_id, now, statements):
    def give(key):
        facts = {"kind": "bonus", "credits": 5, "source_kind": "t", "source_id": "1"}
        return grant(session, account_id, key=key, **facts, now=now)

    give("first")
    assert statements.of(lambda: give("second")) == 5
