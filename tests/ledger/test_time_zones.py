"""The zone of an account's days can change: days already counted stay, the next use counts by the new zone."""

import datetime as dt

import pytest
from sqlalchemy import select

from webapp.ledger.errors import InvalidRequest, UnknownAccount
from webapp.ledger.models import Account, UsageDaily
from webapp.ledger.operations import open_account, set_time_zone, spend

LATE = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC)  # already the 21st in Berlin, 5:15 of it in Kathmandu


def used_by_day(session, account_id):
    days = select(UsageDaily.used_on, UsageDaily.credits).where(UsageDaily.account_id == account_id)
    return {day.isoformat(): used for day, used in session.execute(days.order_by(UsageDaily.used_on))}


def test_days_follow_the_zone_from_the_change_on_and_past_days_do_not_move(session, account_id, give):
    give(100)
    spend(session, account_id, credits=3, key="a", occurred_at=LATE, now=LATE)
    assert used_by_day(session, account_id) == {"2026-11-20": 3}
    set_time_zone(session, account_id, "Europe/Berlin")
    assert used_by_day(session, account_id) == {"2026-11-20": 3}
    spend(session, account_id, credits=4, key="b", occurred_at=LATE, now=LATE)
    assert used_by_day(session, account_id) == {"2026-11-20": 3, "2026-11-21": 4}


def test_one_account_changes_and_no_other(session, account_id, now):
    other = open_account(session, time_zone="Asia/Tokyo", now=now)
    set_time_zone(session, account_id, "Asia/Kathmandu")
    zones = dict(session.execute(select(Account.id, Account.time_zone)).all())
    assert (zones[account_id], zones[other]) == ("Asia/Kathmandu", "Asia/Tokyo")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", None, "x" * 65])
def test_a_zone_nobody_knows_is_refused(session, account_id, zone):
    with pytest.raises(InvalidRequest):
        set_time_zone(session, account_id, zone)
    assert session.get_one(Account, account_id).time_zone == "UTC"


@pytest.mark.parametrize("missing", [1, 0, 2**60])
def test_an_account_that_is_not_there_is_refused(session, missing):
    with pytest.raises(UnknownAccount):
        set_time_zone(session, missing, "UTC")
