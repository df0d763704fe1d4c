"""Reverses: what was spent comes back to the lots that paid, never more than was spent."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from webapp.ledger.errors import IdempotencyConflict, InvalidRequest, NotReversible, ReverseAboveSpent, UnknownEntry
from webapp.ledger.facts import LotTouched
from webapp.ledger.operations import capture, hold, open_account, reverse, settle_takeback, spend
from webapp.ledger.queries import actor_of, balance, balance_as_of, history
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(hours=24)


@pytest.fixture
def call(session, account_id, give, now):
    """25 spent by entry 3: 10 of a bonus that ends in an hour, then 15 of 100 bought."""
    give(10, "bonus", expires_at=now + HOUR)
    give(100)
    return spend(session, account_id, credits=25, key="s", meter="call_minute", quantity=8, key_id=7, now=now)


@pytest.fixture(autouse=True)
def everything_adds_up(session, account_id, now):
    yield
    assert verify(session, account_id, now=now).faults == ()


def test_credits_come_back_in_the_order_they_were_taken(session, account_id, call, now):
    posted = reverse(session, account_id, 3, credits=12, key="r", description="Returned: call", now=now)
    assert (posted.entry.kind, posted.entry.credits, posted.entry.balance_after) == ("reverse", 12, 97)
    assert posted.entry.lots == (LotTouched(1, "bonus", 10), LotTouched(2, "purchased", 2))
    assert (posted.entry.reverses_seq, posted.entry.meter, posted.available) == (3, "call_minute", 97)


def test_parts_add_up_to_the_spend_and_no_further(session, account_id, call, now):
    parts = [reverse(session, account_id, 3, credits=n, key=f"r{n}", now=now) for n in (4, 8, 13)]
    assert [[(lot.grant, lot.credits) for lot in part.entry.lots] for part in parts] == [
        [(1, 4)],
        [(1, 6), (2, 2)],
        [(2, 13)],
    ]
    with pytest.raises(ReverseAboveSpent, match="return 1 credits, and 0 of this use are left") as refused:
        reverse(session, account_id, 3, credits=1, key="more", now=now)
    assert refused.value.facts == {"needed": 1, "left": 0}


def test_more_than_was_spent_is_refused_whole(session, account_id, call, now):
    with pytest.raises(ReverseAboveSpent) as refused:
        reverse(session, account_id, 3, credits=26, key="r", now=now)
    assert refused.value.facts == {"needed": 26, "left": 25}
    assert len(history(session, account_id, now=now).entries) == 3


def test_a_reverse_takes_off_the_day_of_the_use_and_counts_nothing(session, account_id, give, now):
    give(10, "bonus")
    give(100)
    earlier = now - 3 * DAY
    spend(session, account_id, credits=25, key="s", meter="m", key_id=7, occurred_at=earlier, now=now)
    reverse(session, account_id, 3, credits=12, key="r", now=now)
    rows = session.execute(
        text("SELECT used_on, meter, key_id, grant_kind, credits, count FROM usage_daily ORDER BY grant_kind")
    )
    day = earlier.date().isoformat()
    assert [(str(row[0])[:10], *row[1:]) for row in rows] == [
        (day, "m", 7, "bonus", 0, 1),
        (day, "m", 7, "purchased", 13, 0),
    ]


def test_a_capture_can_be_reversed_too(session, account_id, give, now):
    give(100)
    hold(session, account_id, credits=30, key="h", now=now)
    capture(session, account_id, 2, credits=20, key="c", now=now)
    assert reverse(session, account_id, 3, credits=20, key="r", now=now).available == 100


@pytest.mark.parametrize(("later", "is_granted_anew"), [(HOUR, True), (HOUR + DAY, False)])
def test_an_expired_lot_lives_on_for_a_day_if_its_end_was_less_than_a_day_ago(
    session, account_id, call, now, later, is_granted_anew
):
    at = now + later
    posted = reverse(session, account_id, 3, credits=12, key="r", now=at)
    told = [(entry.kind, entry.credits) for entry in history(session, account_id, now=at).entries[::-1][3:]]
    anew = [("grant", 10)] if is_granted_anew else []
    assert told == [("reverse", 12), ("expire", -10), *anew]
    assert posted.available == 87 + 10 * is_granted_anew
    if is_granted_anew:
        lot = balance(session, account_id, now=at).lots[0]
        assert (lot.kind, lot.credits, lot.expires_at) == ("bonus", 10, now + HOUR + DAY)


def test_what_is_granted_anew_was_bought_only_once(session, account_id, give, now):
    give(10, "purchased", expires_at=now + HOUR)
    spend(session, account_id, credits=10, key="s", now=now)
    reverse(session, account_id, 2, credits=10, key="r", now=now + HOUR)
    for found in (balance(session, account_id, now=now + HOUR), balance_as_of(session, account_id, at=now + HOUR)):
        assert (found.available, found.total_purchased) == (10, 10)


def test_what_comes_back_to_a_refunded_lot_pays_its_debt(session, account_id, give, now):
    give(100)
    spend(session, account_id, credits=90, key="s", now=now)
    money = {"total_minor": 1000, "disputed_minor": 0}
    settle_takeback(session, account_id, source_kind="test", source_id="1", returned_minor=1000, **money, now=now)
    assert balance(session, account_id, now=now).balance == -90
    posted = reverse(session, account_id, 2, credits=40, key="r", now=now)
    assert (posted.entry.credits, posted.entry.balance_after, posted.available) == (40, -50, 0)
    found = balance(session, account_id, now=now)
    assert (found.available, found.debt, found.total_used) == (0, 50, 50)


def test_closing_it_twice_changes_nothing(session, account_id, call, now):
    first = reverse(session, account_id, 3, credits=5, key="r", now=now)
    assert reverse(session, account_id, 3, credits=5, key="r", now=now + HOUR) == replace(first, replayed=True)
    with pytest.raises(IdempotencyConflict):
        reverse(session, account_id, 3, credits=6, key="r", now=now)
    assert balance(session, account_id, now=now).available == 90


def test_all_that_is_left_comes_back_without_a_number(session, account_id, call, now):
    reverse(session, account_id, 3, credits=4, key="part", now=now)
    posted = reverse(session, account_id, 3, credits=None, key="rest", now=now)
    assert (posted.entry.credits, posted.available) == (21, 110)
    again = reverse(session, account_id, 3, credits=None, key="rest", now=now)
    assert again == replace(posted, replayed=True)
    with pytest.raises(IdempotencyConflict):
        reverse(session, account_id, 3, credits=21, key="rest", now=now)


def test_nothing_is_left_to_return_twice(session, account_id, call, now):
    reverse(session, account_id, 3, credits=None, key="all", now=now)
    with pytest.raises(ReverseAboveSpent, match="returned already") as refused:
        reverse(session, account_id, 3, credits=None, key="more", now=now)
    assert refused.value.facts == {"needed": 1, "left": 0}


def test_who_made_an_entry_is_told_to_its_own_account_only(session, account_id, give, now):
    give(10)
    spend(session, account_id, credits=1, key="s", actor_kind="key", key_id=7, now=now)
    assert [actor_of(session, account_id, seq) for seq in (1, 2, 3)] == ["system", "key", None]
    assert actor_of(session, open_account(session, now=now), 2) is None


def test_only_a_spend_or_capture_can_be_reversed(session, account_id, call, now):
    reverse(session, account_id, 3, credits=1, key="r", now=now)
    for seq, kind in ((1, "grant"), (4, "reverse")):
        with pytest.raises(NotReversible) as refused:
            reverse(session, account_id, seq, credits=1, key="again", now=now)
        assert refused.value.facts == {"entry": seq, "kind": kind}


def test_an_unknown_entry_and_another_accounts_entry(session, account_id, call, now):
    for of_account, seq in ((account_id, 99), (open_account(session, now=now), 3)):
        with pytest.raises(UnknownEntry) as refused:
            reverse(session, of_account, seq, credits=1, key="r", now=now)
        assert refused.value.facts == {"entry": seq}


@pytest.mark.parametrize("seq", [0, 2**63, "3", None, 3.0], ids=repr)
def test_no_number_of_an_entry(session, account_id, call, now, seq):
    with pytest.raises(InvalidRequest, match="whole number from 1"):
        reverse(session, account_id, seq, credits=1, key="r", now=now)
