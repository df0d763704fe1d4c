"""Batches: each line by itself, in its order, in one transaction."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from webapp.ledger.errors import (
    IdempotencyConflict,
    InsufficientCredits,
    InvalidCredits,
    InvalidRequest,
    SpendingPaused,
    UnknownAccount,
)
from webapp.ledger.operations import SpendLine, grant, hold, open_account, spend, spend_batch
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify


@pytest.fixture
def other_id(session, now):
    account_id = open_account(session, now=now)
    facts = {"kind": "bonus", "key": "g", "source_kind": "test", "source_id": "1"}
    grant(session, account_id, credits=50, **facts, now=now)
    return account_id


@pytest.fixture
def line(account_id):
    def make(credits, key, **facts):
        return SpendLine(**{"account_id": account_id} | facts, credits=credits, key=key)

    return make


def told(session, account_id, now):
    return [(entry.kind, entry.credits) for entry in history(session, account_id, now=now).entries[::-1]]


def test_lines_count_in_their_order_and_each_knows_what_was_left(session, account_id, give, line, now):
    give(10)
    results = spend_batch(session, [line(3, "a"), line(8, "b"), line(7, "c"), line(1, "d")], now=now)
    assert [type(result).__name__ for result in results] == ["Posted", "InsufficientCredits"] * 2
    assert (results[0].available, results[2].available) == (7, 0)
    assert results[1].facts == {"needed": 8, "available": 7}
    assert results[3].facts == {"needed": 1, "available": 0}
    assert told(session, account_id, now) == [("grant", 10), ("spend", -3), ("spend", -7)]
    assert verify(session, now=now).faults == ()


def test_a_batch_writes_what_its_lines_would_write_one_by_one(session, account_id, other_id, give, line, now):
    give(10, "bonus")
    give(100)
    facts = {"description": "Call", "details": {"to": "x"}, "meter": "call_minute", "quantity": 3, "key_id": 7}
    (batched,) = spend_batch(session, [line(15, "a", **facts)], now=now)
    single_id = open_account(session, now=now)
    for number, (kind, given) in enumerate((("bonus", 10), ("purchased", 100))):
        source = {"source_kind": "test", "source_id": str(number), "key": f"g{number}"}
        grant(session, single_id, kind=kind, credits=given, **source, now=now)
    assert spend(session, single_id, credits=15, key="a", **facts, now=now) == batched


def test_a_key_that_was_used_before_is_answered_again(session, account_id, give, line, now):
    give(10)
    first = spend(session, account_id, credits=3, key="a", now=now)
    again, other = spend_batch(session, [line(3, "a"), line(4, "a")], now=now)
    assert again == replace(first, replayed=True)
    assert isinstance(other, IdempotencyConflict)
    assert told(session, account_id, now) == [("grant", 10), ("spend", -3)]


def test_a_key_that_stands_twice_is_spent_once(session, account_id, give, line, now):
    give(10)
    first, again, other = spend_batch(session, [line(3, "a"), line(3, "a"), line(4, "a")], now=now)
    assert again == replace(first, replayed=True)
    assert isinstance(other, IdempotencyConflict)
    assert balance(session, account_id, now=now).available == 7


def test_a_key_whose_first_line_was_refused_is_free_for_the_next(session, account_id, give, line, now):
    give(10)
    refused, spent = spend_batch(session, [line(11, "a"), line(10, "a")], now=now)
    assert isinstance(refused, InsufficientCredits)
    assert (spent.available, spent.replayed) == (0, False)


def test_accounts_do_not_disturb_each_other(session, account_id, other_id, give, line, now):
    give(10)
    results = spend_batch(
        session, [line(50, "a", account_id=other_id), line(20, "a"), line(9, "b"), line(1, "b", account_id=77)], now=now
    )
    assert [type(result) for result in results[1::2]] == [InsufficientCredits, UnknownAccount]
    assert (results[0].available, results[2].available) == (0, 1)
    assert verify(session, now=now).faults == ()


def test_bad_lines_fail_alone(session, account_id, give, line, now):
    give(10)
    bad = [line(0, "a"), line(1, ""), line(1, "b", meter="no meter"), line(1, "c", account_id=2**70), line(1, "ok")]
    *refused, good = spend_batch(session, bad, now=now)
    assert [type(refusal) for refusal in refused] == [InvalidCredits, InvalidRequest, InvalidRequest, UnknownAccount]
    assert good.available == 9


def test_what_is_due_is_settled_by_the_first_line_that_succeeds(session, account_id, give, line, now):
    give(10, expires_at=now.replace(hour=20))
    give(10)
    hold(session, account_id, credits=4, key="h", lasts_seconds=60, now=now)
    later = now.replace(hour=20)
    _, spent = spend_batch(session, [line(11, "a"), line(9, "b")], now=later)
    kinds = [kind for kind, _ in told(session, account_id, later)]
    assert kinds == ["grant", "grant", "hold", "release", "expire", "spend"]
    assert (spent.entry.seq, spent.available) == (6, 1)
    assert verify(session, account_id, now=later).faults == ()


def test_a_batch_of_refusals_leaves_nothing(session, account_id, give, line, now):
    give(10, expires_at=now.replace(hour=20))
    (refused,) = spend_batch(session, [line(1, "a")], now=now.replace(hour=20))
    assert isinstance(refused, InsufficientCredits)
    assert told(session, account_id, now) == [("grant", 10)]


def test_paused_spending_refuses_the_lines_of_that_account(session, account_id, other_id, give, line, now):
    give(10)
    session.execute(text("UPDATE accounts SET spending_paused_at = created_at WHERE id = :id"), {"id": account_id})
    paused, spent = spend_batch(session, [line(1, "a"), line(1, "a", account_id=other_id)], now=now)
    assert isinstance(paused, SpendingPaused)
    assert spent.available == 49


def test_a_thousand_lines_are_taken_and_no_more(session, account_id, give, line, now):
    give(1000)
    lines = [line(1, f"k{number}") for number in range(1001)]
    for wrong in ([], lines):
        with pytest.raises(InvalidRequest, match="1 to 1,000 lines"):
            spend_batch(session, wrong, now=now)
    results = spend_batch(session, lines[:1000], now=now)
    assert [result.available for result in results] == list(range(999, -1, -1))
    assert verify(session, account_id, now=now).faults == ()
