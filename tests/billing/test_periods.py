"""The calendar of allowances, against a calendar that counts days one by one. Anchors on every late day of a month."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from webapp.billing.subscriptions.periods import Period, months_after, period, period_at, share_left

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
ANCHORS = [(year, month, day) for year in (2023, 2024) for month in (1, 2, 10, 12) for day in (1, 15, 28, 29, 30, 31)]
MONTHS = 48


def expected(local: dt.datetime, months: int) -> tuple[int, int, int]:
    """The same day so many months later, or the last one of a shorter month: counted month by month."""
    year, month = local.year, local.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    day = local.day
    while True:
        try:
            return (dt.date(year, month, day).year, month, day)
        except ValueError:
            day -= 1


def possible(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("zone", ZONES)
def test_each_step_falls_on_the_anchors_day_or_the_last_of_the_month(zone):
    checked = 0
    for year, month, day in ANCHORS:
        if not possible(year, month, day):
            continue
        anchor = dt.datetime(year, month, day, 0, 30, tzinfo=ZoneInfo(zone))
        ends = None
        for number in range(MONTHS):
            step = period(anchor.astimezone(dt.UTC), number, "month", zone=zone)
            local = step.starts_at.astimezone(ZoneInfo(zone))
            assert (local.year, local.month, local.day) == expected(anchor, number)
            assert ends in {None, step.starts_at}, "periods join without a gap"
            assert dt.timedelta(days=26) < step.ends_at - step.starts_at < dt.timedelta(days=33)
            ends = step.ends_at
            checked += 1
    assert checked == 43 * MONTHS


@pytest.mark.parametrize("zone", ZONES)
def test_every_instant_lies_in_exactly_the_step_that_is_found_for_it(zone):
    anchor = dt.datetime(2024, 1, 31, 23, 59, 59, tzinfo=dt.UTC)
    for number in range(MONTHS):
        step = period(anchor, number, "month", zone=zone)
        for moment in (
            step.starts_at,
            step.starts_at + (step.ends_at - step.starts_at) / 2,
            step.ends_at - dt.timedelta(seconds=1),
        ):
            assert period_at(anchor, moment, "month", zone=zone) == step


def test_years_step_over_leap_days():
    anchor = dt.datetime(2024, 2, 29, 8, tzinfo=dt.UTC)
    starts = [period(anchor, number, "year").starts_at for number in range(5)]
    assert [(one.year, one.month, one.day) for one in starts] == [
        (2024, 2, 29), (2025, 2, 28), (2026, 2, 28), (2027, 2, 28), (2028, 2, 29)
    ]  # fmt: skip
    assert period_at(anchor, dt.datetime(2025, 2, 28, 7, 59, tzinfo=dt.UTC), "year").number == 0
    assert period_at(anchor, dt.datetime(2025, 2, 28, 8, tzinfo=dt.UTC), "year").number == 1


def test_a_time_that_the_clocks_skip_or_show_twice_still_has_one_instant():
    assert months_after(dt.datetime(2025, 1, 30, 1, 30, tzinfo=dt.UTC), 2, zone="Europe/Berlin") == dt.datetime(
        2025, 3, 30, 1, 30, tzinfo=dt.UTC
    ), "02:30 isn't shown on that day: it is 03:30"
    twice = months_after(dt.datetime(2025, 9, 26, 0, 30, tzinfo=dt.UTC), 1, zone="Europe/Berlin")
    assert twice == dt.datetime(2025, 10, 26, 0, 30, tzinfo=dt.UTC), "the first of the two"


def test_the_share_of_what_is_left_is_exact_and_rounded_down():
    whole = Period(0, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 31, tzinfo=dt.UTC))
    days = (whole.ends_at - whole.starts_at).days
    for day in range(days + 1):
        moment = whole.starts_at + dt.timedelta(days=day)
        assert share_left(whole, moment, 1500) == 1500 * (days - day) // days
    assert share_left(whole, whole.ends_at - dt.timedelta(seconds=1), 1500) == 0
    assert share_left(whole, whole.starts_at - dt.timedelta(days=3), 1500) == 1500
    assert share_left(whole, whole.ends_at + dt.timedelta(days=3), 1500) == 0
