"""Work that used more than was on hold for it: a capture that also takes available credits, if it may."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from webapp.ledger.errors import (
    CaptureAboveHold,
    HoldClosed,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidCredits,
    SpendingPaused,
)
from webapp.ledger.facts import HoldFacts, LotTouched
from webapp.ledger.operations import capture, hold, reverse, settle_takeback, spend
from webapp.ledger.queries import balance, history
from webapp.ledger.queries import hold as find_hold
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def call(session, account_id, give, now):
    """15 on hold, by entry 3: all 10 of a bonus that ends in an hour, and 5 of 100 bought."""
    give(10, "bonus", expires_at=now + HOUR)
    give(100)
    return hold(session, account_id, credits=15, key="h", lasts_seconds=7200, now=now)


@pytest.fixture(autouse=True)
def everything_adds_up(session, account_id, now):
    yield
    assert verify(session, account_id, now=now).faults == ()


@pytest.fixture
def above(session, account_id, now):
    """Capture of hold 3 that may exceed it."""

    def run(credits, key="c", **facts):
        given = {"may_exceed_hold": True, "now": now} | facts
        return capture(session, account_id, 3, credits=credits, key=key, **given)

    return run


def test_what_is_above_the_hold_is_taken_in_the_same_entry(session, account_id, call, above, now):
    posted = above(40, meter="call_minute", quantity=10, key_id=7)
    assert (posted.entry.kind, posted.entry.credits, posted.entry.balance_after) == ("capture", -40, 70)
    assert posted.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 30))
    assert (posted.available, posted.held) == (70, 0)
    assert posted.hold == HoldFacts(3, 15, 40, "captured", now + 2 * HOUR)
    assert find_hold(session, account_id, 3, now=now) == posted.hold
    assert history(session, account_id, now=now).entries[0] == posted.entry
    assert usage(session, account_id) == [("bonus", 10, 1), ("purchased", 30, 0)]
    assert moves(session, account_id, 4) == [
        (1, "held", "spent", 10),
        (2, "available", "spent", 25),
        (2, "held", "spent", 5),
    ]


@pytest.mark.parametrize("credits", [1, 15])
def test_a_capture_that_may_exceed_its_hold_and_does_not_is_like_any_other(session, account_id, call, above, credits):
    posted = above(credits)
    assert (posted.entry.credits, posted.available, posted.held) == (-credits, 110 - credits, 0)
    assert not any(
        source == "available" and target == "spent" for _, source, target, _ in moves(session, account_id, 4)
    )


def test_credits_that_pay_first_and_came_later_pay_first_and_stand_first(session, account_id, give, call, above, now):
    give(20, "allowance", expires_at=now + 2 * HOUR)
    posted = above(30)
    assert posted.entry.lots == (
        LotTouched(4, "allowance", 15),
        LotTouched(1, "bonus", 10),
        LotTouched(2, "purchased", 5),
    )
    assert history(session, account_id, now=now).entries[0] == posted.entry
    assert usage(session, account_id) == [("allowance", 15, 1), ("bonus", 10, 0), ("purchased", 5, 0)]


def test_all_that_is_available_may_be_taken_and_not_one_more(session, account_id, call, above, now):
    with pytest.raises(InsufficientCredits, match="needs 96 credits, and 95 are available") as refused:
        above(111)
    assert refused.value.facts == {"needed": 96, "available": 95}
    assert find_hold(session, account_id, 3, now=now).state == "open"
    assert balance(session, account_id, now=now).held == 15
    assert len(history(session, account_id, now=now).entries) == 3
    assert above(110).available == 0, "a refused capture leaves its key free"


def test_another_hold_keeps_its_credits(session, account_id, call, above, now):
    hold(session, account_id, credits=90, key="h2", lasts_seconds=7200, now=now)
    with pytest.raises(InsufficientCredits) as refused:
        above(21)
    assert refused.value.facts == {"needed": 6, "available": 5}
    posted = above(20)
    assert (posted.available, posted.held) == (0, 90)


def test_credits_that_expired_meanwhile_are_not_there(session, account_id, give, call, above, now):
    give(30, "bonus", expires_at=now + HOUR)
    spend(session, account_id, credits=125, key="s", now=now - HOUR / 2)
    later = now + HOUR
    assert balance(session, account_id, now=later).balance == 15
    with pytest.raises(InsufficientCredits) as refused:
        above(16, now=later)
    assert refused.value.facts == {"needed": 1, "available": 0}
    assert above(15, now=later).entry.lots[0] == LotTouched(1, "bonus", 10), "the hold outlives its lot"


def test_a_debt_leaves_nothing_to_take(session, account_id, give, call, above, now):
    spend(session, account_id, credits=95, key="s", now=now)
    settle_takeback(
        session, account_id, source_kind="test", source_id="2", total_minor=10, returned_minor=10, disputed_minor=0,
        now=now,
    )  # fmt: skip
    with pytest.raises(InsufficientCredits):
        above(16)
    assert above(15).entry.credits == -15
    assert balance(session, account_id, now=now).debt == 100, "what was on hold is taken back once it is spent"


def test_paused_spending_stops_what_is_above_the_hold_only(session, account_id, call, above, now):
    session.execute(text("UPDATE accounts SET spending_paused_at = created_at WHERE id = :id"), {"id": account_id})
    with pytest.raises(SpendingPaused):
        above(16)
    assert above(15).available == 95


def test_whether_it_may_exceed_its_hold_is_part_of_the_request(session, account_id, call, above, now):
    first = above(20)
    assert above(20) == replace(first, replayed=True)
    with pytest.raises(IdempotencyConflict):
        above(20, may_exceed_hold=False)
    with pytest.raises(IdempotencyConflict):
        above(21)
    with pytest.raises(HoldClosed):
        above(20, key="another")


def test_it_must_be_said(session, account_id, call, above):
    with pytest.raises(CaptureAboveHold):
        above(16, may_exceed_hold=False)


def test_the_largest_amount_holds_for_both_parts_together(session, account_id, call, above):
    with pytest.raises(InvalidCredits):
        above(10**9 + 1)


def test_it_is_returned_to_the_lots_that_paid(session, account_id, call, above, now):
    above(40)
    part = reverse(session, account_id, 4, credits=12, key="r1", now=now)
    assert part.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 2))
    rest = reverse(session, account_id, 4, credits=28, key="r2", now=now)
    assert rest.entry.lots == (LotTouched(2, "purchased", 28),)
    assert (rest.available, rest.entry.balance_after) == (110, 110)
    assert usage(session, account_id) == [("bonus", 0, 1), ("purchased", 0, 0)]


def usage(session, account_id):
    rows = session.execute(
        text("SELECT grant_kind, credits, count FROM usage_daily WHERE account_id = :id ORDER BY grant_kind"),
        {"id": account_id},
    )
    return [tuple(row) for row in rows]


def moves(session, account_id, seq):
    rows = session.execute(
        text(
            "SELECT grant_seq, from_book, to_book, credits FROM postings "
            "WHERE account_id = :id AND entry_seq = :seq ORDER BY 1, 2, 3"
        ),
        {"id": account_id, "seq": seq},
    )
    return [tuple(row) for row in rows]
