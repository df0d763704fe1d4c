"""Pausing an account's spending: nothing new is taken, what is under way goes on, and nobody else's stops."""

import pytest

from webapp.ledger.errors import SpendingPaused, UnknownAccount
from webapp.ledger.operations import (
    SpendLine,
    capture,
    hold,
    lock_account,
    open_account,
    pause_spending,
    release,
    resume_spending,
    spend,
    spend_batch,
    void_in_order,
)
from webapp.ledger.queries import open_holds
from webapp.ledger.verify import verify


def test_a_pause_holds_from_its_first_moment_and_is_kept_until_it_is_resumed(session, account_id, give, now):
    give(100)
    assert pause_spending(session, account_id, now=now) is True
    assert pause_spending(session, account_id, now=now.replace(hour=20)) is False
    assert lock_account(session, account_id).spending_paused_at == now
    with pytest.raises(SpendingPaused):
        spend(session, account_id, credits=1, key="s", now=now)
    assert resume_spending(session, account_id) is True
    assert resume_spending(session, account_id) is False
    assert spend(session, account_id, credits=1, key="s", now=now).available == 99


def test_while_it_is_paused_work_under_way_goes_on_and_credits_come_and_go(session, account_id, give, now):
    give(100)
    first, second = (hold(session, account_id, credits=20, key=f"h{n}", now=now).entry.seq for n in (1, 2))
    pause_spending(session, account_id, now=now)
    (refused,) = spend_batch(session, [SpendLine(account_id=account_id, credits=1, key="b")], now=now)
    assert isinstance(refused, SpendingPaused)
    assert capture(session, account_id, first, credits=15, key="c", now=now).available == 65
    assert release(session, account_id, second, key="r", now=now).available == 85
    give(10)
    assert void_in_order(session, account_id, credits=5, key="v", now=now).available == 90
    assert verify(session, account_id, now=now).faults == ()


def test_only_that_account_is_paused(session, account_id, give, now):
    give(100)
    other = open_account(session, now=now)
    pause_spending(session, other, now=now)
    assert spend(session, account_id, credits=1, key="s", now=now).available == 99
    for act in (lambda: pause_spending(session, 0, now=now), lambda: resume_spending(session, 2**60)):
        with pytest.raises(UnknownAccount):
            act()


def test_open_holds_are_told_those_that_end_first_first(session, account_id, give, now):
    give(100)
    for key, lasts_seconds in (("long", 3600), ("short", 60), ("ended", 1)):
        hold(session, account_id, credits=5, key=key, lasts_seconds=lasts_seconds, now=now)
    closed = hold(session, account_id, credits=5, key="closed", now=now).entry.seq
    release(session, account_id, closed, key="r", now=now)
    found = open_holds(session, account_id, now=now.replace(second=1), limit=10)
    assert [hold.seq for hold in found] == [3, 2]
    assert len(open_holds(session, account_id, now=now, limit=1)) == 1
