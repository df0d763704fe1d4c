"""Instants as people read them: their zone, day before month, "Today" and "Yesterday", UTC in the element."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from webapp.web.dates import burn_words, date_tag, date_text, day, day_tag, moment, moment_tag

BERLIN = "Europe/Berlin"
NOW = dt.datetime(2026, 11, 20, 14, 0, tzinfo=dt.UTC)  # 15:00 in Berlin


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]  # year, month, day, …


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (utc(2026, 11, 20, 13, 32), "Today, 14:32"),
        (utc(2026, 11, 19, 15, 5), "Yesterday, 16:05"),
        (utc(2026, 11, 18, 14, 10), "Wed 18 Nov, 15:10"),
        (utc(2026, 11, 19, 22, 59), "Yesterday, 23:59"),
        (utc(2026, 11, 19, 23, 0), "Today, 00:00"),
        (utc(2026, 11, 18, 23, 0), "Yesterday, 00:00"),
        (utc(2026, 11, 18, 22, 59), "Wed 18 Nov, 23:59"),
        (utc(2026, 11, 20, 23, 0), "Sat 21 Nov, 00:00"),  # tomorrow has no word
        (utc(2025, 11, 20, 13, 32), "Thu 20 Nov 2025, 14:32"),
        (utc(2025, 12, 31, 23, 0), "Thu 1 Jan, 00:00"),  # this year already in Berlin
        (utc(2025, 12, 31, 22, 59), "Wed 31 Dec 2025, 23:59"),
        (utc(2026, 7, 1, 12, 0), "Wed 1 Jul, 14:00"),  # summer time
    ],
)
def test_a_moment_is_told_in_the_readers_zone(instant: dt.datetime, text: str) -> None:
    assert moment(instant, BERLIN, "en_US", NOW) == text


def test_yesterday_is_yesterday_at_new_year_too() -> None:
    now = utc(2027, 1, 1, 12)
    assert moment(utc(2026, 12, 31, 12), BERLIN, "en_US", now) == "Yesterday, 13:00"
    assert moment(utc(2026, 12, 30, 12), BERLIN, "en_US", now) == "Wed 30 Dec 2026, 13:00"


def test_the_same_instant_is_another_day_in_another_zone() -> None:
    instant = utc(2026, 11, 20, 1, 0)
    zones = ("America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu", "UTC")
    assert [moment(instant, zone, "en_US", NOW) for zone in zones] == [
        "Yesterday, 17:00", "Yesterday, 15:00", "Today, 06:45", "Today, 01:00",
    ]  # fmt: skip


def test_a_day_and_a_date_have_no_hour() -> None:
    assert day(utc(2026, 11, 17, 12), BERLIN, "en_US", NOW) == "Tue 17 Nov"
    assert day(utc(2025, 11, 17, 12), BERLIN, "en_US", NOW) == "Mon 17 Nov 2025"
    assert date_text(utc(2026, 11, 30, 23), BERLIN, "en_US", NOW) == "1 Dec"
    assert date_text(utc(2026, 12, 31, 23), BERLIN, "en_US", NOW) == "1 Jan 2027"


def test_names_are_english_like_the_pages_in_the_spelling_of_the_region() -> None:
    instant = utc(2026, 9, 20, 12)
    names = [date_text(instant, "UTC", locale, NOW) for locale in ("en_US", "en_GB", "en-GB", "de", "ja_JP")]
    assert names == ["20 Sep", "20 Sept", "20 Sept", "20 Sep", "Sep 20"]


@pytest.mark.parametrize(
    ("locale", "text", "longer"),
    [
        ("en_US", "Fri 6 Nov, 14:32", "Thu 6 Nov 2025, 14:32"),  # as the pages were drawn
        ("de_DE", "Fri 6 Nov, 14:32", "Thu 6 Nov 2025, 14:32"),
        ("de_DE@comma_dot", "Fri 6 Nov, 14:32", "Thu 6 Nov 2025, 14:32"),
        ("en_AU", "Fri 6 Nov, 2:32 pm", "Thu 6 Nov 2025, 2:32 pm"),
        ("en_CA", "Fri, Nov 6, 2:32 p.m.", "Thu, Nov 6, 2025, 2:32 p.m."),
        ("ja_JP", "Fri, Nov 6, 14:32", "Thu, 2025 Nov 6, 14:32"),
        ("ko_KR", "Fri, Nov 6, 2:32 PM", "Thu, 2025 Nov 6, 2:32 PM"),
    ],
)
def test_order_and_clock_are_the_regions(locale: str, text: str, longer: str) -> None:
    assert moment(utc(2026, 11, 6, 14, 32), "UTC", locale, NOW) == text
    assert moment(utc(2025, 11, 6, 14, 32), "UTC", locale, NOW) == longer


def test_hours_of_today_follow_the_clock_of_the_region_too() -> None:
    assert moment(utc(2026, 11, 20, 13, 5), "UTC", "en_AU", NOW) == "Today, 1:05 pm"
    ends = {"kind": "bonus", "expires_at": utc(2026, 11, 20, 20), "zone": "UTC", "now": NOW}
    assert burn_words(0, of=1, **ends, locale="en_AU") == "Expires today, 8:00 pm"  # type: ignore[arg-type]  # by name


def test_the_element_always_carries_utc() -> None:
    instant = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    tag = moment_tag(instant, BERLIN, "en_US", NOW)
    assert isinstance(tag, Markup)
    assert tag == '<time datetime="2026-11-20T13:32:00Z">Today, 14:32</time>'


def test_the_element_of_a_date_tells_the_hour_in_its_tooltip() -> None:
    instant = utc(2026, 11, 30, 23)
    assert date_tag(instant, BERLIN, "en_US", NOW) == (
        '<time datetime="2026-11-30T23:00:00Z" title="Tue 1 Dec 2026, 00:00">1 Dec</time>'
    )
    assert day_tag(instant, BERLIN, "en_US", NOW) == (
        '<time datetime="2026-11-30T23:00:00Z" title="Tue 1 Dec 2026, 00:00">Tue 1 Dec</time>'
    )


@given(st.integers(0, 2**32))
def test_the_element_names_the_very_instant(seconds: int) -> None:
    instant = dt.datetime.fromtimestamp(seconds, dt.UTC)
    tag = moment_tag(instant.astimezone(dt.timezone(dt.timedelta(hours=-9))), BERLIN, "en_US", NOW)
    assert dt.datetime.fromisoformat(tag.split('"')[1]) == instant


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        moment(dt.datetime(2026, 11, 20), BERLIN, "en_US", NOW)  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize(
    ("place", "of", "kind", "expires_at", "text"),
    [
        (0, 3, "allowance", utc(2026, 11, 30, 23), "Used first · resets 1 Dec"),
        (1, 3, "bonus", utc(2026, 12, 18, 12), "Used next · expires 18 Dec"),
        (2, 3, "purchased", None, "Used last · never expires"),
        (1, 4, "gift", None, "Used next · never expires"),
        (2, 4, "adjustment", utc(2027, 3, 1, 12), "Used next · expires 1 Mar 2027"),
        (0, 2, "bonus", utc(2026, 11, 20, 20), "Used first · expires today, 21:00"),
        (1, 2, "purchased", None, "Used last · never expires"),
        (0, 1, "purchased", None, "Never expires"),
        (0, 1, "allowance", utc(2026, 11, 30, 23), "Resets 1 Dec"),
    ],
)
def test_sources_tell_when_they_are_used_and_when_they_end(
    place: int, of: int, kind: str, expires_at: dt.datetime | None, text: str
) -> None:
    assert burn_words(place, of=of, kind=kind, expires_at=expires_at, zone=BERLIN, now=NOW) == text
