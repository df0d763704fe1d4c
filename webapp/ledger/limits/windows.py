"""When the window of a limit begins and ends: at midnights of the account's time zone. Pure."""

import datetime as dt
from zoneinfo import ZoneInfo

from webapp.ledger.limits.facts import Period, Window


def window_of(period: Period, moment: dt.datetime, time_zone: str) -> Window:
    """The day, the week (from Monday) or the month in which an instant falls, from midnight to midnight of the zone.

    Half-open. A day on which the clock changes has 23 or 25 hours; where midnight comes twice, the first counts.
    """
    zone = ZoneInfo(time_zone)
    day = moment.astimezone(zone).date()
    first = _first_day(period, day)
    return Window(_midnight(first, zone), _midnight(_next_first_day(period, first), zone))


def _first_day(period: Period, day: dt.date) -> dt.date:
    if period == "day":
        return day
    return day - dt.timedelta(days=day.weekday()) if period == "week" else day.replace(day=1)


def _next_first_day(period: Period, first: dt.date) -> dt.date:
    if period == "month":
        return (first + dt.timedelta(days=31)).replace(day=1)
    return first + dt.timedelta(days=1 if period == "day" else 7)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
