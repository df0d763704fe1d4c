"""Usage: the panel of the dashboard and the page of its own. What was used, by what, and how it compares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from webapp.web.days import Span, span_text
from webapp.web.display import amount, percent_used, short_amount
from webapp.web.pages.forecast import forecast_card
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell
from webapp.web.pages.usage_chart import Chart, by_size, chart
from webapp.web.pages.usage_split import Used, used_credits, used_in, used_lately
from webapp.web.usage_filter import DASHBOARD_DAYS, PERIODS, SPLITS, Chosen, last_days, usual_cut
from webapp.web.usage_words import change_words

MOST_SHARES = 6  # the five largest, and the others together


@dataclass(frozen=True, slots=True)
class Share:
    """One line of what used the credits: `width` is its part of the bar."""

    name: str
    credits: str
    percent: str
    width: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used on the days of a span, in `count` uses. Without any there is neither a chart nor a share."""

    span: Span
    credits: int
    count: int
    chart: Chart | None
    shares: list[Share]
    is_first: bool  # nothing was ever used


def usage_page(reader: Reader, chosen: Chosen) -> dict[str, Any]:
    """The whole page."""
    return shell(reader) | usage_report(reader, chosen) | forecast_card(reader)


def usage_report(reader: Reader, chosen: Chosen) -> dict[str, Any]:
    """`usage/_usage_report.html`: what was chosen, and its figures; none while the choice can't be read."""
    query = {name: text for name, text in chosen.typed.items() if text} if chosen.faults else chosen.query()
    return {
        "reader": reader,
        "chosen": chosen,
        "periods": PERIODS,
        "splits": SPLITS,
        "report_address": url_for("partials.usage_report", **query, refresh=1),
        "days_words": span_text(chosen.span, reader.locale, reader.today),
    } | ({"usage": None} if chosen.faults else _report(reader, chosen))


def usage_panel(reader: Reader, days: int) -> dict[str, Any]:
    """`dashboard/_usage_panel.html`, `dashboard/_breakdown_card.html`: the last `days` by source, and what used them.

    No query of its own: the whole dashboard reads the last 90 days once.
    """
    span = last_days(days, reader.today)
    by_source, by_meter = (used_lately(reader, span, split) for split in ("source", "meter"))
    drawn = chart(reader, by_source, span, usual_cut(span), is_by_source=True)
    usage = _usage(reader, by_meter, span, drawn)
    return {"reader": reader, "usage": usage, "usage_days": days, "usage_periods": DASHBOARD_DAYS}


def used_words(reader: Reader, usage: Usage) -> str:
    """What is said of the figures that came: `564 credits used, 22 Oct to 20 Nov`."""
    when = span_text(usage.span, reader.locale, reader.today)
    return f"{amount(usage.credits, reader.catalog, reader.locale)} used, {when}."


def shares(reader: Reader, used: Sequence[Used]) -> list[Share]:
    """What used the credits, the largest first; the smallest together."""
    shown = by_size(used, MOST_SHARES)
    sums = dict.fromkeys(shown.values(), 0)
    for one in used:
        if one.name in shown:
            sums[shown[one.name]] += one.credits
    total = sum(sums.values())
    return [
        Share(
            name,
            short_amount(number, reader.catalog, reader.locale),
            percent_used(number, total, reader.locale),
            f"{max(1, number * 100 // total)}%",
        )
        for name, number in sums.items()
    ]


def _report(reader: Reader, chosen: Chosen) -> dict[str, Any]:
    span = chosen.span
    used = used_in(reader, span, chosen.split)
    drawn = chart(reader, used, span, chosen.cut, is_by_source=chosen.split == "source")
    usage = _usage(reader, used, span, drawn)
    before = used_credits(reader, span.before)
    change = change_words(usage.credits, before, days=span.days, locale=reader.locale)
    return {"usage": usage, "change": change}


def _usage(reader: Reader, used: Sequence[Used], span: Span, drawn: Chart | None) -> Usage:
    return Usage(
        span=span,
        credits=sum(one.credits for one in used),
        count=sum(one.count for one in used),
        chart=drawn,
        shares=shares(reader, used),
        is_first=not used and not reader.balance.total_used,
    )
