"""What used the credits, or where they came from: usage under the names that people know."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from webapp.extensions import db
from webapp.ledger.balances import KINDS_SHOWN
from webapp.ledger.use import DayOfUse, use_by_day
from webapp.people.keyring import key_names
from webapp.web.days import Span
from webapp.web.pages.reader import Reader
from webapp.web.usage_filter import Split

PARTS: Mapping[Split, str] = {"meter": "meter", "key": "key_id", "source": "grant_kind"}
SOURCES = {"allowance": "Monthly allowance", "bonus": "Bonus", "purchased": "Purchased"}
WITHOUT_METER, WITHOUT_KEY, PRODUCT, ANOTHER_KEY = "Without a meter", "Without a key", "The product", "Another key"


@dataclass(frozen=True, slots=True)
class Used:
    """Credits used on a day under one name, in `count` uses."""

    used_on: dt.date
    name: str
    credits: int
    count: int


def used_in(reader: Reader, span: Span, split: Split) -> list[Used]:
    """What was used on the days of the span. One query, one more for the names of keys."""
    since_on, until_on = span.first_on, span.last_on
    rows = use_by_day(db.session(), reader.account_id, since_on=since_on, until_on=until_on, by=(PARTS[split],))
    return named(reader, rows, split)


def used_lately(reader: Reader, span: Span, split: Split) -> list[Used]:
    """The same for some of the last 90 days, by meter or source, out of what the whole page has read once."""
    rows = [row for row in reader.recent_use if span.first_on <= row.used_on <= span.last_on]
    return named(reader, rows, split)


def used_credits(reader: Reader, span: Span) -> int:
    """How many credits were used on the days of the span. One query."""
    rows = use_by_day(db.session(), reader.account_id, since_on=span.first_on, until_on=span.last_on)
    return sum(row.credits for row in rows)


def named(reader: Reader, rows: Sequence[DayOfUse], split: Split) -> list[Used]:
    """Rows of usage under the name of their meter, their key or their source."""
    part = PARTS[split]
    names = _names(reader, {getattr(row, part) for row in rows}, split)
    return [Used(row.used_on, names[getattr(row, part)], row.credits, row.count) for row in rows]


def _names(reader: Reader, found: Iterable[str | int], split: Split) -> dict[str | int, str]:
    if split == "source":
        return {kind: SOURCES[KINDS_SHOWN[kind]] for kind in KINDS_SHOWN}
    if split == "key":
        return _key_names(reader, {int(key_id) for key_id in found})
    return {slug: _meter_name(reader, str(slug)) for slug in found}


def _meter_name(reader: Reader, slug: str) -> str:
    """A meter that has left the catalogue keeps its slug."""
    meter = reader.catalog.meter(slug)
    return meter.title if meter else slug or WITHOUT_METER


def _key_names(reader: Reader, key_ids: set[int]) -> dict[str | int, str]:
    """Keys that are called the same are told apart by a number: they are not one key."""
    names: dict[str | int, str] = {0: WITHOUT_KEY}
    names.update(dict.fromkeys(key_ids - {0}, ANOTHER_KEY))
    taken = {WITHOUT_KEY, PRODUCT, ANOTHER_KEY}
    for key_id, name in key_names(db.session(), reader.account_id, key_ids - {0}):
        names[key_id] = PRODUCT if name is None else _untaken(name, taken)
        taken.add(names[key_id])
    return names


def _untaken(name: str, taken: set[str]) -> str:
    return name if name not in taken else next(one for n in count(2) if (one := f"{name} ({n})") not in taken)
