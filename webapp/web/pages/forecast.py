"""Forecasts in words: how long the allowance and all credits last at this reader's pace, and what a pack would add."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from webapp.billing.subscriptions.models import FREE_SOURCE, AllowancePeriod, Subscription
from webapp.billing.subscriptions.periods import MONTHS, months_after
from webapp.catalog import Plan
from webapp.ledger.queries import LotFacts
from webapp.ledger.usage import day_of
from webapp.web.dates import date_text, day
from webapp.web.display import amount, number
from webapp.web.forecast import DAY, LEAST_DAYS_OF_USE, MOST_DAYS, Coming, Pace, Part, Stock, days_more, pace, short_on
from webapp.web.moments import begins_at
from webapp.web.pages.reader import Reader


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence with what matters most in the middle of it: `… lasts until about`, `Mon 23 Nov`, `.`."""

    before: str
    strong: str
    after: str = "."


def forecast_card(reader: Reader) -> dict[str, Any]:
    """`usage/_forecast_card.html`: how long the allowance and the whole balance last, or why that can't be said."""
    found = reader_pace(reader)
    refusal = _refusal(reader, found)
    return {
        "reader": reader,
        "pace": found,
        "refusal": refusal,
        "allowance_lines": () if refusal else allowance_lines(reader),
        "all_lines": _all_lines(reader, found) if found and not refusal else (),
    }


def allowance_lines(reader: Reader) -> tuple[Line, ...]:
    """How long the present allowance lasts on typical and on busy days; nothing where that can't be said."""
    use, found = reader.allowance_use, reader_pace(reader)
    if use is None or not use.available or found is None or _refusal(reader, found):
        return ()
    stock = Stock(allowances=_stock(reader).allowances)
    typical, fast = _short_days(reader, stock, found)
    ends_on = day_of(use.ends_at, reader.zone) if use.ends_at else None
    if not _is_before(typical, ends_on):
        lines = (_to_the_end(reader, use.ends_at),)
        return (*lines, _busy(reader, found, fast, "it runs")) if fast and _is_before(fast, ends_on) else lines
    return _until(reader, found, "the allowance", typical, fast)


def pack_words(reader: Reader) -> dict[str, str]:
    """What each pack on sale means at this reader's pace, by its slug: `Lasts about 37 more days at your pace`.

    Nothing where the pace isn't known, where credits are owed or spending is paused, and where the credits last more
    than a year as it is.
    """
    found = reader_pace(reader)
    if found is None or _is_stopped(reader):
        return {}
    packs = {pack.slug: pack.credits for pack in reader.catalog.packs if pack.is_active}
    used = _used_today(reader)
    days = days_more(_stock(reader), packs.values(), found.typical, today=reader.today, used_today=used)
    more = "more " if reader.balance.available else ""
    return {slug: _pack_line(reader, days[size], more) for slug, size in packs.items() if size in days}


def reader_pace(reader: Reader) -> Pace | None:
    """How much is used a day; None where too little was used to say."""
    return pace(_by_day(reader), today=reader.today)


def _by_day(reader: Reader) -> dict[dt.date, int]:
    days: dict[dt.date, int] = defaultdict(int)
    for row in reader.recent_use:
        days[row.used_on] += row.credits
    return days


def _used_today(reader: Reader) -> int:
    return _by_day(reader).get(reader.today, 0)


def _is_stopped(reader: Reader) -> bool:
    return bool(reader.balance.debt) or reader.is_paused


def _refusal(reader: Reader, found: Pace | None) -> str:
    """Why there is no forecast, '' if there is one."""
    if reader.balance.debt:
        return "No forecast while you owe credits."
    if reader.is_paused:
        return "No forecast while spending is paused."
    if not reader.balance.available:
        return "You have no credits left to use."
    if found is None:
        return f"Not enough use yet to say. It takes {LEAST_DAYS_OF_USE} days with use in the last four weeks."
    return ""


def _stock(reader: Reader) -> Stock:
    lots = reader.balance.lots
    return Stock(
        allowances=tuple(_part(reader, lot) for lot in lots if lot.kind == "allowance"),
        others=tuple(_part(reader, lot) for lot in lots if lot.kind != "allowance"),
        coming=_coming(reader),
    )


def _part(reader: Reader, lot: LotFacts) -> Part:
    return Part(lot.credits, day_of(lot.expires_at, reader.zone) if lot.expires_at else None)


def _coming(reader: Reader) -> tuple[Coming, ...]:
    """The allowances of the next year, where one surely follows the present one.

    Not while a payment has failed or is awaited, nor of a trial that nothing pays for yet. The plan is the one that
    the next period brings; what might roll over is left out.
    """
    period, row = reader.allowance, reader.plan_standing.subscription
    if period is None or not reader.plan_standing.renews(period):
        return ()
    is_free = period.source == FREE_SOURCE
    plan = reader.catalog.default_plan if is_free else _next_plan(reader, row)
    if plan is None or not plan.allowance_credits:
        return ()
    return _steps(reader, period, plan, zone=reader.zone if is_free else "UTC", row=None if is_free else row)


def _next_plan(reader: Reader, row: Subscription | None) -> Plan | None:
    if row is None or row.is_paused or row.problem:
        return None
    if row.status != "active" and not (row.status == "trialing" and row.card_brand):
        return None
    return reader.catalog.plan(row.next_plan_slug or row.plan_slug)


def _steps(
    reader: Reader, period: AllowancePeriod, plan: Plan, *, zone: str, row: Subscription | None
) -> tuple[Coming, ...]:
    months = MONTHS[plan.allowance_every]
    last_at = reader.now + MOST_DAYS * DAY
    if row is not None and row.ends_at is not None:
        last_at = min(last_at, row.ends_at - dt.timedelta(seconds=1))
    edges = [
        months_after(period.ends_at, months * number, zone=zone) for number in range(MOST_DAYS // (28 * months) + 2)
    ]
    return tuple(
        Coming(day_of(begins, reader.zone), plan.allowance_credits, day_of(ends, reader.zone))
        for begins, ends in pairwise(edges)
        if begins <= last_at
    )


def _short_days(reader: Reader, stock: Stock, found: Pace) -> tuple[dt.date | None, dt.date | None]:
    """The first day that can't be paid whole, on typical days and on fast ones."""
    used = _used_today(reader)
    typical, fast = (short_on(stock, each, today=reader.today, used_today=used) for each in (found.typical, found.fast))
    return typical, fast


def _all_lines(reader: Reader, found: Pace) -> tuple[Line, ...]:
    stock = _stock(reader)
    lines = _until(reader, found, "all your credits", *_short_days(reader, stock, found))
    if not stock.coming:
        return lines
    each = amount(stock.coming[0].credits, reader.catalog, reader.locale)
    return (*lines, Line("This counts the ", each, " that come with each reset."))


def _until(reader: Reader, found: Pace, what: str, typical: dt.date | None, fast: dt.date | None) -> tuple[Line, ...]:
    """At the typical pace, and in one more sentence on busy days where that makes a difference."""
    lasts, runs = {"the allowance": ("lasts", "it runs"), "all your credits": ("last", "they run")}[what]
    begin = f"At your pace ({_a_day(reader, found.typical)}), {what}"
    if typical is None:
        first = Line(f"{begin} {lasts} ", "more than a year")
    elif (typical - reader.today).days < 2:
        first = Line(f"{begin} {runs.split()[1]} out ", "tomorrow" if typical > reader.today else "today")
    else:
        first = Line(f"{begin} {lasts} until about ", _day(reader, typical - DAY))
    return (first, _busy(reader, found, fast, runs)) if fast and _is_before(fast, typical) else (first,)


def _busy(reader: Reader, found: Pace, fast: dt.date, runs: str) -> Line:
    begin = f"With busy days only ({_a_day(reader, found.fast)}), "
    if (fast - reader.today).days < 2:
        return Line(f"{begin}{runs} out ", "tomorrow" if fast > reader.today else "today")
    return Line(f"{begin}until about ", _day(reader, fast - DAY))


def _to_the_end(reader: Reader, ends_at: dt.datetime | None) -> Line:
    if ends_at is None:
        return Line("At your pace the allowance lasts ", "more than a year")
    on = date_text(ends_at, reader.zone, reader.locale, reader.now)
    if reader.allowance_resets:
        return Line("You're on track to the reset on ", on)
    return Line("At your pace the allowance lasts until it expires on ", on)


def _pack_line(reader: Reader, days: int | None, more: str) -> str:
    if days is None:
        return "Lasts more than a year at your pace"
    if days == 0:
        return "Lasts less than a day at your pace"
    return f"Lasts about {number(days, reader.locale)} {more}{'day' if days == 1 else 'days'} at your pace"


def _a_day(reader: Reader, credits: int) -> str:
    return f"{amount(credits, reader.catalog, reader.locale)} a day"


def _day(reader: Reader, on: dt.date) -> str:
    return day(begins_at(on, ZoneInfo(reader.zone)), reader.zone, reader.locale, reader.now)


def _is_before(one: dt.date | None, other: dt.date | None) -> bool:
    """Whether a day comes before another; None is never."""
    return one is not None and (other is None or one < other)
