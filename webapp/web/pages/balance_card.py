"""The balance card: one number, where it comes from, and in which order it is used."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from flask import url_for

from webapp.ledger.queries import LotFacts
from webapp.web.dates import ORDER_WORDS, burn_words, date_text
from webapp.web.display import short_amount
from webapp.web.pages.reader import Reader

# Sources as people know them, in burn order; each with its colour on the card.
SOURCES = (
    ("allowance", "Monthly", 1, frozenset({"allowance"})),
    ("bonus", "Bonus", 3, frozenset({"bonus", "gift"})),
    ("purchased", "Purchased", 2, frozenset({"purchased", "adjustment"})),
)
WHOLE = 10_000  # the bar in hundredths of a percent
THINNEST = 100  # a source with any credits at all must be seen


@dataclass(frozen=True, slots=True)
class Source:
    """One line under the bar. `left` and `width` are its part of the bar, in percent; without credits it has none."""

    name: str
    colour: int
    credits: int
    words: str
    left: str
    width: str


def balance_card(reader: Reader, *, is_compact: bool) -> dict[str, Any]:
    """`dashboard/_balance_card.html`; compact on the credits page, where the packs are the button."""
    address = url_for("partials.balance_card", on="credits" if is_compact else None)
    return {"reader": reader, "is_compact": is_compact, "sources": sources(reader), "card_address": address}


def sources(reader: Reader) -> list[Source]:
    """The sources that have credits now, in burn order; a used up allowance stands there while another follows."""
    return [*_used_up(reader), *_with_credits(reader)]


def _used_up(reader: Reader) -> list[Source]:
    period = reader.allowance
    if period is None or reader.balance.kinds["allowance"] or not reader.allowance_resets:
        return []
    _, name, colour, kinds = SOURCES[0]
    kind, ends_at = next(iter(kinds)), period.ends_at
    end = burn_words(0, of=1, kind=kind, expires_at=ends_at, zone=reader.zone, locale=reader.locale, now=reader.now)
    return [Source(name, colour, 0, f"Used up · {end[:1].lower()}{end[1:]}", "", "")]


def _with_credits(reader: Reader) -> list[Source]:
    found = [
        (name, colour, lots)
        for _, name, colour, kinds in SOURCES
        if (lots := [lot for lot in reader.balance.lots if lot.kind in kinds and lot.credits])
    ]
    totals = [sum(lot.credits for lot in lots) for _, _, lots in found]
    widths = shares(totals)
    lefts = [0, *accumulate(widths)]
    return [
        Source(name, colour, total, _words(reader, place, len(found), lots), _percent(left), _percent(width))
        for place, ((name, colour, lots), total, left, width) in enumerate(
            zip(found, totals, lefts, widths, strict=False)
        )
    ]


def shares(parts: Sequence[int]) -> list[int]:
    """Each part's share of the whole bar, in hundredths of a percent that add up to 100 %.

    None is thinner than 1 %, at the cost of the widest.
    """
    total = sum(parts)
    widths = [max(THINNEST, part * WHOLE // total) for part in parts]
    if widths:
        widths[widths.index(max(widths))] += WHOLE - sum(widths)
    return widths


def _words(reader: Reader, place: int, of: int, lots: list[LotFacts]) -> str:
    first, last = lots[0], lots[-1]
    if first.expires_at is None or first.expires_at == last.expires_at:
        return burn_words(
            place,
            of=of,
            kind=first.kind,
            expires_at=first.expires_at,
            resets=reader.allowance_resets,
            zone=reader.zone,
            locale=reader.locale,
            now=reader.now,
        )
    return _first_to_go(reader, place, of, lots, first.expires_at)


def _first_to_go(reader: Reader, place: int, of: int, lots: list[LotFacts], expires_at: dt.datetime) -> str:
    """Lots of one source may end on different days: what is said of the first must not be said of all."""
    going = sum(lot.credits for lot in lots if lot.expires_at == expires_at)
    end = f"{short_amount(going, reader.catalog, reader.locale)} until " + date_text(
        expires_at, reader.zone, reader.locale, reader.now
    )
    if of < 2:
        return end
    order = ORDER_WORDS[0] if place == 0 else ORDER_WORDS[2] if place == of - 1 else ORDER_WORDS[1]
    return f"{order} · {end}"


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
