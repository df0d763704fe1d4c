import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.ledger.by_hand import post
from webapp.ledger.errors import IdempotencyConflict, InsufficientCredits, SpendingPaused
from webapp.ledger.facts import LotTouched
from webapp.ledger.operations import expire, grant, open_account, spend
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def spending(session, account_id, now):
    def run(credits, key="k", **facts):
        return spend(session, account_id, credits=credits, key=key, **{"now": now} | facts)

    return run


def test_a_spend_lowers_the_balance_and_says_what_it_took(session, account_id, give, spending, now):
    give(10, "allowance", expires_at=now + HOUR)
    give(100)
    posted = spending(36, description="Outbound call", meter="call_minute", quantity=12, details={"call": "c1"})
    entry = posted.entry
    assert (entry.seq, entry.kind, entry.credits, entry.balance_after) == (3, "spend", -36, 74)
    assert (entry.description, entry.meter, entry.quantity) == ("Outbound call", "call_minute", 12)
    assert entry.lots == (LotTouched(1, "allowance", 10), LotTouched(2, "purchased", 26))
    assert (posted.available, posted.held, posted.replayed) == (74, 0, False)
    assert history(session, account_id, now=now, limit=1).entries == (entry,)
    assert verify(session, account_id, now=now).faults == ()


def test_a_lot_is_used_up_to_the_last_credit(session, account_id, give, spending, now):
    give(10)
    assert spending(10).available == 0
    assert balance(session, account_id, now=now).lots == ()
    assert session.execute(text("SELECT is_used_up FROM grants")).scalar_one()


def test_more_than_there_is_is_refused_and_leaves_nothing(session, account_id, give, spending, now):
    give(10)
    before = history(session, account_id, now=now)
    with pytest.raises(InsufficientCredits, match="needs 1,000 credits, and 10 are available") as refused:
        spending(1000)
    assert refused.value.facts == {"needed": 1000, "available": 10}
    assert history(session, account_id, now=now) == before
    assert balance(session, account_id, now=now).available == 10


def test_a_refused_spend_may_succeed_later_with_its_key(give, spending):
    with pytest.raises(InsufficientCredits):
        spending(10, "try")
    give(10)
    assert not spending(10, "try").replayed


def test_held_and_frozen_credits_are_not_spent(session, account_id, give, spending, now):
    give(10)
    post(session, account_id, "freeze", [(1, "available", "frozen", 4)], now=now)
    with pytest.raises(InsufficientCredits) as refused:
        spending(7)
    assert refused.value.facts["available"] == 6
    assert spending(6).entry.balance_after == 4


def test_a_repeated_key_tells_what_was_available_and_held_and_not_the_balance(session, account_id, give, spending, now):
    give(10)
    post(session, account_id, "freeze", [(1, "available", "frozen", 4)], now=now)
    post(session, account_id, "hold", [(1, "available", "held", 2)], now=now)
    first = spending(1, "same")
    assert (first.available, first.held, first.entry.balance_after) == (3, 2, 9)
    assert spending(1, "same") == replace(first, replayed=True)


def test_nothing_is_spent_while_spending_is_paused(session, account_id, give, spending, now):
    give(10)
    spending(1, "before")
    pause = text("UPDATE accounts SET spending_paused_at = :now WHERE id = :id")
    session.execute(pause, {"now": now.replace(tzinfo=None).isoformat(" ", "microseconds"), "id": account_id})
    with pytest.raises(SpendingPaused, match="paused"):
        spending(1, "after")
    assert spending(1, "before").replayed
    assert give(5).available == 14


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"description": "Outbound call"},
        {"details": {"a": [1, {"b": None}]}},
        {"meter": "call_minute", "quantity": 3, "key_id": 5},
        {"occurred_at": dt.datetime(2026, 11, 1, 23, 30, 0, 123456, tzinfo=dt.timezone(dt.timedelta(hours=-3)))},
        {"fingerprint": "f" * 64},
    ],
    ids=repr,
)
def test_a_repeated_key_answers_the_same_again(session, account_id, give, spending, now, facts):
    give(4, "bonus")
    give(10)
    first = spending(7, "same", **facts)
    spending(2, "another")
    again = spending(7, "same", **facts)
    assert again == replace(first, replayed=True)
    assert len(history(session, account_id, now=now).entries) == 4
    assert balance(session, account_id, now=now).available == 5


@pytest.mark.parametrize(
    "other",
    [
        {"credits": 8},
        {"description": "another"},
        {"details": {"a": 2}},
        {"meter": "transcript"},
        {"quantity": 4},
        {"occurred_at": dt.datetime(2026, 11, 1, tzinfo=dt.UTC)},
        {"fingerprint": "given"},
    ],
    ids=repr,
)
def test_a_key_is_not_used_for_another_request(session, account_id, give, spending, now, other):
    give(100)
    facts = {"credits": 7, "description": "one", "details": {"a": 1}, "meter": "call_minute", "quantity": 3}
    spending(key="same", **facts)
    with pytest.raises(IdempotencyConflict, match="This key was used before") as refused:
        spending(key="same", **facts | other)
    assert refused.value.facts == {"entry": 2}
    assert balance(session, account_id, now=now).available == 93


def test_the_callers_fingerprint_decides_and_not_the_facts(give, spending):
    give(100)
    first = spending(7, "same", fingerprint="body-1", description="one")
    assert spending(7, "same", fingerprint="body-1", description="two").entry == first.entry
    with pytest.raises(IdempotencyConflict):
        spending(7, "same", fingerprint="body-2", description="one")


def test_a_key_of_one_operation_is_not_taken_by_another(session, account_id, give, spending, now):
    give(10, key="grant", source_id="s")
    spending(1, "spend", fingerprint="same")
    with pytest.raises(IdempotencyConflict):
        spending(1, "grant")
    with pytest.raises(IdempotencyConflict):
        give(1, key="spend")


def test_a_spend_can_not_be_answered_by_the_entry_of_another_kind(session, account_id, give, spending, now):
    give(10)
    post(session, account_id, "freeze", [(1, "available", "frozen", 1)], key="same", fingerprint="same", now=now)
    with pytest.raises(IdempotencyConflict):
        spending(1, "same", fingerprint="same")


def test_two_accounts_may_use_the_same_key(session, account_id, give, spending, now):
    give(10)
    other = open_account(session, now=now)
    grant(session, other, kind="bonus", credits=10, key="g", source_kind="test", source_id="1", now=now)
    assert spending(1, "same").available == 9
    assert spend(session, other, credits=3, key="same", now=now).available == 7


def test_a_replay_is_answered_after_everything_else_has_changed(session, account_id, give, spending, now):
    give(10, expires_at=now + HOUR)
    first = spending(3, "same")
    later = now + 2 * HOUR
    expire(session, account_id, now=later)
    assert spending(3, "same", now=later) == replace(first, replayed=True)


def usage(session, account_id):
    found = text("SELECT used_on, meter, key_id, grant_kind, credits, count FROM usage_daily WHERE account_id = :id")
    return sorted((str(row[0])[:10], *row[1:]) for row in session.execute(found, {"id": account_id}))


def test_usage_adds_up_by_day_meter_key_and_kind(session, account_id, give, spending, now):
    give(10, "bonus")
    give(100)
    spending(6, "1", meter="call_minute", quantity=2)
    spending(6, "2", meter="call_minute", quantity=2)
    spending(6, "3", meter="call_minute", key_id=9)
    spending(6, "4")
    spending(6, "5", occurred_at=now - dt.timedelta(days=1))
    assert usage(session, account_id) == [
        ("2026-11-19", "", 0, "purchased", 6, 1),
        ("2026-11-20", "", 0, "purchased", 6, 1),
        ("2026-11-20", "call_minute", 0, "bonus", 10, 2),
        ("2026-11-20", "call_minute", 0, "purchased", 2, 0),
        ("2026-11-20", "call_minute", 9, "purchased", 6, 1),
    ]
    assert verify(session, account_id, now=now).faults == ()


def test_a_replay_is_not_counted_as_usage_again(session, account_id, give, spending):
    give(10)
    spending(3, "same")
    spending(3, "same")
    assert usage(session, account_id) == [("2026-11-20", "", 0, "purchased", 3, 1)]


@pytest.mark.parametrize(
    ("zone", "used_on"),
    [("UTC", "2026-11-20"), ("Pacific/Kiritimati", "2026-11-21"), ("Pacific/Pago_Pago", "2026-11-19")],
)
def test_the_day_of_use_is_the_accounts_own(session, zone, used_on):
    instant = dt.datetime(2026, 11, 20, 10, 30, tzinfo=dt.UTC)
    account_id = open_account(session, time_zone=zone, now=instant)
    grant(session, account_id, kind="bonus", credits=9, key="g", source_kind="test", source_id="1", now=instant)
    spend(session, account_id, credits=1, key="k", now=instant)
    assert [row[0] for row in usage(session, account_id)] == [used_on]


def test_a_rollback_leaves_nothing(engine, transact, now):
    account_id = transact(lambda session: open_account(session, now=now))
    give = {"kind": "bonus", "credits": 9, "key": "g", "source_kind": "test", "source_id": "1", "now": now}
    transact(lambda session: grant(session, account_id, **give))

    def fail(session):
        spend(session, account_id, credits=1, key="k", description="gone", now=now)
        grant(session, account_id, **give | {"key": "g2", "source_id": "2"})
        raise RuntimeError("after everything was written")

    before = transact(everything)
    with pytest.raises(RuntimeError):
        transact(fail)
    assert transact(everything) == before


def everything(session):
    """Every row of the ledger's tables."""
    tables = ("accounts", "entries", "entry_details", "grants", "postings", "usage_daily")
    return {table: sorted(map(repr, session.execute(text(f"SELECT * FROM {table}")))) for table in tables}
