"""How long credits last at the pace of the last four weeks. Pure: whole credits and days, `today` is an argument.

**The pace.** Of the 28 complete days before today, from the first day with any use on, days without use counting as
0: the *typical* day is the one in the middle (the median, rounded up), the *fast* day the one that at most one in five
is above (the 80th percentile). Where fewer than half of the days had any use the middle says nothing, and the typical
day is the average, rounded up. Fewer than 3 days with use say nothing at all.

**The walk.** Day by day, at most 365 days: each day's use comes off the credits in burn order; what has ended is gone,
an allowance to come is there from its first day on. Today counts with what is left of one such day after what was
already used. A date told is the last day whose whole use is paid, so that nothing is promised that isn't there. Which
day of the week it is plays no part, and neither does what might roll over.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WINDOW_DAYS = 28
LEAST_DAYS_OF_USE = 3
FAST_PERCENT = 80
MOST_DAYS = 365
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Credits a day: on a typical day and on a fast one, which is never below it. Both above 0."""

    typical: int
    fast: int


@dataclass(frozen=True, slots=True)
class Part:
    """Credits that can be used before the day `ends_on` (None: for ever)."""

    credits: int
    ends_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """An allowance to come: credits that can be used from the day `on`, and before the day `ends_on`."""

    on: dt.date
    credits: int
    ends_on: dt.date


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is to use, in burn order: allowances, then all others. `coming` is by its days."""

    allowances: tuple[Part, ...] = ()
    others: tuple[Part, ...] = ()
    coming: tuple[Coming, ...] = ()


def pace(credits_by_day: Mapping[dt.date, int], *, today: dt.date) -> Pace | None:
    """The pace of the last 28 complete days; None where too few of them had any use."""
    window = [max(0, credits_by_day.get(today - number * DAY, 0)) for number in range(WINDOW_DAYS, 0, -1)]
    if sum(map(bool, window)) < LEAST_DAYS_OF_USE:
        return None
    days = sorted(window[window.index(next(filter(None, window))) :])
    typical = _middle(days) or -(-sum(days) // len(days))
    fast = days[-(-FAST_PERCENT * len(days) // 100) - 1]
    return Pace(typical, max(typical, fast))


def short_on(stock: Stock, day_credits: int, *, today: dt.date, used_today: int) -> dt.date | None:
    """The first day whose use can't be paid whole, at `day_credits` a day; None if there is none within 365 days."""
    days = unpaid(stock, day_credits, today=today, used_today=used_today)
    return next((day for day, missing in days if missing), None)


def days_more(
    stock: Stock, packs: Iterable[int], day_credits: int, *, today: dt.date, used_today: int
) -> dict[int, int | None]:
    """For how many more days each pack of so many credits would pay; None if with it all lasts more than 365 days.

    Nothing where all lasts that long as it is. A pack is used last and doesn't end, so that it pays exactly what
    nothing else pays: one walk answers for all packs.
    """
    waiting = deque(sorted(set(packs)))
    found: dict[int, int | None] = {}
    first, missing_so_far = None, 0
    for day, missing in unpaid(stock, day_credits, today=today, used_today=used_today):
        missing_so_far += missing
        if missing and first is None:
            first = day
        while waiting and first and waiting[0] < missing_so_far:
            found[waiting.popleft()] = (day - first).days
    return found | dict.fromkeys(waiting) if first else {}


def unpaid(stock: Stock, day_credits: int, *, today: dt.date, used_today: int) -> Iterator[tuple[dt.date, int]]:
    """Each day of the walk, with what of its use nothing is left to pay for."""
    first, then = (deque([part.credits, part.ends_on] for part in parts) for parts in (stock.allowances, stock.others))
    coming = deque(stock.coming)
    needed = max(0, day_credits - used_today)
    for number in range(MOST_DAYS + 1):
        day = today + number * DAY
        while coming and coming[0].on <= day:
            begun = coming.popleft()
            first.append([begun.credits, begun.ends_on])
        # What ends today may be there still, for all we know.
        over_on = day if number else None
        yield day, _burn(then, _burn(first, needed, over_on), over_on)
        needed = day_credits


def _burn(parts: deque[list[Any]], needed: int, over_on: dt.date | None) -> int:
    """Take a day's use off the parts, each with its credits and its end; what they couldn't pay."""
    while parts and needed:
        part = parts[0]
        if over_on is not None and part[1] is not None and part[1] <= over_on:
            parts.popleft()
        elif part[0] > needed:
            part[0] -= needed
            return 0
        else:
            needed -= parts.popleft()[0]
    return needed


def _middle(days: list[int]) -> int:
    """The median, rounded up."""
    return -(-(days[(len(days) - 1) // 2] + days[len(days) // 2]) // 2)
