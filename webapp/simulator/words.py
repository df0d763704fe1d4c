"""Sums and days as Stripe writes them in its sentences."""

import datetime as dt
from typing import Any

from webapp.money import decimal_value, decimals_shown


def sum_words(amount_minor: int, currency: str) -> str:
    """`$35.00`, `35.00 eur`."""
    number = f"{decimal_value(amount_minor, currency):.{decimals_shown(currency)}f}"
    return f"${number}" if currency == "usd" else f"{number} {currency}"


def day(seconds: int) -> str:
    """`26 Nov 2026`, in UTC."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment.day} {moment:%b %Y}"


def rhythm_words(recurring: dict[str, Any]) -> str:
    """`per month`, `every 3 months`."""
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"
