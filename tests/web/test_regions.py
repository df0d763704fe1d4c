"""What a region and a style of numbers decide, for every locale that can be chosen."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import pack
from webapp.people.looks import locale_names
from webapp.web.dates import moment
from webapp.web.display import money, number, percent, percent_used, saving_text
from webapp.web.regions import HOUSE, NO_BREAK_SPACE, STYLES, region_of, written_as

NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)
NBSP = NO_BREAK_SPACE


def test_every_locale_that_can_be_chosen_writes_every_kind_of_text() -> None:
    names = sorted(locale_names())
    assert len(names) > 900
    for name in names[::5]:
        written = money(-123_456_789, "usd", name) + number(1_234_567, name) + percent(30, name)
        assert [letter for letter in written if letter.isdigit()] == list("123456789123456730"), name
        assert "2025" in moment(NOW.replace(year=2025), "UTC", name, NOW), name


def test_the_style_is_named_after_the_locale_only_where_it_is_another() -> None:
    assert written_as("de_AT", "region") == "de_AT"
    assert written_as("de_AT", "comma_dot") == "de_AT@comma_dot"
    for style, (group, decimal) in STYLES.items():
        region = region_of(written_as("hi_IN", style))
        assert (region.group, region.decimal, region.digits) == (group, decimal, "#,##0")
    assert region_of("hi_IN").digits == "#,##,##0"


def test_the_house_keeps_the_day_first_and_24_hours() -> None:
    house = region_of(HOUSE)
    assert (house.date_order, house.has_24_hours) == ("dMy", True)
    assert region_of(f"{HOUSE}@dot_comma").date_order == "dMy"


@pytest.mark.parametrize(
    ("locale", "text"), [("en_US", "30%"), ("de", f"30{NBSP}%"), ("tr", "%30"), ("de@comma_dot", f"30{NBSP}%")]
)
def test_the_sign_of_a_share_stands_where_the_region_puts_it(locale: str, text: str) -> None:
    assert percent(30, locale) == text
    assert percent_used(30, 100, locale) == text
    assert saving_text(pack(1000, 3500), [pack(1000, 5000)], locale) == f"Save {text}"


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en_US@dot_comma", "−$1.234.567,89"),
        ("en_US@space_comma", f"−$1{NBSP}234{NBSP}567,89"),
        ("en_US@apostrophe_dot", "−$1’234’567.89"),
        ("de_DE@comma_dot", f"−1,234,567.89{NBSP}$"),
        ("en_IN", "−$12,34,567.89"),
        ("en_IN@comma_dot", "−$1,234,567.89"),
        ("de_CH", "−$1’234’567.89"),
    ],
)
def test_a_style_of_numbers_stands_over_the_regions_own_and_moves_nothing_else(locale: str, text: str) -> None:
    assert money(-123_456_789, "usd", locale) == text


@given(st.integers(-(2**53), 2**53), st.sampled_from(["en_US", "de", "fr", "en_IN", "de_CH", "ar", "hu@dot_comma"]))
def test_no_way_of_writing_changes_a_number(value: int, locale: str) -> None:
    digits = "".join(letter for letter in number(value, locale) if letter.isdigit())
    assert int(digits) == abs(value)
