"""The chart of usage: a bar for each day, week or month, stacked by name, drawn as plain shapes; and the same as rows.

Bars are one path for each name, in thousandths of the chart's height and ten-thousandths of its width: the page clips
a whole rectangle with it, so that patterns keep their shape at any size and 90 days cost few bytes.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from webapp.catalog import Catalog
from webapp.web.axis import ticks
from webapp.web.days import Cut, Span, cut, day_text, month_text, span_text
from webapp.web.display import addable, amount, short_amount
from webapp.web.pages.reader import Reader
from webapp.web.pages.usage_split import SOURCES, Used

WIDE, HIGH = 10_000, 1_000
LOWEST = 4  # of HIGH: a day with any use at all is no gap
BAR_PERCENT = 66  # of the room that a bar has
MOST_MARKS = MOST_LOOKS = 5
FEW_LOOKS = 4  # of thin bars: more are neither told apart nor worth their bytes
THIN_FROM_BARS = 32  # such bars are too thin to be pointed at, too
OTHER = "Other"
# Sources look as they do on the balance card; whatever else is split takes the looks in the order of its size.
SOURCE_LOOKS = {SOURCES["allowance"]: 1, SOURCES["bonus"]: 3, SOURCES["purchased"]: 2}


@dataclass(frozen=True, slots=True)
class Series:
    """All bars of one name. `look` is its colour with its pattern, `path` its shape."""

    name: str
    look: int
    path: str


@dataclass(frozen=True, slots=True)
class Line:
    """One bar as a row of the table: what was used under each name, and in all."""

    label: str
    cells: tuple[str, ...]
    total: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A word at a place of an axis, in percent. `is_minor` goes first where there is little room."""

    at: str
    text: str
    anchor: str = "middle"
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Tip:
    """What is said of the bar that is pointed at."""

    left: str
    width: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its table. `words` say all of it in a sentence; `scale` goes down, `marks` go to the right."""

    words: str
    cut: Cut
    series: tuple[Series, ...]
    scale: tuple[Mark, ...]
    marks: tuple[Mark, ...]
    tips: tuple[Tip, ...]
    lines: tuple[Line, ...]
    sums: Line


def chart(reader: Reader, used: Sequence[Used], span: Span, by: Cut, *, is_by_source: bool = False) -> Chart | None:
    """The chart of what was used on the days of the span, a bar for each part of it; None if nothing was."""
    spans = cut(span, by)
    stacks = _stacks(used, spans, is_by_source=is_by_source)
    heights = [sum(bar) for bar in zip(*stacks.values(), strict=True)]
    if not any(heights):
        return None
    scale = ticks(max(heights), least_step=least_step(reader.catalog))
    labels = [_label(reader, one, by) for one in spans]
    looks = SOURCE_LOOKS if is_by_source else {name: place for place, name in enumerate(stacks, start=1)}
    return Chart(
        words=_words(reader, span, by, heights, labels),
        cut=by,
        series=_series(stacks, looks, top=scale[-1]),
        scale=_scale(reader, scale),
        marks=_marks(reader, spans, by),
        tips=_tips(reader, labels, heights),
        lines=_lines(reader, stacks, labels, heights),
        sums=_line(reader, "All", [sum(bars) for bars in stacks.values()]),
    )


def by_size(used: Sequence[Used], most: int) -> dict[str, str]:
    """Under which name each is shown, the largest first: at most so many, the smallest of them together as `Other`."""
    totals: Counter[str] = Counter()
    for one in used:
        totals[one.name] += one.credits
    names = sorted((name for name in totals if totals[name]), key=lambda name: (-totals[name], name))
    if len(names) <= most:
        return {name: name for name in names}
    return {name: name if place < most - 1 else OTHER for place, name in enumerate(names)}


def least_step(catalog: Catalog) -> int:
    """The credits between two lines of the scale that can be told apart: of money, those worth a whole minor unit."""
    unit = catalog.unit
    return unit.worth_credits // gcd(unit.worth_minor, unit.worth_credits) if catalog.display == "money" else 1


def _stacks(used: Sequence[Used], spans: Sequence[Span], *, is_by_source: bool) -> dict[str, list[int]]:
    """The credits of each bar, by name: the first name stands at the bottom."""
    shown = by_size(used, MOST_LOOKS if len(spans) < THIN_FROM_BARS else FEW_LOOKS)
    names = [name for name in SOURCE_LOOKS if name in shown] if is_by_source else dict.fromkeys(shown.values())
    stacks = {name: [0] * len(spans) for name in names}
    begins = [span.first_on for span in spans]
    for one in used:
        if one.name in shown:
            stacks[shown[one.name]][bisect(begins, one.used_on) - 1] += one.credits
    return stacks


def _series(stacks: Mapping[str, Sequence[int]], looks: Mapping[str, int], *, top: int) -> tuple[Series, ...]:
    paths: dict[str, list[str]] = {name: [] for name in stacks}
    for place, bar in enumerate(zip(*stacks.values(), strict=True)):
        left, right = _edges(place, len(next(iter(stacks.values()))))
        floor = HIGH
        for name, number in zip(stacks, bar, strict=True):
            if number:
                high = max(LOWEST, number * HIGH // top)
                paths[name].append(f"M{left} {floor}V{floor - high}H{right}V{floor}")
                floor -= high
    return tuple(Series(name, looks[name], "".join(paths[name])) for name in stacks)


def _edges(place: int, of: int) -> tuple[int, int]:
    """Where the bar begins and ends, in the middle of its room."""
    free = WIDE * (100 - BAR_PERCENT) // (200 * of)
    return place * WIDE // of + free, (place + 1) * WIDE // of - free


def _scale(reader: Reader, scale: Sequence[int]) -> tuple[Mark, ...]:
    written = [short_amount(number, reader.catalog, reader.locale) for number in reversed(scale)]
    return tuple(Mark(_percent(place, len(scale) - 1), text) for place, text in enumerate(written))


def _marks(reader: Reader, spans: Sequence[Span], by: Cut) -> tuple[Mark, ...]:
    """At most five words under the bars; the outer ones stay within the chart."""
    last = len(spans) - 1
    if last < MOST_MARKS:
        return tuple(
            Mark(_percent(2 * n + 1, 2 * len(spans)), _begin(reader, one, by), is_minor=n % 2 == 1)
            for n, one in enumerate(spans)
        )
    places = [last * quarter // 4 for quarter in range(5)]
    at = ["0%", *(_percent(2 * place + 1, 2 * len(spans)) for place in places[1:-1]), "100%"]
    anchors = ("start", "middle", "middle", "middle", "end")
    return tuple(
        Mark(x, _begin(reader, spans[place], by), anchor, is_minor=n % 2 == 1)
        for n, (x, place, anchor) in enumerate(zip(at, places, anchors, strict=True))
    )


def _tips(reader: Reader, labels: Sequence[str], heights: Sequence[int]) -> tuple[Tip, ...]:
    if len(labels) >= THIN_FROM_BARS:
        return ()
    width = _percent(1, len(labels))
    return tuple(
        Tip(_percent(place, len(labels)), width, f"{label}: {amount(number, reader.catalog, reader.locale)}")
        for place, (label, number) in enumerate(zip(labels, heights, strict=True))
        if number
    )


def _lines(
    reader: Reader, stacks: Mapping[str, Sequence[int]], labels: Sequence[str], heights: Sequence[int]
) -> tuple[Line, ...]:
    """A row for each bar that is no gap."""
    bars = zip(labels, heights, zip(*stacks.values(), strict=True), strict=True)
    return tuple(_line(reader, label, bar) for label, number, bar in bars if number)


def _line(reader: Reader, label: str, bar: Sequence[int]) -> Line:
    *cells, total = (addable(number, reader.catalog, reader.locale) for number in (*bar, sum(bar)))
    return Line(label, tuple(cells), total)


def _words(reader: Reader, span: Span, by: Cut, heights: Sequence[int], labels: Sequence[str]) -> str:
    total, most = (amount(number, reader.catalog, reader.locale) for number in (sum(heights), max(heights)))
    when = span_text(span, reader.locale, reader.today)
    words = f"Used per {by}, {when}: {total} in total."
    return f"{words} Busiest {by}: {labels[heights.index(max(heights))]} with {most}." if len(labels) > 1 else words


def _label(reader: Reader, span: Span, by: Cut) -> str:
    if by == "day":
        return day_text(span.first_on, reader.locale, reader.today, has_name=True)
    return month_text(span.first_on, reader.locale) if by == "month" else span_text(span, reader.locale, reader.today)


def _begin(reader: Reader, span: Span, by: Cut) -> str:
    if by == "month":
        return month_text(span.first_on, reader.locale)
    return day_text(span.first_on, reader.locale, reader.today)


def _percent(part: int, whole: int) -> str:
    hundredths = part * 10_000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
