"""Holds: reserved, captured, released, ended by time; each once."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from webapp.ledger.errors import (
    CaptureAboveHold,
    HoldClosed,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    SpendingPaused,
    UnknownHold,
)
from webapp.ledger.facts import HoldFacts, LotTouched
from webapp.ledger.operations import capture, expire, hold, open_account, release, spend
from webapp.ledger.queries import accounts_due, balance, history
from webapp.ledger.queries import hold as find_hold
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)
INSTANT = dt.timedelta(microseconds=1)


@pytest.fixture
def call(session, account_id, give, now):
    """15 on hold for half an hour, by entry 3: all 10 of a bonus that ends in an hour, and 5 of 100 bought."""
    give(10, "bonus", expires_at=now + HOUR)
    give(100)
    return hold(session, account_id, credits=15, key="h", lasts_seconds=1800, description="Call", now=now)


@pytest.fixture(autouse=True)
def everything_adds_up(session, account_id, now):
    yield
    assert verify(session, account_id, now=now).faults == ()


def test_a_hold_reserves_credits_in_burn_order_and_keeps_the_balance(session, account_id, call, now):
    assert (call.entry.kind, call.entry.seq, call.entry.credits, call.entry.balance_after) == ("hold", 3, 0, 110)
    assert call.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 5))
    assert (call.available, call.held, call.replayed) == (95, 15, False)
    assert call.hold == HoldFacts(3, 15, 0, "open", now + HOUR / 2)
    assert find_hold(session, account_id, 3, now=now) == call.hold
    found = balance(session, account_id, now=now)
    assert (found.available, found.held, found.balance) == (95, 15, 110)


def test_what_is_on_hold_can_not_be_spent_or_held_again(session, account_id, call, now):
    for operation in (spend, hold):
        with pytest.raises(InsufficientCredits) as refused:
            operation(session, account_id, credits=96, key="k", now=now)
        assert refused.value.facts == {"needed": 96, "available": 95}


def test_a_capture_spends_in_the_order_of_the_holds_lots_and_gives_the_rest_back(session, account_id, call, now):
    posted = capture(session, account_id, 3, credits=12, key="c", meter="call_minute", quantity=4, now=now)
    assert (posted.entry.kind, posted.entry.credits, posted.entry.balance_after) == ("capture", -12, 98)
    assert posted.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 2))
    assert (posted.entry.hold_seq, posted.entry.meter, posted.entry.quantity) == (3, "call_minute", 4)
    assert (posted.available, posted.held) == (98, 0)
    assert posted.hold == HoldFacts(3, 15, 12, "captured", now + HOUR / 2)
    assert find_hold(session, account_id, 3, now=now + HOUR) == posted.hold
    assert usage(session, account_id) == [("bonus", 10, 1), ("purchased", 2, 0)]


def test_a_capture_may_take_all_of_a_hold(session, account_id, call, now):
    posted = capture(session, account_id, 3, credits=15, key="c", now=now)
    assert (posted.entry.credits, posted.available, posted.held) == (-15, 95, 0)


def test_a_release_gives_all_of_it_back(session, account_id, call, now):
    posted = release(session, account_id, 3, key="r", description="No answer", now=now)
    assert (posted.entry.kind, posted.entry.credits, posted.entry.hold_seq) == ("release", 0, 3)
    assert posted.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 5))
    assert (posted.available, posted.held) == (110, 0)
    assert posted.hold == HoldFacts(3, 15, 0, "released", now + HOUR / 2)
    assert usage(session, account_id) == []


def test_a_hold_ends_by_itself_at_its_instant(session, account_id, call, now):
    ends_at = call.hold.expires_at
    assert find_hold(session, account_id, 3, now=ends_at - INSTANT).state == "open"
    assert find_hold(session, account_id, 3, now=ends_at).state == "expired"
    assert accounts_due(session, now=ends_at - INSTANT, limit=9) == ()
    assert accounts_due(session, now=ends_at, limit=9) == (account_id,)
    found = balance(session, account_id, now=ends_at)
    assert (found.available, found.held, found.is_due) == (110, 0, True)
    (entry,) = expire(session, account_id, now=ends_at)
    assert (entry.kind, entry.hold_seq, entry.occurred_at) == ("release", 3, ends_at)
    assert find_hold(session, account_id, 3, now=ends_at).state == "expired"
    assert expire(session, account_id, now=ends_at + INSTANT) == []


def test_credits_of_an_ended_hold_can_be_spent_at_that_instant(session, account_id, call, now):
    posted = spend(session, account_id, credits=110, key="k", now=call.hold.expires_at)
    assert (posted.entry.seq, posted.available) == (5, 0)
    assert posted.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 100))


def test_a_hold_outlives_its_lot_and_what_comes_back_expires(session, account_id, give, now):
    give(10, "bonus", expires_at=now + HOUR)
    hold(session, account_id, credits=6, key="h", lasts_seconds=7200, now=now)
    later = now + HOUR + INSTANT
    posted = capture(session, account_id, 2, credits=5, key="c", now=later)
    assert (posted.available, posted.held, posted.entry.balance_after) == (0, 0, 1)
    told = [(entry.kind, entry.credits) for entry in history(session, account_id, now=later).entries]
    assert told == [("expire", -1), ("capture", -5), ("expire", -4), ("hold", 0), ("grant", 10)]


@pytest.mark.parametrize("close", ["capture", "release"])
def test_closing_a_hold_twice_changes_nothing(session, account_id, call, now, close):
    run = {
        "capture": lambda key: capture(session, account_id, 3, credits=5, key=key, now=now),
        "release": lambda key: release(session, account_id, 3, key=key, now=now),
    }
    first = run[close]("once")
    assert run[close]("once") == replace(first, replayed=True)
    for again in run.values():
        with pytest.raises(HoldClosed, match="no longer open") as refused:
            again("twice")
        assert refused.value.facts == {"hold": 3, "state": first.hold.state}
    assert len(history(session, account_id, now=now).entries) == 4


def test_an_ended_hold_can_not_be_closed_even_if_nobody_wrote_that_down(session, account_id, call, now):
    with pytest.raises(HoldClosed) as refused:
        capture(session, account_id, 3, credits=1, key="c", now=call.hold.expires_at)
    assert refused.value.facts == {"hold": 3, "state": "expired"}
    assert len(history(session, account_id, now=now).entries) == 3
    with pytest.raises(HoldClosed):
        release(session, account_id, 3, key="r", now=call.hold.expires_at)


def test_a_repeated_key_answers_the_hold_as_it_was_then(session, account_id, call, now):
    captured = capture(session, account_id, 3, credits=5, key="c", now=now)
    again = hold(session, account_id, credits=15, key="h", lasts_seconds=1800, description="Call", now=now + HOUR)
    assert again == replace(call, replayed=True)
    assert capture(session, account_id, 3, credits=5, key="c", now=now + HOUR) == replace(captured, replayed=True)


@pytest.mark.parametrize("other", [{"credits": 16}, {"lasts_seconds": 1801}, {"description": "Other"}, {"meter": "m"}])
def test_a_key_that_held_something_else_is_a_conflict(session, account_id, call, now, other):
    asked = {"credits": 15, "lasts_seconds": 1800, "description": "Call"} | other
    with pytest.raises(IdempotencyConflict):
        hold(session, account_id, key="h", **asked, now=now)
    with pytest.raises(IdempotencyConflict):
        spend(session, account_id, credits=15, key="h", now=now)


def test_no_more_than_the_hold_can_be_captured(session, account_id, call, now):
    with pytest.raises(CaptureAboveHold, match="16 credits, and 15 are on hold") as refused:
        capture(session, account_id, 3, credits=16, key="c", now=now)
    assert refused.value.facts == {"needed": 16, "held": 15}
    assert find_hold(session, account_id, 3, now=now).state == "open"


@pytest.mark.parametrize("seq", [1, 4, 99, 2**63 - 1])
def test_an_unknown_hold(session, account_id, call, now, seq):
    for close in (
        lambda: capture(session, account_id, seq, credits=1, key="c", now=now),
        lambda: release(session, account_id, seq, key="r", now=now),
    ):
        with pytest.raises(UnknownHold) as refused:
            close()
        assert refused.value.facts == {"hold": seq}
    assert find_hold(session, account_id, seq, now=now) is None


def test_another_accounts_hold_is_unknown(session, call, now):
    other = open_account(session, now=now)
    with pytest.raises(UnknownHold):
        release(session, other, 3, key="r", now=now)


@pytest.mark.parametrize("seq", [0, -1, 2**63, 1.0, "3", None, True], ids=repr)
def test_no_number_of_a_hold(session, account_id, call, now, seq):
    with pytest.raises(InvalidRequest, match="whole number from 1"):
        release(session, account_id, seq, key="r", now=now)


@pytest.mark.parametrize("lasts_seconds", [0, -1, 86_401, 1.5, "900", None, True], ids=repr)
def test_no_such_length_of_a_hold(session, account_id, give, now, lasts_seconds):
    give(5)
    with pytest.raises(InvalidRequest, match="1 to 86,400"):
        hold(session, account_id, credits=1, key="h", lasts_seconds=lasts_seconds, now=now)


@pytest.mark.parametrize("lasts_seconds", [1, 86_400])
def test_the_shortest_and_the_longest_hold(session, account_id, give, now, lasts_seconds):
    give(5)
    posted = hold(session, account_id, credits=1, key="h", lasts_seconds=lasts_seconds, now=now)
    assert posted.hold.expires_at == now + dt.timedelta(seconds=lasts_seconds)


def test_paused_spending_stops_new_holds_and_lets_open_ones_end(session, account_id, call, now):
    session.execute(text("UPDATE accounts SET spending_paused_at = created_at WHERE id = :id"), {"id": account_id})
    with pytest.raises(SpendingPaused):
        hold(session, account_id, credits=1, key="h2", now=now)
    assert capture(session, account_id, 3, credits=1, key="c", now=now).available == 109


def usage(session, account_id):
    rows = session.execute(
        text("SELECT grant_kind, credits, count FROM usage_daily WHERE account_id = :id ORDER BY grant_kind"),
        {"id": account_id},
    )
    return [tuple(row) for row in rows]
