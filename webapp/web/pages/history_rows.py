"""One page of the history: entries by day, each with the credits that paid, and the way to older ones."""

import datetime as dt
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from webapp.billing.money_back.changes import whys_of
from webapp.billing.queries import purchase_ids_called
from webapp.extensions import db
from webapp.ledger.queries import HistoryPage, Search, change_since, history, traces
from webapp.web.dates import near_day
from webapp.web.history_filter import Filter
from webapp.web.moments import begins_at
from webapp.web.pages.entry_words import GRANT_WORDS, called, named_by
from webapp.web.pages.history_row import Row, row_of
from webapp.web.pages.reader import Reader

ROWS_SHOWN = 25
# These are called so only where nothing else is known of them.
BARE = frozenset({"spend", "capture"})


@dataclass(frozen=True, slots=True)
class Day:
    """The rows of one day. `change` is of the whole day, None where that is not known; `is_continued` has it above."""

    words: str
    change: int | None
    is_continued: bool
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a filter has found. `older` continues the list; `looked_back_to` says how far a search has looked."""

    days: list[Day]
    older: int | None
    looked_back_to: dt.datetime | None

    @property
    def number(self) -> int:
        """How many rows there are."""
        return sum(len(day.rows) for day in self.days)


def listed(reader: Reader, chosen: Filter) -> Listed:
    """One page of what the filter means."""
    page = history(
        db.session(),
        reader.account_id,
        type=chosen.type,
        search=search_of(chosen, reader),
        before_seq=chosen.before_seq,
        limit=ROWS_SHOWN,
        now=reader.now,
        **chosen.window(reader.zone),
    )
    return Listed(_days(reader, chosen, page), page.next_before_seq, page.looked_back_to)


def search_of(chosen: Filter, reader: Reader) -> Search | None:
    """What the ledger is to look for: the text, and whatever this page calls by it."""
    text = chosen.text.lower()
    if not text:
        return None
    kinds = called(text, whys_of(db.session(), reader.account_id))
    return Search(
        chosen.text,
        meters=tuple(meter.slug for meter in reader.catalog.meters if text in meter.title.lower()),
        kinds=tuple(sorted(kinds - BARE)),
        bare_kinds=tuple(sorted(kinds & BARE)),
        grant_kinds=tuple(kind for kind, words in GRANT_WORDS.items() if text in words.lower()),
        source_ids=tuple(purchase_ids_called(db.session(), reader.account_id, chosen.text)),
    )


def _days(reader: Reader, chosen: Filter, page: HistoryPage) -> list[Day]:
    traced = traces(db.session(), reader.account_id, [entry.seq for entry in page.entries])
    lots = {(lot.source_kind, lot.source_id) for trace in traced.values() for lot in trace.lots}
    named = named_by(reader, page.entries, lots)
    zone = ZoneInfo(reader.zone)
    found: list[Day] = []
    for on, group in groupby(page.entries, key=lambda entry: entry.created_at.astimezone(zone).date()):
        entries = list(group)
        is_first = not found and chosen.before_seq is not None and _goes_on_above(reader, chosen, on)
        is_last = entries[-1].seq == page.entries[-1].seq and page.next_before_seq is not None
        rest = _rest_of_day(reader, chosen, on, entries[-1].seq) if is_last and not is_first else 0
        change = None if rest is None else rest + sum(entry.credits for entry in entries)
        rows = [row_of(entry, traced[entry.seq], named, reader) for entry in entries]
        words = near_day(entries[0].created_at, reader.zone, reader.locale, reader.now)
        found.append(Day(words, change, is_first, rows))
    return found


def _goes_on_above(reader: Reader, chosen: Filter, on: dt.date) -> bool:
    """Whether the day of the first row began on the page before: the last row there tells."""
    above = history(db.session(), reader.account_id, before_seq=(chosen.before_seq or 0) + 1, limit=1, now=reader.now)
    return any(entry.created_at.astimezone(ZoneInfo(reader.zone)).date() == on for entry in above.entries)


def _rest_of_day(reader: Reader, chosen: Filter, on: dt.date, before_seq: int) -> int | None:
    """By how much the day's entries that are on the next page change the balance."""
    if chosen.text:
        return None
    since = begins_at(on, ZoneInfo(reader.zone))
    session = db.session()
    return change_since(session, reader.account_id, type=chosen.type, since=since, before_seq=before_seq)
