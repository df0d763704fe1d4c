"""When the day, the week and the month of a limit begin and end: at midnights of the account's time zone."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from tests.ledger.model.limits import window
from webapp.ledger.limits.windows import window_of

HOUR = dt.timedelta(hours=1)
INSTANT = dt.timedelta(microseconds=1)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Havana",
    "Asia/Beirut",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
DAYS = [
    dt.datetime(2026, 1, 1, 10, 30, tzinfo=dt.UTC) + dt.timedelta(days=days, hours=days % 24) for days in range(790)
]


def local(period, zone, *of):
    """A window's local begin and end, and its hours."""
    found = window_of(period, dt.datetime(*of, tzinfo=ZoneInfo(zone)), zone)
    begin, end = (moment.astimezone(ZoneInfo(zone)) for moment in (found.starts_at, found.ends_at))
    return f"{begin:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}", (found.ends_at - found.starts_at) / HOUR


def test_a_day_goes_from_midnight_to_midnight_of_the_zone():
    assert local("day", "Asia/Tokyo", 2026, 11, 20, 14, 32) == ("2026-11-20 00:00", "2026-11-21 00:00", 24)


def test_a_week_begins_on_monday():
    assert local("week", "UTC", 2026, 11, 20) == ("2026-11-16 00:00", "2026-11-23 00:00", 7 * 24)
    assert local("week", "UTC", 2026, 11, 23) == ("2026-11-23 00:00", "2026-11-30 00:00", 7 * 24)
    assert local("week", "UTC", 2026, 11, 22, 23, 59, 59) == ("2026-11-16 00:00", "2026-11-23 00:00", 7 * 24)


@pytest.mark.parametrize(("year", "month", "days"), [(2026, 2, 28), (2028, 2, 29), (2026, 4, 30), (2026, 12, 31)])
def test_a_month_has_the_days_it_has(year, month, days):
    assert local("month", "UTC", year, month, days, 23)[2] == days * 24


def test_days_on_which_the_clock_changes_have_23_and_25_hours():
    assert local("day", "Europe/Berlin", 2026, 3, 29, 12)[2] == 23
    assert local("day", "Europe/Berlin", 2026, 10, 25, 12)[2] == 25
    assert local("week", "Europe/Berlin", 2026, 10, 25, 12)[2] == 7 * 24 + 1
    assert local("month", "Europe/Berlin", 2026, 3, 29, 12)[2] == 31 * 24 - 1


def test_a_day_whose_midnight_comes_twice_begins_at_the_first():
    """In Havana 01:00 becomes 00:00 again."""
    assert local("day", "America/Havana", 2026, 11, 1, 12) == ("2026-11-01 00:00", "2026-11-02 00:00", 25)
    second = dt.datetime(2026, 11, 1, 0, 30, fold=1, tzinfo=ZoneInfo("America/Havana"))
    assert local("day", "America/Havana", 2026, 10, 31, 12)[2] == 24
    assert window_of("day", second, "America/Havana").starts_at == dt.datetime(2026, 11, 1, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(("zone", "day"), [("America/Havana", (2026, 3, 8)), ("Asia/Beirut", (2026, 3, 29))])
def test_a_day_without_midnight_begins_when_the_clock_jumps(zone, day):
    assert local("day", zone, *day, 12)[0] == f"{dt.date(*day)} 01:00"
    assert local("day", zone, *day, 12)[2] == 23


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("zone", ZONES)
def test_windows_lie_end_to_end_and_are_those_that_the_model_finds_by_looking(zone, period):
    for moment in DAYS:
        found = window_of(period, moment, zone)
        assert found.starts_at <= moment < found.ends_at
        assert (found.starts_at, found.ends_at) == window(period, zone, moment)
        assert window_of(period, found.ends_at, zone).starts_at == found.ends_at
        assert window_of(period, found.ends_at - INSTANT, zone) == found
