"""Spend limits in words, for whoever reads of them: what one is, since when it counts, what it does. Pure."""

import datetime as dt

from webapp.catalog import Catalog
from webapp.ledger.errors import SpendLimitReached
from webapp.ledger.limits.facts import LimitStanding, Period, SpendLimit, Window
from webapp.web.dates import month_name
from webapp.web.display import LOCALE, credits_text, short_amount, worth

# In the order in which they are shown.
PERIODS: tuple[Period, ...] = ("month", "week", "day")
TITLES: dict[Period, str] = {"month": "Monthly limit", "week": "Weekly limit", "day": "Daily limit"}
PRESENT: dict[Period, str] = {"month": "this month", "week": "this week", "day": "today"}


def limit_amount(credits: int, limit: SpendLimit, catalog: Catalog, locale: str = LOCALE) -> str:
    """Credits in the unit in which a limit was set: `$40.00`, `800 credits`."""
    if limit.is_money or catalog.display == "money":
        return worth(credits, catalog.unit, locale)
    return credits_text(credits, catalog.unit, locale)


def limit_number(credits: int, limit: SpendLimit, catalog: Catalog, locale: str = LOCALE) -> str:
    """The same without its word, where that follows: `$20.70`, `414`."""
    return worth(credits, catalog.unit, locale) if limit.is_money else short_amount(credits, catalog, locale)


def limit_text(limit: SpendLimit, catalog: Catalog, locale: str = LOCALE) -> str:
    """A limit in a few words: `$40.00 a month`, `800 credits a day`."""
    return f"{limit_amount(limit.credits, limit, catalog, locale)} a {limit.period}"


def used_text(standing: LimitStanding, catalog: Catalog, locale: str = LOCALE) -> str:
    """What counts toward a limit, beside it: `$20.70 of $40.00`, `414 of 800 credits`."""
    limit = standing.limit
    counted = limit_number(standing.counted, limit, catalog, locale)
    return f"{counted} of {limit_amount(limit.credits, limit, catalog, locale)}"


def window_words(period: Period, window: Window) -> str:
    """The present day, week or month as people say it: `today`, `this week`, `November`."""
    if period == "month":
        return month_name(_middle(window), "UTC")
    return PRESENT[period]


def behaviour(limit: SpendLimit) -> str:
    """What happens at its end."""
    return "Pauses usage at 100%" if limit.pauses else "Only tells you"


def reached_text(refusal: SpendLimitReached, catalog: Catalog, locale: str = LOCALE) -> str:
    """What whoever is refused is told: `You set a limit of $40.00 for November. Nothing was used.`."""
    standing, limit = refusal.standing, refusal.standing.limit
    amount = limit_amount(limit.credits, limit, catalog, locale)
    whose = "This API key has" if limit.key_id else "You set"
    said = f"{whose} a limit of {amount} for {window_words(limit.period, standing.window)}."
    if standing.left:
        needed = limit_amount(refusal.needed, limit, catalog, locale)
        left = limit_number(standing.left, limit, catalog, locale)
        said += f" This needs {needed}, with {left} of the limit left."
    return f"{said} Nothing was used."


def _middle(window: Window) -> dt.datetime:
    """An instant that lies in the window's month whichever zone its midnights are of."""
    return window.starts_at + (window.ends_at - window.starts_at) / 2
