"""How many statements an operation or a page takes, at any size, and which indexes they use."""

import re

import pytest
from sqlalchemy import event, text

from tests.ledger.by_hand import insert
from tests.support.ledger_rows import fill_ledger
from webapp.ledger.operations import expire, grant, open_account, spend
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


def test_a_spend_from_one_lot_takes_eight_statements(session, account_id, give, now, statements):
    give(100)
    assert statements.of(lambda: spend(session, account_id, credits=1, key="a", meter="m", now=now)) == 8
    assert statements.of(lambda: spend(session, account_id, credits=1, key="b", description="d", now=now)) == 9


def test_a_spend_from_many_lots_takes_no_more(session, account_id, give, now, statements):
    for _ in range(20):
        give(1)
    assert statements.of(lambda: spend(session, account_id, credits=20, key="a", now=now)) == 8


def test_a_replay_takes_four(session, account_id, give, now, statements):
    give(100)
    spend(session, account_id, credits=1, key="a", now=now)
    assert statements.of(lambda: spend(session, account_id, credits=1, key="a", now=now)) == 4


def test_a_grant_takes_nine(account_id, give, statements):
    assert statements.of(lambda: give(100)) == 9


@pytest.mark.parametrize("entries_each", [10, 3000])
def test_pages_take_the_same_number_of_queries_at_any_size(engine, session_of, now, entries_each):
    account_id, _ = fill_ledger(engine, accounts=2, entries_each=entries_each)
    statements = Statements(engine)
    with session_of(engine) as session:
        assert statements.of(lambda: balance(session, account_id, now=now)) == 1
        assert statements.of(lambda: history(session, account_id, now=now)) == 2
        assert statements.of(lambda: history(session, account_id, before_seq=9, limit=100, now=now)) == 2
        assert statements.of(lambda: history(session, account_id, type="purchases", now=now)) <= 2
        give = {"kind": "bonus", "source_kind": "test", "source_id": "1"}
        assert statements.of(lambda: grant(session, account_id, credits=9, key="g", **give, now=now)) <= 10
        assert statements.of(lambda: spend(session, account_id, credits=1, key="k", now=now)) == 8
        assert verify(session, account_id, now=now).faults == ()


@pytest.mark.parametrize(
    ("index", "work"),
    [
        ("ix_grants_burn_order", lambda session, at: spend(session, at.account_id, credits=1, key="k", now=at.now)),
        ("ix_grants_burn_order", lambda session, at: expire(session, at.account_id, now=at.now)),
        ("ix_grants_burn_order", lambda session, at: balance(session, at.account_id, now=at.now)),
        ("ix_grants_due", lambda session, at: accounts_due(session, now=at.now, limit=5)),
        ("ix_entries_rare", lambda session, at: history(session, at.account_id, type="refunds", now=at.now)),
        ("ix_entries_rare", lambda session, at: history(session, at.account_id, type="purchases", now=at.now)),
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
