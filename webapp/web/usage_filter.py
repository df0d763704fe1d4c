"""What is asked of the usage page: which days, cut how, split by what. Read from an address and written into one."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from webapp.web.days import DAY, NO_DAY, Cut, Span, read_day

Split = Literal["meter", "key", "source"]

PERIODS = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("month", "This month"))
CUTS: tuple[tuple[Cut, str], ...] = (("day", "Day"), ("week", "Week"), ("month", "Month"))
SPLITS: tuple[tuple[Split, str], ...] = (("meter", "Type"), ("key", "API key"), ("source", "Source"))
USUAL_PERIOD, CUSTOM = "30", "custom"
DASHBOARD_DAYS = (7, 30, 90)
MOST_DAYS = 366
MOST_BARS = 92  # three months by day; a longer period is cut into weeks at least
DAYS_BY_DAY = 31  # the longest period that is cut into days unless something else is asked for

_NOT_READ = "There is no such view of your usage."


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is asked for: the days of `span`, a bar for each `cut` of it, split by what used them or by their source.

    `typed` keeps what came as it came; `faults` has a sentence for each of `from` and `to` that can't be read, and one
    for `view`, where the rest of the address means nothing. With faults the span is the usual one.
    """

    period: str
    span: Span
    cut: Cut
    split: Split
    typed: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def query(self, **other: Any) -> dict[str, Any]:
        """The address's parameters of this choice, `other` ones on top; what is usual is left out."""
        is_custom = self.period == CUSTOM
        own = {
            "period": None if self.period in {USUAL_PERIOD, CUSTOM} else self.period,
            "from": self.span.first_on if is_custom else None,
            "to": self.span.last_on if is_custom else None,
            "by": self.typed.get("by") or None,
            "split": self.split if self.split != "meter" else None,
        }
        return {name: value for name, value in (own | other).items() if value is not None}

    def in_period(self, period: str) -> dict[str, Any]:
        """The parameters of the same view of another period."""
        return self.query(**{"period": period if period != USUAL_PERIOD else None, "from": None, "to": None})

    def shown(self, name: str) -> str:
        """What stands in a field of dates: as it was typed, else the day that is shown; it takes nothing else."""
        if self.faults.get(name) == NO_DAY:
            return ""
        return self.typed.get(name) or (
            "" if self.faults else str({"from": self.span.first_on}.get(name, self.span.last_on))
        )

    @property
    def cuts(self) -> tuple[tuple[Cut, str], ...]:
        """How this period can be cut: a long one isn't shown day by day."""
        return CUTS if self.span.days <= MOST_BARS else CUTS[1:]


def read_chosen(query: Mapping[str, str], today: dt.date) -> Chosen:
    """What an address asks for, on this day. Two dates, both included, are a period of its own: up to 366 days."""
    typed = {name: query.get(name, "") for name in ("period", "from", "to", "by", "split")}
    is_custom = bool(typed["from"] or typed["to"]) or typed["period"] == CUSTOM
    faults = _faults_of_days(typed, today) if is_custom else {}
    period = CUSTOM if is_custom else typed["period"] or USUAL_PERIOD
    split = typed["split"] or "meter"
    if (
        period not in {CUSTOM, *dict(PERIODS)}
        or split not in get_args(Split)
        or typed["by"] not in {"", *get_args(Cut)}
    ):
        faults["view"] = _NOT_READ
    if faults:
        return Chosen(USUAL_PERIOD, last_days(30, today), "day", "meter", typed, faults)
    span = _span(period, typed, today)
    chosen_split = next(name for name, _ in SPLITS if name == split)
    return Chosen(period, span, _cut(typed["by"], span), chosen_split, typed)


def last_days(days: int, today: dt.date) -> Span:
    """So many days, today among them."""
    return Span(today - (days - 1) * DAY, today)


def usual_cut(span: Span) -> Cut:
    """How a period is cut where nobody says: into days that can still be told apart, else into weeks."""
    return "day" if span.days <= DAYS_BY_DAY else "week"


def dashboard_days(text: str | None) -> int:
    """How many days the dashboard shows: one of its three periods, the middle one for anything else."""
    return int(text) if text in {str(days) for days in DASHBOARD_DAYS} else int(USUAL_PERIOD)


def _span(period: str, typed: Mapping[str, str], today: dt.date) -> Span:
    if period == CUSTOM:
        return Span(dt.date.fromisoformat(typed["from"]), dt.date.fromisoformat(typed["to"]))
    return Span(today.replace(day=1), today) if period == "month" else last_days(int(period), today)


def _cut(by: str, span: Span) -> Cut:
    if by == "day" and span.days > MOST_BARS:
        return "week"
    return next((name for name, _ in CUTS if name == by), usual_cut(span))


def _faults_of_days(typed: Mapping[str, str], today: dt.date) -> dict[str, str]:
    first_on, last_on = read_day(typed["from"]), read_day(typed["to"])
    faults = {name: NO_DAY for name, on in (("from", first_on), ("to", last_on)) if on is None}
    faults |= {
        name: "That day is still to come. Choose today or an earlier one."
        for name, on in (("from", first_on), ("to", last_on))
        if on is not None and on > today
    }
    if faults or first_on is None or last_on is None:
        return faults
    if last_on < first_on:
        return {"to": "The last day is before the first. Choose a later one."}
    if Span(first_on, last_on).days > MOST_DAYS:
        return {"from": f"That is more than {MOST_DAYS} days. Choose a later first day."}
    return {}
