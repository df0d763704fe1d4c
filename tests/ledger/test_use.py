"""Usage by day as it is read: what was used, by any of its parts, is what the ledger says."""

import datetime as dt

import pytest

from webapp.ledger.operations import grant, open_account, reverse, spend
from webapp.ledger.use import DayOfUse, use_by_day

NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def account(session):
    account_id = open_account(session, now=NOON)
    for kind in ("bonus", "purchased"):
        grant(
            session, account_id, kind=kind, credits=50, key=kind, source_kind="test", source_id=kind, now=NOON - 9 * DAY
        )
    spends = ((8, 10, "call_minute", 0), (2, 30, "call_minute", 1), (2, 20, "transcript", 0), (0, 5, "", 0))
    for days_ago, used, meter, key_id in spends:
        key = f"{days_ago}:{meter}"
        spend(session, account_id, credits=used, key=key, meter=meter, key_id=key_id, now=NOON - days_ago * DAY)
    return account_id


def test_days_are_summed_by_the_parts_that_are_asked_for(session, account):
    since_on, until_on = dt.date(2026, 3, 13), dt.date(2026, 3, 20)
    by_nothing = use_by_day(session, account, since_on=since_on, until_on=until_on)
    assert by_nothing == (
        DayOfUse(dt.date(2026, 3, 18), "", 0, "", 50, 2),
        DayOfUse(dt.date(2026, 3, 20), "", 0, "", 5, 1),
    )
    by_meter = use_by_day(session, account, since_on=since_on, until_on=until_on, by=("meter",))
    assert [(row.used_on.day, row.meter, row.credits) for row in by_meter] == [
        (18, "call_minute", 30),
        (18, "transcript", 20),
        (20, "", 5),
    ]
    by_kind = use_by_day(session, account, since_on=since_on, until_on=until_on, by=("grant_kind", "key_id"))
    assert [(row.used_on.day, row.key_id, row.grant_kind, row.credits) for row in by_kind] == [
        (18, 0, "bonus", 10),
        (18, 0, "purchased", 10),
        (18, 1, "bonus", 30),
        (20, 0, "purchased", 5),
    ]


def test_the_first_and_the_last_day_count_and_no_other(session, account):
    def total(since_day, until_day):
        rows = use_by_day(session, account, since_on=dt.date(2026, 3, since_day), until_on=dt.date(2026, 3, until_day))
        return sum(row.credits for row in rows)

    assert (total(12, 20), total(13, 17), total(12, 12), total(13, 18)) == (65, 0, 10, 50)


def test_what_was_returned_is_used_no_more_on_its_own_day(session, account):
    reverse(session, account, 4, credits=None, key="back", now=NOON)
    rows = use_by_day(session, account, since_on=dt.date(2026, 3, 18), until_on=dt.date(2026, 3, 20))
    assert [(row.used_on.day, row.credits, row.count) for row in rows] == [(18, 20, 2), (20, 5, 1)]
