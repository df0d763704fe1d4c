"""What a region and a style of numbers decide, for every locale that can be chosen."""

import datetime as dt

from webapp.people.looks import locale_names
from webapp.web.dates import moment
from webapp.web.display import money, number, percent
from webapp.web.regions import HOUSE, STYLES, region_of, written_as

NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)


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
