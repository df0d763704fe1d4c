"""How instants are written for people: in their zone, in the order and with the clock of their region.

Relative words are only "Today" and "Yesterday", and the year stands only where it is not this year. Names of days and
months are English like the pages, in the spelling of the reader's region. `<time>` always carries UTC. Pure: `now` is
an argument.
"""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from markupsafe import Markup

from webapp.web.regions import HOUSE, DateOrder, region_of

LOCALE = HOUSE
ORDER_WORDS = ("Used first", "Used next", "Used last")

# A date in each order: with the year, and in the year it is.
DATES: dict[DateOrder, tuple[str, str]] = {
    "dMy": ("d MMM y", "d MMM"),
    "Mdy": ("MMM d, y", "MMM d"),
    "yMd": ("y MMM d", "MMM d"),
}
WITH_NAME: dict[DateOrder, str] = {"dMy": "EEE {}", "Mdy": "EEE, {}", "yMd": "EEE, {}"}


def moment(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> str:
    """A day and its hour: `Today, 14:32`, `Yesterday, 16:05`, `Fri 20 Nov, 14:32`, `Fri, Nov 20, 2026, 2:32 pm`."""
    words = near_day(instant, zone, locale, now)
    return f"{words}, {clock(instant, zone, locale)}"


def clock(instant: dt.datetime, zone: str, locale: str) -> str:
    """The hour and minute: `14:32`, or `2:32 pm` where people count to twelve."""
    return _formatted(instant, "HH:mm" if region_of(locale).has_24_hours else "h:mm a", zone, locale)


def day(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> str:
    """A day with its name: `Tue 17 Nov`, with the year if that is another one."""
    return _written(instant, zone, locale, now, has_name=True)


def near_day(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> str:
    """A day as people say it: `Today`, `Yesterday`, `Wed 18 Nov`."""
    return _relative(_local(instant, zone), zone, now) or day(instant, zone, locale, now)


def date_text(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> str:
    """A day without its name: `1 Dec`, with the year if that is another one."""
    return _written(instant, zone, locale, now)


def month_name(instant: dt.datetime, zone: str) -> str:
    """The month alone: `November`."""
    return _formatted(instant, "LLLL", zone, LOCALE)


def moment_tag(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> Markup:
    """The same as `moment`, in a `<time>` element."""
    return _tag(instant, moment(instant, zone, locale, now))


def clock_tag(instant: dt.datetime, zone: str, locale: str) -> Markup:
    """The same as `clock`, in a `<time>` element."""
    return _tag(instant, clock(instant, zone, locale))


def day_tag(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> Markup:
    """The same as `day`, in a `<time>` element that tells the hour in its tooltip."""
    return _tag(instant, day(instant, zone, locale, now), title=_exact(instant, zone, locale))


def date_tag(instant: dt.datetime, zone: str, locale: str, now: dt.datetime) -> Markup:
    """The same as `date_text`, in a `<time>` element that tells the hour in its tooltip."""
    return _tag(instant, date_text(instant, zone, locale, now), title=_exact(instant, zone, locale))


def exact_tag(instant: dt.datetime, zone: str, locale: str) -> Markup:
    """A day with its year and its hour, whatever day it is now: for what is printed and kept."""
    return _tag(instant, _exact(instant, zone, locale))


def burn_words(
    place: int,
    *,
    of: int,
    kind: str,
    expires_at: dt.datetime | None,
    resets: bool = True,
    zone: str,
    locale: str = LOCALE,
    now: dt.datetime,
) -> str:
    """When credits are used and how long they last: `Used first · resets 1 Dec`, `Used last · never expires`.

    `place` counts from 0 in burn order among `of` sources that have credits; a single one has no order to tell. An
    allowance resets while another follows it (`resets`), everything else expires.
    """
    verb = "resets" if kind == "allowance" and resets else "expires"
    end = _end_words(verb, expires_at, zone, locale, now)
    if of < 2:
        return end[:1].upper() + end[1:]
    order = ORDER_WORDS[0] if place == 0 else ORDER_WORDS[2] if place == of - 1 else ORDER_WORDS[1]
    return f"{order} · {end}"


def _end_words(verb: str, expires_at: dt.datetime | None, zone: str, locale: str, now: dt.datetime) -> str:
    if expires_at is None:
        return "never expires"
    local = _local(expires_at, zone)
    if local.date() == _local(now, zone).date():  # on the last day the hour matters
        return f"{verb} today, {clock(expires_at, zone, locale)}"
    return f"{verb} {date_text(expires_at, zone, locale, now)}"


def _written(instant: dt.datetime, zone: str, locale: str, now: dt.datetime, *, has_name: bool = False) -> str:
    is_this_year = _local(instant, zone).year == _local(now, zone).year
    return _formatted(instant, _pattern(locale, has_year=not is_this_year, has_name=has_name), zone, locale)


def _exact(instant: dt.datetime, zone: str, locale: str) -> str:
    written = _formatted(instant, _pattern(locale, has_year=True, has_name=True), zone, locale)
    return f"{written}, {clock(instant, zone, locale)}"


def _pattern(locale: str, *, has_year: bool, has_name: bool) -> str:
    order = region_of(locale).date_order
    with_year, without = DATES[order]
    pattern = with_year if has_year else without
    return WITH_NAME[order].format(pattern) if has_name else pattern


@lru_cache(maxsize=4096)  # a page and its partials write the same moments again and again
def _formatted(instant: dt.datetime, pattern: str, zone: str, locale: str) -> str:
    own = region_of(locale).locale
    language = own if own.language == "en" else LOCALE
    return str(format_datetime(_local(instant, zone), pattern, tzinfo=_zone(zone), locale=language))


def _relative(local: dt.datetime, zone: str, now: dt.datetime) -> str:
    days_ago = (_local(now, zone).date() - local.date()).days
    return {0: "Today", 1: "Yesterday"}.get(days_ago, "")


def _tag(instant: dt.datetime, text: str, *, title: str = "") -> Markup:
    utc = f"{_local(instant, 'UTC'):%Y-%m-%dT%H:%M:%SZ}"
    if title:
        return Markup('<time datetime="{}" title="{}">{}</time>').format(utc, title, text)
    return Markup('<time datetime="{}">{}</time>').format(utc, text)


def _local(instant: dt.datetime, zone: str) -> dt.datetime:
    if instant.tzinfo is None:
        raise ValueError("A time without a zone can't be shown: nobody knows which instant it means.")
    return instant.astimezone(_zone(zone))


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
