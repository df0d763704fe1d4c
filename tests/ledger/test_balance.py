import datetime as dt
from dataclasses import replace

import pytest

from webapp.ledger.operations import expire, hold, open_account, release, settle_takeback, spend, void
from webapp.ledger.queries import LotFacts, balance
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)


def test_an_empty_account_has_nothing(session, account_id, now):
    found = balance(session, account_id, now=now)
    assert (found.available, found.held, found.frozen, found.debt, found.balance) == (0, 0, 0, 0, 0)
    assert (found.lots, found.total_purchased, found.total_used, found.is_due) == ((), 0, 0, False)
    assert (found.account_id, found.time_zone) == (account_id, "UTC")


def test_what_is_available_is_split_into_the_kinds_people_know(session, account_id, give, now):
    for granted, kind in ((1, "allowance"), (20, "bonus"), (300, "gift"), (4000, "purchased"), (50000, "adjustment")):
        give(granted, kind)
    found = balance(session, account_id, now=now)
    assert found.kinds == {"allowance": 1, "bonus": 320, "purchased": 54000}
    assert sum(found.kinds.values()) == found.available == found.balance == 54321


def test_lots_are_told_in_burn_order_with_what_is_left(session, account_id, give, now):
    give(100)
    give(10, "allowance", expires_at=now + HOUR)
    give(5, "bonus", expires_at=now + 2 * HOUR)
    spend(session, account_id, credits=12, key="k", now=now)
    assert balance(session, account_id, now=now).lots == (
        LotFacts(3, "bonus", 3, 5, now + 2 * HOUR),
        LotFacts(1, "purchased", 100, 100, None),
    )


def test_totals_are_what_was_ever_bought_and_ever_used(session, account_id, give, now):
    give(100)
    give(50)
    give(10, "bonus")
    give(7, "adjustment")
    spend(session, account_id, credits=115, key="k", now=now)
    found = balance(session, account_id, now=now)
    assert (found.total_purchased, found.total_used) == (150, 115)


def test_nothing_of_another_account_is_told(session, account_id, give, now):
    give(10)
    other = open_account(session, now=now)
    assert balance(session, other, now=now).total_purchased == 0


@pytest.fixture
def on_hold(session, account_id, give, now):
    """10 of an allowance that expires in an hour and 100 bought; a hold of 15 that expires in two."""
    give(10, "allowance", expires_at=now + HOUR)
    give(100)
    hold(session, account_id, credits=15, lasts_seconds=7200, key="h", now=now)
    return account_id


def test_held_credits_are_part_of_the_balance_and_not_available(session, on_hold, now):
    found = balance(session, on_hold, now=now)
    assert (found.available, found.held, found.balance, found.is_due) == (95, 15, 110, False)
    assert found.kinds == {"allowance": 0, "bonus": 0, "purchased": 95}


def test_a_hold_outlives_the_lot_it_holds(session, on_hold, now):
    found = balance(session, on_hold, now=now + HOUR)
    assert (found.available, found.held, found.balance, found.is_due) == (95, 15, 110, False)


def test_a_hold_stops_counting_at_the_instant_it_expires(session, on_hold, now):
    found = balance(session, on_hold, now=now + 2 * HOUR)
    assert (found.available, found.held, found.balance, found.is_due) == (100, 0, 100, True)
    assert found.lots == (LotFacts(2, "purchased", 100, 100, None),)


def test_a_hold_that_was_released_gives_nothing_back_twice(session, on_hold, now):
    release(session, on_hold, 3, key="r", now=now)
    found = balance(session, on_hold, now=now + 2 * HOUR)
    assert (found.available, found.held, found.balance) == (100, 0, 100)


def test_credits_of_a_hold_that_expired_pay_debt_first(session, account_id, give, now):
    give(10)
    give(100)
    spend(session, account_id, credits=8, key="k", now=now)
    hold(session, account_id, credits=7, lasts_seconds=3600, key="h", now=now)  # 2 of the first lot, 5 of the second
    void(session, account_id, 2, credits=95, key="v", now=now)
    claim = {"total_minor": 10, "returned_minor": 3, "disputed_minor": 0}
    settle_takeback(session, account_id, source_kind="test", source_id="1", **claim, now=now)
    before, after = (balance(session, account_id, now=moment) for moment in (now, now + HOUR))
    assert (before.available, before.held, before.debt, before.balance) == (0, 7, 3, 4)
    assert (after.available, after.held, after.debt, after.balance) == (4, 0, 0, 4)
    assert after.lots == (LotFacts(2, "purchased", 4, 100, None),)
    expire(session, account_id, now=now + HOUR)
    assert replace(balance(session, account_id, now=now + HOUR), is_due=True) == after
    assert verify(session, account_id, now=now).faults == ()
