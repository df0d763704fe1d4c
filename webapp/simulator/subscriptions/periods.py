"""Billing periods: counted from the subscription's anchor, never from the period before, so that day 31 comes back.

Pure; in UTC, as Stripe counts. https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

import calendar
import datetime as dt

from webapp.simulator.store import Json

SECONDS = {"day": 24 * 3600, "week": 7 * 24 * 3600}
MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, recurring: Json, number: int) -> int:
    """Where the period of this number begins; period 0 begins at the anchor."""
    steps: int = number * recurring["interval_count"]
    if recurring["interval"] in SECONDS:
        return anchor + steps * SECONDS[recurring["interval"]]
    return _months_later(anchor, steps * MONTHS[recurring["interval"]])


def period_end(anchor: int, recurring: Json, start: int) -> int:
    """The end of the period that begins at `start` or is under way then."""
    number = 0
    while boundary(anchor, recurring, number) <= start:
        number += 1
    return boundary(anchor, recurring, number)


def prorated(amount_minor: int, *, now: int, start: int, end: int) -> int:
    """The share of an amount for the rest of a period, to the second, halves rounded up."""
    left, whole = max(0, min(end, end - now, end - start)), end - start
    return (2 * amount_minor * left + whole) // (2 * whole)


def _months_later(moment: int, months: int) -> int:
    begun = dt.datetime.fromtimestamp(moment, dt.UTC)
    years, month = divmod(begun.month - 1 + months, 12)
    year, month = begun.year + years, month + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return int(begun.replace(year=year, month=month, day=day).timestamp())
