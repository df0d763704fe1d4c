"""Days of the calendar, without an hour: read from what was typed, cut into periods, written for people. Pure."""

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass
from typing import Literal

from babel.dates import format_date

from webapp.web.dates import LOCALE, date_text, day
from webapp.web.moments import YEARS
from webapp.web.regions import region_of

NO_DAY = "Choose a day, like 2026-11-20."
DAY = dt.timedelta(days=1)

Cut = Literal["day", "week", "month"]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Span:
    """Days that follow each other, from `first_on` to `last_on`, both included."""

    first_on: dt.date
    last_on: dt.date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.last_on - self.first_on).days + 1

    @property
    def before(self) -> "Span":
        """As many days, just before these."""
        return Span(self.first_on - self.days * DAY, self.first_on - DAY)


def read_day(text: str) -> dt.date | None:
    """The day that somebody typed or chose; None for anything else."""
    if not _DAY.fullmatch(text):
        return None
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def cut(span: Span, by: Cut) -> list[Span]:
    """The span's days, weeks from Monday, or months; the first and the last have only those days that are in it."""
    found = []
    first_on = span.first_on
    while first_on <= span.last_on:
        found.append(Span(first_on, min(span.last_on, _end(first_on, by))))
        first_on = found[-1].last_on + DAY
    return found


def day_text(on: dt.date, locale: str, today: dt.date, *, has_name: bool = False) -> str:
    """A day as dates are written: `22 Oct`, `Thu 22 Oct`, with the year if that is another one."""
    written = day if has_name else date_text
    return written(_noon(on), "UTC", locale, _noon(today))


def span_text(span: Span, locale: str, today: dt.date) -> str:
    """From when to when: `22 Oct to 20 Nov`; one day alone is that day."""
    first, last = (day_text(on, locale, today) for on in (span.first_on, span.last_on))
    return first if first == last else f"{first} to {last}"


def month_text(on: dt.date, locale: str) -> str:
    """The month of a day, with its year: `Oct 2026`."""
    own = region_of(locale).locale
    return str(format_date(on, "MMM y", locale=own if own.language == "en" else LOCALE))


def _end(on: dt.date, by: Cut) -> dt.date:
    if by == "week":
        return on + (6 - on.weekday()) * DAY
    return on.replace(day=monthrange(on.year, on.month)[1]) if by == "month" else on


def _noon(on: dt.date) -> dt.datetime:
    return dt.datetime.combine(on, dt.time(12), tzinfo=dt.UTC)
