"""The periods of an allowance, by the calendar. Pure.

Each step is counted from the anchor itself, so that an anchor on the 31st comes back to the 31st after a shorter
month, as Stripe counts its billing periods: https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

import calendar
import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from webapp.catalog.shapes import Interval

MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True, slots=True)
class Period:
    """One step: from an instant to before another. `number` counts from the anchor, 0 for the first."""

    number: int
    starts_at: dt.datetime
    ends_at: dt.datetime


def months_after(anchor: dt.datetime, months: int, *, zone: str = "UTC") -> dt.datetime:
    """The instant so many months after the anchor: same day and time on the clocks of `zone`, in UTC.

    A day that the month doesn't have is its last one. A time that the clocks skip is the moment they jump to; one
    that they show twice is the first.
    """
    local = anchor.astimezone(ZoneInfo(zone))
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(dt.UTC)


def period(anchor: dt.datetime, number: int, every: Interval, *, zone: str = "UTC") -> Period:
    """The step of this number."""
    step = MONTHS[every]
    first, after = (months_after(anchor, step * count, zone=zone) for count in (number, number + 1))
    return Period(number, first, after)


def period_at(anchor: dt.datetime, moment: dt.datetime, every: Interval, *, zone: str = "UTC") -> Period:
    """The step in which an instant lies; `moment` must not be before the anchor."""
    local, then = (one.astimezone(ZoneInfo(zone)) for one in (anchor, moment))
    number = ((then.year - local.year) * 12 + then.month - local.month) // MONTHS[every] + 1
    while number and period(anchor, number, every, zone=zone).starts_at > moment:
        number -= 1
    return period(anchor, number, every, zone=zone)


def share_left(whole: Period, moment: dt.datetime, credits: int) -> int:
    """What of `credits` belongs to the rest of a period, rounded down, by whole seconds as Stripe prorates."""
    length = int((whole.ends_at - whole.starts_at).total_seconds())
    left = int((whole.ends_at - max(moment, whole.starts_at)).total_seconds())
    return credits * max(left, 0) // length
