"""How long credits last: the pace of the last four weeks, and the walk through the lots."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from webapp.web.forecast import DAY, MOST_DAYS, Coming, Pace, Part, Stock, days_more, pace, short_on

TODAY = dt.date(2026, 11, 20)
AMOUNTS = st.integers(0, 300)
PARTS = st.builds(
    Part, credits=st.integers(1, 400), ends_on=st.none() | st.integers(0, 60).map(lambda days: TODAY + days * DAY)
)
COMING = st.integers(0, 40).flatmap(
    lambda days: st.builds(
        Coming,
        on=st.just(TODAY + days * DAY),
        credits=st.integers(1, 300),
        ends_on=st.just(TODAY + (days + 30) * DAY),
    )
)
STOCKS = st.builds(
    Stock,
    allowances=st.lists(PARTS, max_size=2).map(tuple),
    others=st.lists(PARTS, max_size=3).map(tuple),
    coming=st.lists(COMING, max_size=1).map(tuple),
)


def used_on_days(*credits_each: int) -> dict[dt.date, int]:
    """Use on the days before today, the last one being yesterday's."""
    return {TODAY - number * DAY: each for number, each in enumerate(reversed(credits_each), start=1)}


def bought(stock: Stock, size: int) -> Stock:
    return Stock(stock.allowances, (*stock.others, Part(size)), stock.coming)


def last_day(stock: Stock, day_credits: int, used_today: int = 0) -> dt.date | None:
    found = short_on(stock, day_credits, today=TODAY, used_today=used_today)
    return found and found - DAY


def test_typical_day_is_the_middle_one_and_the_fast_day_the_eighth_of_ten() -> None:
    assert pace(used_on_days(10, 20, 30, 40, 50, 60, 70, 80, 90, 100), today=TODAY) == Pace(55, 80)
    assert pace(used_on_days(27, 42, 18), today=TODAY) == Pace(27, 42)
    assert pace(used_on_days(1, 2, 2, 1), today=TODAY) == Pace(2, 2), "the middle of 1 and 2 is rounded up"


def test_days_without_use_count_from_the_first_day_of_use_on() -> None:
    assert pace(used_on_days(*[0] * 20, 30, 0, 30, 30), today=TODAY) == Pace(30, 30)
    assert pace(used_on_days(30, 0, 0, 0, 30, 0, 30), today=TODAY) == Pace(13, 30), "the average, rounded up"
    assert pace(used_on_days(9, 9, 9, *[0] * 25), today=TODAY) == Pace(1, 1), "27 in 28 days"


def test_too_little_use_says_nothing() -> None:
    assert pace({}, today=TODAY) is None
    assert pace(used_on_days(50, 0, 50), today=TODAY) is None
    assert pace(used_on_days(0, 0, 0, 0), today=TODAY) is None, "what was returned whole is no use"
    assert pace(used_on_days(5, 5, 5, *[0] * 28), today=TODAY) is None, "more than four weeks ago"
    assert pace(used_on_days(50, 50) | {TODAY: 50}, today=TODAY) is None, "today is not over"


def test_forecast_of_the_design() -> None:
    stock = Stock(allowances=(Part(86, dt.date(2026, 12, 1)),))
    assert last_day(stock, 27, used_today=36) == dt.date(2026, 11, 23)
    assert last_day(stock, 27) == dt.date(2026, 11, 22), "nothing used yet: today takes a day's use"
    assert last_day(stock, 27, used_today=20) == dt.date(2026, 11, 22), "7 are left of today"
    assert last_day(stock, 42, used_today=36) == dt.date(2026, 11, 21)


def test_a_day_that_cannot_be_paid_whole_is_not_promised() -> None:
    assert last_day(Stock(others=(Part(30),)), 10) == TODAY + 2 * DAY
    assert last_day(Stock(others=(Part(29),)), 10) == TODAY + DAY
    assert last_day(Stock(others=(Part(9),)), 10) == TODAY - DAY
    assert last_day(Stock(others=(Part(9),)), 10, used_today=1) == TODAY


def test_what_ends_is_gone_on_the_day_it_ends() -> None:
    ends_on = TODAY + 3 * DAY
    assert last_day(Stock(allowances=(Part(1000, ends_on),)), 10) == ends_on - DAY
    assert last_day(Stock(allowances=(Part(1000, ends_on),), others=(Part(20),)), 10) == ends_on + DAY
    assert last_day(Stock(allowances=(Part(10, TODAY),)), 10) == TODAY, "today it is still there"


def test_allowances_to_come_are_used_before_what_was_bought() -> None:
    ends_on = TODAY + 2 * DAY
    coming = tuple(Coming(ends_on + number * 30 * DAY, 100, ends_on + (number + 1) * 30 * DAY) for number in range(2))
    stock = Stock(allowances=(Part(500, ends_on),), others=(Part(200),), coming=coming)
    # 2 days on the first, then 30 days on 100 + 200, of which 0 are left, then 10 days on the next 100.
    assert last_day(stock, 10) == TODAY + 41 * DAY
    assert last_day(Stock(coming=coming), 3) == TODAY - DAY, "until it comes there is nothing"


def test_an_allowance_that_covers_the_pace_lasts_for_ever_while_it_comes() -> None:
    coming = tuple(Coming(TODAY + number * 30 * DAY, 300, TODAY + (number + 1) * 30 * DAY) for number in range(14))
    assert last_day(Stock(coming=coming), 10) is None
    assert last_day(Stock(coming=coming), 11) is not None
    assert last_day(Stock(others=(Part(10 * (MOST_DAYS + 1)),)), 10) is None


def test_pack_pays_for_so_many_more_days() -> None:
    found = days_more(Stock(others=(Part(20),)), (100, 105, 9, 3650, 100), 10, today=TODAY, used_today=0)
    assert found == {9: 0, 100: 10, 105: 10, 3650: None}
    assert days_more(Stock(others=(Part(25),)), (105,), 10, today=TODAY, used_today=0) == {105: 11}
    assert days_more(Stock(), (100,), 10, today=TODAY, used_today=10) == {100: 10}, "from tomorrow on"
    assert days_more(Stock(others=(Part(4000),)), (100,), 10, today=TODAY, used_today=0) == {}


@given(stock=STOCKS, sizes=st.lists(st.integers(1, 900), max_size=3), a_day=st.integers(1, 60), used=AMOUNTS)
def test_one_walk_for_all_packs_is_a_walk_with_each_of_them(
    stock: Stock, sizes: list[int], a_day: int, used: int
) -> None:
    found = days_more(stock, sizes, a_day, today=TODAY, used_today=used)
    without = short_on(stock, a_day, today=TODAY, used_today=used)
    assert found.keys() == (set(sizes) if without else set())
    for size, days in found.items():
        with_it = short_on(bought(stock, size), a_day, today=TODAY, used_today=used)
        assert days == (with_it and without and (with_it - without).days)


@given(stock=STOCKS, number=st.integers(0, 4), more=st.integers(1, 300), a_day=st.integers(1, 60), used=AMOUNTS)
def test_more_credits_never_end_earlier(stock: Stock, number: int, more: int, a_day: int, used: int) -> None:
    parts = [*stock.allowances, *stock.others]
    before = short_on(stock, a_day, today=TODAY, used_today=used) or dt.date.max
    assert (short_on(bought(stock, more), a_day, today=TODAY, used_today=used) or dt.date.max) >= before
    if number < len(parts):
        parts[number] = Part(parts[number].credits + more, parts[number].ends_on)
        cut = len(stock.allowances)
        raised = Stock(tuple(parts[:cut]), tuple(parts[cut:]), stock.coming)
        assert (short_on(raised, a_day, today=TODAY, used_today=used) or dt.date.max) >= before


@given(stock=STOCKS, a_day=st.integers(1, 60), faster=st.integers(0, 60), used=AMOUNTS)
def test_a_faster_pace_never_lasts_longer(stock: Stock, a_day: int, faster: int, used: int) -> None:
    slow = short_on(stock, a_day, today=TODAY, used_today=used) or dt.date.max
    assert (short_on(stock, a_day + faster, today=TODAY, used_today=used) or dt.date.max) <= slow


@given(stock=STOCKS, a_day=st.integers(1, 60), used=AMOUNTS)
def test_no_more_is_paid_than_there_is(stock: Stock, a_day: int, used: int) -> None:
    found = short_on(stock, a_day, today=TODAY, used_today=used)
    there = sum(part.credits for part in (*stock.allowances, *stock.others, *stock.coming))
    days_paid = MOST_DAYS if found is None else max(0, (found - TODAY).days - 1)
    assert days_paid * a_day <= there


@given(days=st.lists(AMOUNTS, max_size=40))
def test_pace_is_above_zero_and_the_fast_day_no_slower(days: list[int]) -> None:
    found = pace(used_on_days(*days), today=TODAY)
    enough = sum(each > 0 for each in days[-28:]) >= 3
    assert (found is not None) == enough
    if found:
        assert 0 < found.typical <= found.fast <= max(days[-28:])
