"""One row of the history in the page's words: what happened, and the lots behind it."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from webapp.billing.models import Purchase
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import Trace, TracedLot
from webapp.web.dates import date_text, moment
from webapp.web.display import short_amount, usage_text
from webapp.web.pages.balance_card import SOURCES
from webapp.web.pages.entry_words import ENTRY_WORDS, GRANT_WORDS, Named, icon_of, words_of
from webapp.web.pages.money_back import chip_of
from webapp.web.pages.reader import Reader

SOURCE_NAMES = {kind: name for _, name, _, kinds in SOURCES for kind in kinds}
# Whether credits of a lot went away with the entry or came back to it.
BACK = frozenset({"reverse", "release", "giveback", "unfreeze"})


@dataclass(frozen=True, slots=True)
class LotLine:
    """One lot of a trace: how much of it, and which grant it is of."""

    credits: str
    name: str
    facts: str
    receipt_id: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. `money` is that of its title, `credits` the change of the balance, `labels` stand beside its hour.

    `source` sums up the lots; `notes` are sentences about a debt or a use told late; `place` says which entry it is;
    `chip` tells of a purchase whose money has gone back or is disputed.
    """

    seq: int
    icon: str
    is_in: bool
    title: str
    money: str
    at: dt.datetime
    labels: list[str]
    credits: int
    balance_after: int
    source: str
    direction: str
    lots: list[LotLine]
    notes: list[str]
    place: str
    receipt: Purchase | None
    chip: tuple[str, str, str] | None


def row_of(entry: EntryFacts, trace: Trace, named: Named, reader: Reader) -> Row:
    """The entry as a row, with what it may name."""
    purchase = named.purchase_of(entry.source_kind, entry.source_id)
    is_grant = entry.kind == "grant"
    words = words_of(entry, named, reader)
    is_late = _is_late(entry, reader)
    return Row(
        seq=entry.seq,
        icon=icon_of(entry, reader.catalog),
        is_in=entry.credits > 0,
        title=words.title,
        money=words.money,
        at=entry.created_at if is_late else entry.occurred_at,
        labels=[*words.labels, *_labels(entry, reader), *([purchase.reference] if purchase else [])],
        credits=entry.credits,
        balance_after=entry.balance_after,
        source=_granted(trace, reader) if is_grant else _source(entry, trace, reader),
        direction="to" if entry.kind in BACK else "from",
        lots=[] if is_grant else [_line(lot, named, reader) for lot in trace.lots],
        notes=_notes(entry, trace, reader, is_late=is_late),
        place=_place(entry),
        receipt=purchase if purchase and purchase.state == "paid" else None,
        chip=chip_of(named.standings[purchase.id]) if purchase and is_grant else None,
    )


def _is_late(entry: EntryFacts, reader: Reader) -> bool:
    """Whether it was told on another day than it happened: rows stand on the day of their writing."""
    zone = ZoneInfo(reader.zone)
    return entry.occurred_at.astimezone(zone).date() != entry.created_at.astimezone(zone).date()


def _labels(entry: EntryFacts, reader: Reader) -> list[str]:
    """What the title has not said: the kind of the entry, and its meter."""
    meter = reader.catalog.meter(entry.meter)
    labels = []
    if entry.kind not in {"grant", "spend", "capture"} and (entry.description or meter):
        word = ENTRY_WORDS[entry.kind]
        labels += [] if entry.description.startswith(word) else [word]
    if entry.description and meter:
        labels.append(usage_text(meter, entry.quantity, reader.locale))
    return labels


def _source(entry: EntryFacts, trace: Trace, reader: Reader) -> str:
    """The lots by source: `36 from monthly`, `20 back to bonus, 16 back to purchased`."""
    sums: dict[str, int] = {}
    for lot in trace.lots:
        name = SOURCE_NAMES[lot.kind].lower()
        sums[name] = sums.get(name, 0) + lot.credits
    word = "back to" if entry.kind in BACK else "from"
    return ", ".join(f"{_amount(number, reader)} {word} {name}" for name, number in sums.items())


def _granted(trace: Trace, reader: Reader) -> str:
    return ", ".join(f"{SOURCE_NAMES[lot.kind]}, {_end(lot, reader)}" for lot in trace.lots)


def _place(entry: EntryFacts) -> str:
    """The entry's number, and that of the one it undoes or ends."""
    if entry.reverses_seq:
        return f"Entry {entry.seq}, returns entry {entry.reverses_seq}"
    return f"Entry {entry.seq}, hold of entry {entry.hold_seq}" if entry.hold_seq else f"Entry {entry.seq}"


def _line(lot: TracedLot, named: Named, reader: Reader) -> LotLine:
    purchase = named.purchase_of(lot.source_kind, lot.source_id)
    verb = "bought" if purchase else "given"
    given = f"{verb} {date_text(lot.granted_at, reader.zone, reader.locale, reader.now)}"
    return LotLine(
        credits=_amount(lot.credits, reader),
        name=lot.description or GRANT_WORDS[lot.kind],
        facts=f"{given}, {_end(lot, reader)}",
        receipt_id=purchase.id if purchase and purchase.state == "paid" else None,
    )


def _end(lot: TracedLot, reader: Reader) -> str:
    if lot.expires_at is None:
        return "never expires"
    verb = "expires" if lot.expires_at > reader.now else "expired"
    return f"{verb} {date_text(lot.expires_at, reader.zone, reader.locale, reader.now)}"


def _notes(entry: EntryFacts, trace: Trace, reader: Reader, *, is_late: bool) -> list[str]:
    notes = []
    if is_late:
        notes.append(f"Happened {moment(entry.occurred_at, reader.zone, reader.locale, reader.now)}.")
    if trace.made_debt:
        notes.append(f"{_amount(trace.made_debt, reader)} had been used already: your next credits cover that first.")
    if trace.paid_debt:
        notes.append(f"{_amount(trace.paid_debt, reader)} covered what you owed.")
    return notes


def _amount(credits: int, reader: Reader) -> str:
    return short_amount(credits, reader.catalog, reader.locale)
