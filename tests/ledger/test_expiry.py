import datetime as dt

import pytest
from sqlalchemy import text

from webapp.ledger.errors import InsufficientCredits
from webapp.ledger.facts import LotTouched
from webapp.ledger.operations import expire, grant, hold, open_account, release, settle_takeback, spend
from webapp.ledger.queries import accounts_due, balance, history
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)
INSTANT = dt.timedelta(microseconds=1)


@pytest.fixture
def ends_at(now):
    return now + HOUR


def test_credits_are_there_until_the_very_instant(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    before, at = (balance(session, account_id, now=moment) for moment in (ends_at - INSTANT, ends_at))
    assert (before.available, before.balance, before.is_due, len(before.lots)) == (10, 10, False, 1)
    assert (at.available, at.balance, at.is_due, at.lots) == (0, 0, True, ())
    assert at.kinds == {"allowance": 0, "bonus": 0, "purchased": 0}


def test_a_lot_can_be_spent_until_the_very_instant(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    assert spend(session, account_id, credits=4, key="a", now=ends_at - INSTANT).available == 6
    with pytest.raises(InsufficientCredits) as refused:
        spend(session, account_id, credits=1, key="b", now=ends_at)
    assert refused.value.facts == {"needed": 1, "available": 0}


def test_a_writer_settles_what_is_due_first_with_entries_of_its_own(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    give(7, "bonus", expires_at=ends_at - INSTANT)
    give(100)
    posted = spend(session, account_id, credits=20, key="k", now=ends_at)
    assert posted.entry.lots == (LotTouched(3, "purchased", 20),)
    entries = history(session, account_id, now=ends_at).entries[::-1][3:]
    assert [(entry.seq, entry.kind, entry.credits, entry.balance_after) for entry in entries] == [
        (4, "expire", -7, 110),
        (5, "expire", -10, 100),
        (6, "spend", -20, 80),
    ]
    assert [entry.occurred_at for entry in entries] == [ends_at - INSTANT, ends_at, ends_at]
    assert [entry.lots for entry in entries[:2]] == [(LotTouched(2, "bonus", 7),), (LotTouched(1, "allowance", 10),)]
    assert keys(session, account_id)[3:] == ["expire:2:0", "expire:1:0", "k"]
    assert verify(session, account_id, now=ends_at).faults == ()


def test_a_grant_settles_what_is_due_first(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    posted = give(5, key="next", now=ends_at)
    assert (posted.entry.seq, posted.entry.balance_after, posted.available) == (3, 5, 5)
    assert posted.entry.lots == (LotTouched(3, "purchased", 5),)
    assert keys(session, account_id) == ["give:1", "expire:1:0", "next"]
    assert verify(session, account_id, now=ends_at).faults == ()


def test_a_refused_spend_settles_nothing(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    with pytest.raises(InsufficientCredits):
        spend(session, account_id, credits=1, key="k", now=ends_at)
    assert len(keys(session, account_id)) == 1
    assert balance(session, account_id, now=ends_at).is_due


def test_expire_settles_each_due_lot_once(session, account_id, give, ends_at, now):
    give(10, "allowance", expires_at=ends_at)
    give(7, "bonus", expires_at=ends_at + INSTANT)
    give(5)
    assert expire(session, account_id, now=ends_at - INSTANT) == []
    (entry,) = expire(session, account_id, now=ends_at)
    assert (entry.kind, entry.credits, entry.balance_after) == ("expire", -10, 12)
    assert (entry.occurred_at, entry.created_at) == (ends_at, ends_at)
    assert expire(session, account_id, now=ends_at) == []
    (entry,) = expire(session, account_id, now=ends_at + HOUR)
    assert (entry.credits, entry.balance_after, entry.occurred_at) == (-7, 5, ends_at + INSTANT)
    assert keys(session, account_id)[3:] == ["expire:1:0", "expire:2:0"]
    assert verify(session, account_id, now=now).faults == ()


def test_every_entry_of_an_operation_knows_what_is_available_at_its_end(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    give(7, "bonus", expires_at=ends_at)
    give(100)
    expire(session, account_id, now=ends_at)
    after = text("SELECT available_after FROM entries WHERE account_id = :id AND kind = 'expire'")
    assert session.scalars(after, {"id": account_id}).all() == [100, 100]


def test_only_what_is_left_expires(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    spend(session, account_id, credits=4, key="k", now=ends_at - INSTANT)
    (entry,) = expire(session, account_id, now=ends_at)
    assert entry.credits == -6
    assert balance(session, account_id, now=ends_at).total_used == 4


def test_a_lot_that_was_used_up_does_not_expire(session, account_id, give, ends_at):
    give(10, "allowance", expires_at=ends_at)
    spend(session, account_id, credits=10, key="k", now=ends_at - INSTANT)
    assert expire(session, account_id, now=ends_at) == []
    assert not balance(session, account_id, now=ends_at).is_due
    assert account_id not in accounts_due(session, now=ends_at, limit=10)


def test_held_and_frozen_credits_stay_when_their_lot_expires(session, account_id, give, ends_at, now):
    give(10, "allowance", expires_at=ends_at)
    hold(session, account_id, credits=3, key="h", lasts_seconds=7200, now=ends_at - HOUR)
    money = {"total_minor": 10, "returned_minor": 0, "disputed_minor": 2}
    settle_takeback(session, account_id, source_kind="test", source_id="1", **money, now=now)
    (entry,) = expire(session, account_id, now=ends_at)
    assert (entry.credits, entry.balance_after) == (-5, 5)
    found = balance(session, account_id, now=ends_at)
    assert (found.available, found.held, found.frozen, found.balance, found.is_due) == (0, 3, 2, 5, False)
    assert expire(session, account_id, now=ends_at) == []
    assert account_id not in accounts_due(session, now=ends_at, limit=10)
    assert verify(session, account_id, now=now).faults == ()


def test_a_lot_may_expire_again_when_a_hold_gives_back(session, account_id, give, ends_at, now):
    give(10, "allowance", expires_at=ends_at)
    hold(session, account_id, credits=3, key="h", lasts_seconds=7200, now=ends_at - HOUR)
    expire(session, account_id, now=ends_at)
    release(session, account_id, 2, key="r", now=ends_at)
    assert history(session, account_id, now=ends_at).entries[0].credits == -3
    assert keys(session, account_id)[-1] == "expire:1:7"
    assert verify(session, account_id, now=now).faults == ()


def test_accounts_with_due_lots_are_found_longest_due_first(session, now):
    def account(*lifetimes):
        account_id = open_account(session, now=now)
        for number, hours in enumerate(lifetimes):
            ends_at = None if hours is None else now + hours * HOUR
            facts = {"key": f"k{number}", "source_kind": "test", "source_id": str(number)}
            grant(session, account_id, kind="bonus", credits=5, expires_at=ends_at, now=now, **facts)
        return account_id

    account(None)
    account(30)
    late, early, both = account(3), account(1), account(2, 2)
    at = now + 3 * HOUR
    assert accounts_due(session, now=now, limit=10) == ()
    assert accounts_due(session, now=at, limit=10) == (early, both, late)
    assert accounts_due(session, now=at, limit=2) == (early, both)
    expire(session, both, now=at)
    assert accounts_due(session, now=at, limit=10) == (early, late)


def keys(session, account_id):
    found = text("SELECT key FROM entries WHERE account_id = :id ORDER BY seq")
    return session.scalars(found, {"id": account_id}).all()
