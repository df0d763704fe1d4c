"""The balance as of any instant is what was answered at that instant."""

import datetime as dt
from dataclasses import replace

import pytest

from webapp.ledger.errors import InvalidRequest, UnknownAccount
from webapp.ledger.operations import capture, expire, hold, reverse, settle_takeback, spend, void
from webapp.ledger.queries import balance, balance_as_of

HOUR = dt.timedelta(hours=1)
INSTANT = dt.timedelta(microseconds=1)


def test_every_balance_of_a_story_can_be_asked_for_again(session, account_id, give, now):
    """Told hour by hour; a lot and a hold end in between, and nobody writes that down for two hours."""
    money = {"total_minor": 1000, "disputed_minor": 0}
    source = {"source_kind": "test", "source_id": "2"}
    steps = [
        lambda at: give(50, "allowance", expires_at=now + 4 * HOUR + HOUR / 2, now=at),
        lambda at: give(100, now=at),
        lambda at: spend(session, account_id, credits=60, key="s", now=at),
        lambda at: hold(session, account_id, credits=30, key="h", lasts_seconds=7200, now=at),
        lambda at: hold(session, account_id, credits=20, key="h2", lasts_seconds=5 * 3600, now=at),
        lambda at: None,
        lambda at: None,
        lambda at: expire(session, account_id, now=at),
        lambda at: capture(session, account_id, 5, credits=5, key="c", now=at),
        lambda at: reverse(session, account_id, 3, credits=8, key="r", now=at),
        lambda at: settle_takeback(session, account_id, **source, returned_minor=200, **money, now=at),
        lambda at: void(session, account_id, 2, credits=1, key="v", now=at),
    ]
    moments = {}
    for number, step in enumerate(steps):
        at = now + number * HOUR
        step(at)
        for moment in (at, at + HOUR / 2, at + HOUR - INSTANT):
            moments[moment] = balance(session, account_id, now=moment)
    assert len({found.balance for found in moments.values()}) > 6
    assert any(found.is_due for found in moments.values())
    for moment, found in moments.items():
        assert balance_as_of(session, account_id, at=moment) == found, moment


def test_before_anything_happened_there_was_nothing(session, account_id, give, now):
    give(100)
    found = balance_as_of(session, account_id, at=now - INSTANT)
    assert (found.balance, found.lots, found.total_purchased) == (0, (), 0)
    assert balance_as_of(session, account_id, at=now).available == 100


def test_what_time_will_end_is_known_ahead(session, account_id, give, now):
    give(100, expires_at=now + HOUR)
    assert balance_as_of(session, account_id, at=now + HOUR) == replace(
        balance(session, account_id, now=now),
        available=0,
        balance=0,
        is_due=True,
        lots=(),
        kinds=dict.fromkeys(("allowance", "bonus", "purchased"), 0),
    )


def test_an_instant_says_its_zone_and_an_account_exists(session, account_id, now):
    with pytest.raises(InvalidRequest, match="zone"):
        balance_as_of(session, account_id, at=now.replace(tzinfo=None))
    for unknown in (1, 2**70):
        with pytest.raises(UnknownAccount):
            balance_as_of(session, unknown, at=now)
