"""How numbers and dates are written for one person: their region, and a style of numbers that may differ from it. Pure.

Whatever writes for people takes one text, called `locale` there: Babel's name of the locale and, where numbers are not
written as the region does it, `@` and the style: `de_AT`, `en_US@space_comma`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from babel import Locale

HOUSE = "en_US"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

# Between groups of digits, and before decimals.
STYLES = {
    "comma_dot": (",", "."),
    "dot_comma": (".", ","),
    "space_comma": (NO_BREAK_SPACE, ","),
    "apostrophe_dot": ("\N{RIGHT SINGLE QUOTATION MARK}", "."),
}

DateOrder = Literal["dMy", "Mdy", "yMd"]


@dataclass(frozen=True, slots=True)
class Region:
    """What a locale, and the style of numbers with it, decides about writing."""

    locale: Locale
    group: str
    decimal: str
    digits: str
    date_order: DateOrder
    has_24_hours: bool


def written_as(locale: str, number_style: str) -> str:
    """The one text for a locale and a style of numbers."""
    return locale if number_style == "region" else f"{locale}@{number_style}"


@lru_cache(maxsize=256)
def region_of(written: str) -> Region:
    """What is meant by the one text."""
    name, _, style = written.replace("-", "_").partition("@")
    locale = Locale.parse(name)
    symbols = locale.number_symbols.get("latn", {})
    own = (symbols.get("group", ","), symbols.get("decimal", "."))
    group, decimal = STYLES[style] if style else own
    # Where a million is written 10,00,000 it stays so, but for those who chose another style.
    is_in_pairs = not style and locale.decimal_formats[None].grouping == (3, 2)
    digits = "#,##,##0" if is_in_pairs else "#,##0"
    if name == HOUSE:  # every account starts with it, and these pages were drawn with the day first and 24 hours
        return Region(locale, group, decimal, digits, "dMy", has_24_hours=True)
    return Region(locale, group, decimal, digits, _date_order(locale), has_24_hours=_has_24_hours(locale))


def _date_order(locale: Locale) -> DateOrder:
    """The order in the region's own dates; year, day, month (a few have that) is told as day, month, year."""
    pattern = _letters(locale.datetime_skeletons["yMMMd"].pattern).replace("L", "M")
    order = "".join(dict.fromkeys(letter for letter in pattern if letter in "dMy"))
    return "Mdy" if order == "Mdy" else "yMd" if order == "yMd" else "dMy"


def _has_24_hours(locale: Locale) -> bool:
    return not set("hK") & set(_letters(locale.time_formats["short"].pattern))


def _letters(pattern: str) -> str:
    """A pattern without the words that stand in it between quotes."""
    return re.sub("'[^']*'", "", pattern)
