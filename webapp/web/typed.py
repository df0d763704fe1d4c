"""Numbers as people type them, in the style in which pages write numbers for them. Pure."""

import re
from decimal import Decimal

from webapp.web.regions import Region, region_of

PLAIN = re.compile(r"[0-9]{1,20}")
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def tidy(typed: str) -> str:
    """What was typed with one plain space for each run of spaces, whichever they were, and none around it."""
    return " ".join(typed.split())


def without_groups(text: str, region: Region) -> str:
    """The digits without what separates thousands: the reader's own separator, or spaces. Anything else stays."""
    text = text.replace(_APOSTROPHE, "'")
    own = region.group.replace(_APOSTROPHE, "'").strip()
    separator = f"([{re.escape(f' {own}')}])"
    ways = [rf"[0-9]{{1,3}}{separator}[0-9]{{3}}(?:\1[0-9]{{3}})*"]
    if region.digits != "#,##0":  # where ten lakh is written 10,00,000
        ways.append(rf"[0-9]{{1,2}}{separator}(?:[0-9]{{2}}\1)*[0-9]{{3}}")
    found = next(filter(None, (re.fullmatch(way, text) for way in ways)), None)
    return text.replace(found[1], "") if found else text


def read_number(text: str, locale: str) -> Decimal | None:
    """A number as the reader writes it: `40`, `1,234.50` (`1.234,50` where that is how); None for anything else.

    It keeps the decimals that were typed, zeros too. Signs are no part of it, and nothing is guessed: `40,00` is no
    number where thousands are written with a comma.
    """
    region = region_of(locale)
    whole, point, part = tidy(text).partition(region.decimal)
    digits = without_groups(whole, region)
    if not PLAIN.fullmatch(digits) or (point and not PLAIN.fullmatch(part)):
        return None
    return Decimal(f"{digits}.{part}" if part else digits)
