"""What the usage pages work out before anything is drawn: days, periods, the scale, what is more and what is less."""

import datetime as dt

import pytest

from webapp.web.axis import MOST_STEPS, ticks
from webapp.web.days import Span, cut, day_text, month_text, read_day, span_text
from webapp.web.usage_filter import MOST_BARS, MOST_DAYS, dashboard_days, read_chosen
from webapp.web.usage_words import change_words

TODAY = dt.date(2026, 11, 20)  # a Friday


def on(text):
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (42, [0, 10, 20, 30, 40, 50]),
        (100, [0, 20, 40, 60, 80, 100]),
        (101, [0, 50, 100, 150]),
        (999_999_937, [0, 200_000_000, 400_000_000, 600_000_000, 800_000_000, 1_000_000_000]),
    ],
)
def test_the_scale_has_steps_of_1_2_or_5_and_holds_the_highest_bar(highest, expected):
    assert ticks(highest) == expected


def test_no_scale_has_more_steps_than_fit_or_leaves_half_of_the_chart_empty():
    for highest in [*range(1, 3000), 10**12 + 1, 2**53]:
        scale = ticks(highest)
        assert 2 <= len(scale) <= MOST_STEPS + 1
        assert scale[-2] < highest <= scale[-1]
        assert str(scale[1]).rstrip("0") in {"1", "2", "5"}


def test_steps_of_money_are_whole_cents():
    assert ticks(7, least_step=3) == [0, 3, 6, 9]


@pytest.mark.parametrize("nothing", [(0, 1), (-1, 1), (5, 0)])
def test_nothing_has_no_scale(nothing):
    with pytest.raises(ValueError, match="no scale"):
        ticks(nothing[0], least_step=nothing[1])


def test_weeks_begin_on_monday_and_the_outer_ones_have_only_the_days_asked_for():
    weeks = cut(Span(on("2026-11-05"), on("2026-11-20")), "week")
    assert [(week.first_on.day, week.last_on.day) for week in weeks] == [(5, 8), (9, 15), (16, 20)]
    assert all(week.first_on.weekday() == 0 for week in weeks[1:])


def test_months_end_where_they_do_in_leap_years_too():
    months = cut(Span(on("2027-12-30"), on("2028-03-01")), "month")
    assert [month.days for month in months] == [2, 31, 29, 1]


@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_no_day_is_left_out_or_stands_twice(by):
    span = Span(on("2026-01-15"), on("2027-01-15"))
    parts = cut(span, by)
    assert sum(part.days for part in parts) == span.days == MOST_DAYS
    assert (parts[0].first_on, parts[-1].last_on) == (span.first_on, span.last_on)


def test_the_days_before_are_as_many_and_end_the_day_before():
    assert Span(on("2026-11-01"), TODAY).before == Span(on("2026-10-12"), on("2026-10-31"))


def test_days_are_written_as_the_region_does():
    assert day_text(on("2026-10-22"), "en_US", TODAY) == "22 Oct"
    assert day_text(on("2026-10-22"), "en_US", TODAY, has_name=True) == "Thu 22 Oct"
    assert day_text(on("2025-12-31"), "en_CA", TODAY) == "Dec 31, 2025"
    assert span_text(Span(on("2026-10-22"), TODAY), "en_US", TODAY) == "22 Oct to 20 Nov"
    assert span_text(Span(TODAY, TODAY), "en_US", TODAY) == "20 Nov"
    assert month_text(TODAY, "de_DE") == "Nov 2026"


@pytest.mark.parametrize("text", ["", "x", "2026-13-01", "2026-02-30", "20261120", "0001-01-01", "2026-11-20T00:00"])
def test_what_is_no_day_is_read_as_none(text):
    assert read_day(text) is None


@pytest.mark.parametrize(
    ("used", "before", "words"),
    [
        (112, 100, "12% more than the 30 days before"),
        (88, 100, "12% less than the 30 days before"),
        (100, 100, "The same as the 30 days before"),
        (10_001, 10_000, "Under 1% more than the 30 days before"),
        (1, 10_000, "99% less than the 30 days before"),
        (0, 10, "100% less than the 30 days before"),
        (1250, 10, "12,400% more than the 30 days before"),
        (5, 0, "Nothing was used in the 30 days before"),
    ],
)
def test_change_is_told_in_words(used, before, words):
    assert change_words(used, before, days=30) == words


def test_change_of_one_day_is_to_the_day_before():
    assert change_words(3, 2, days=1) == "50% more than the day before"
    assert change_words(3, 0, days=1) == "Nothing was used on the day before"


def test_periods_end_today_and_are_the_usual_one_if_nothing_is_asked():
    spans = {name: read_chosen({"period": name}, TODAY).span for name in ("7", "30", "90", "month", "")}
    assert {name: span.days for name, span in spans.items()} == {"7": 7, "30": 30, "90": 90, "month": 20, "": 30}
    assert {span.last_on for span in spans.values()} == {TODAY}
    assert read_chosen({}, TODAY).query() == {}


def test_a_long_period_is_cut_into_weeks_and_never_into_too_many_days():
    assert [read_chosen({"period": name}, TODAY).cut for name in ("30", "90")] == ["day", "week"]
    assert read_chosen({"period": "90", "by": "day"}, TODAY).cut == "day"
    year = read_chosen({"from": "2025-11-20", "to": "2026-11-20", "by": "day"}, TODAY)
    assert (year.span.days, year.cut, [name for name, _ in year.cuts]) == (MOST_DAYS, "week", ["week", "month"])
    assert len(cut(year.span, year.cut)) <= MOST_BARS


def test_an_address_gives_the_same_choice_again():
    for asked in ({"from": "2026-02-01", "to": "2026-03-01", "split": "key"}, {"period": "month", "by": "week"}):
        chosen = read_chosen(asked, TODAY)
        again = read_chosen({name: str(value) for name, value in chosen.query().items()}, TODAY)
        assert (again.span, again.cut, again.split) == (chosen.span, chosen.cut, chosen.split)
        assert "from" not in chosen.in_period("7")


@pytest.mark.parametrize(
    ("asked", "faults"),
    [
        ({"from": "x", "to": "2026-11-20"}, {"from": "Choose a day, like 2026-11-20."}),
        ({"from": "2026-11-01"}, {"to": "Choose a day, like 2026-11-20."}),
        (
            {"from": "2026-11-01", "to": "2026-11-21"},
            {"to": "That day is still to come. Choose today or an earlier one."},
        ),
        (
            {"from": "2026-11-20", "to": "2026-11-19"},
            {"to": "The last day is before the first. Choose a later one."},
        ),
        (
            {"from": "2025-11-19", "to": "2026-11-20"},
            {"from": "That is more than 366 days. Choose a later first day."},
        ),
        ({"period": "custom"}, {"from": "Choose a day, like 2026-11-20.", "to": "Choose a day, like 2026-11-20."}),
        ({"period": "31"}, {"view": "There is no such view of your usage."}),
        ({"split": "colour"}, {"view": "There is no such view of your usage."}),
        ({"by": "hour"}, {"view": "There is no such view of your usage."}),
    ],
)
def test_what_cannot_be_read_has_its_sentence(asked, faults):
    assert read_chosen(asked, TODAY).faults == faults


def test_the_dashboard_knows_three_periods():
    assert [dashboard_days(text) for text in ("7", "30", "90", "31", "x", None)] == [7, 30, 90, 30, 30, 30]
