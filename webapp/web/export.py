"""The history as a file: streamed line by line, so that a long one needs no more memory than a short one.

Times are UTC and ISO 8601, numbers are plain, whatever the reader's region: this is for programs.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.billing.money_back.causes import Cause, causes_of
from webapp.billing.queries import purchases_of
from webapp.exports.records import note_export
from webapp.extensions import db, transact
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import Search, Stretch, stretch
from webapp.orm import utc_now
from webapp.web.logs import log

LINES_AT_ONCE = 1000
NOTED_EVERY_LINES = 5000
COLUMNS = (
    *("entry", "written_at", "occurred_at", "kind", "credits", "balance_after", "description", "meter", "quantity"),
    *("lots", "reverses", "reference", "because", "money_minor", "currency"),
)
# A cell that begins like this is worked out by spreadsheets: some take the wide signs of East Asian keyboards too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BYTE_ORDER_MARK = "\ufeff"
Entries = tuple[EntryFacts, ...]


class BegunAnew(Exception):
    """The same export was asked for again meanwhile. The file breaks off, so that nobody takes it for the whole."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One export: the entries of an account older than `before_seq` that a filter means."""

    account_id: int
    export_id: str
    begun_at: dt.datetime
    type: str
    search: Search | None
    before_seq: int
    since: dt.datetime | None
    until: dt.datetime | None


def csv_lines(wanted: Wanted) -> Iterator[str]:
    """The file as CSV, with the mark by which spreadsheets know UTF-8 and a row of headings."""

    def drawn(session: Session, entries: Entries) -> str:
        purchases = purchases_of(session, wanted.account_id, _purchase_ids(entries))
        references = {purchase.id: purchase.reference for purchase in purchases}
        causes = causes_of(session, wanted.account_id, entries)
        return _rows((*_cells(entry, references), *_because(causes.get(entry.seq))) for entry in entries)

    yield BYTE_ORDER_MARK + _rows([COLUMNS])
    with closing(_stretches(wanted, drawn)) as texts:
        yield from texts


def json_lines(wanted: Wanted, answered: Callable[[Session, int, Entries], list[str]]) -> Iterator[str]:
    """The file as one JSON array; `answered` gives the JSON of each of the account's entries."""

    def drawn(session: Session, entries: Entries) -> str:
        return ",\n".join(answered(session, wanted.account_id, entries))

    before = "[\n"
    with closing(_stretches(wanted, drawn)) as texts:
        for text in texts:
            yield before + text
            before = ",\n"
    yield "\n]\n" if before != "[\n" else "[]\n"


def _stretches(wanted: Wanted, drawn: Callable[[Session, Entries], str]) -> Generator[str]:
    """The entries as they are drawn, in stretches; how far it came is noted on the way.

    Each is read in a session of its own, none is open while the reader is waited for. Whoever reads the file may go
    away at any line: then it is noted as stopped. Raises BegunAnew, so that one id is never two files at once.
    """
    looked = lines = noted = 0
    state = "stopped"
    before_seq: int | None = wanted.before_seq
    try:
        while before_seq is not None:
            with Session(db.engine) as session:
                found = _read(session, wanted, before_seq)
                text = drawn(session, found.entries)
            if text:
                yield text
            before_seq, looked, lines = found.next_before_seq, looked + found.looked, lines + len(found.entries)
            if looked - noted >= NOTED_EVERY_LINES:
                if not _note(wanted, looked, lines, "running"):
                    raise BegunAnew
                noted = looked
        state = "finished"
    finally:
        _note(wanted, looked, lines, state)


def _read(session: Session, wanted: Wanted, before_seq: int) -> Stretch:
    return stretch(
        session,
        wanted.account_id,
        type=wanted.type,
        since=wanted.since,
        until=wanted.until,
        search=wanted.search,
        before_seq=before_seq,
        size=LINES_AT_ONCE,
    )


def _note(wanted: Wanted, looked: int, lines: int, state: str) -> bool:
    """Say how far the file has come; False when another has its place. A busy database is no reason to break it off."""
    now = utc_now()

    def note(session: Session) -> bool:
        of_export, begun_at = (session, wanted.account_id, wanted.export_id), wanted.begun_at
        return note_export(*of_export, begun_at=begun_at, looked=looked, lines=lines, state=state, now=now)

    try:
        return transact(note)
    except DBAPIError as error:
        log.warning("export not noted", account_id=wanted.account_id, error=type(error).__name__)
        return True


def _purchase_ids(entries: Iterable[EntryFacts]) -> set[str]:
    return {entry.source_id for entry in entries if entry.source_kind == "purchase"}


def _cells(entry: EntryFacts, references: dict[str, str]) -> tuple[object, ...]:
    lots = "; ".join(f"{lot.credits} {lot.kind} of entry {lot.grant}" for lot in entry.lots)
    texts = (inert(entry.description), inert(entry.meter))
    quantity = "" if entry.quantity is None else entry.quantity
    reverses = "" if entry.reverses_seq is None else entry.reverses_seq
    moments = (_iso(entry.created_at), _iso(entry.occurred_at))
    first = (entry.seq, *moments, entry.kind, entry.credits, entry.balance_after)
    return (*first, *texts, quantity, lots, reverses, references.get(entry.source_id, ""))


def _because(cause: Cause | None) -> tuple[object, ...]:
    """Why it took credits or gave them back, and the money of it: below zero where that went back to the buyer."""
    return ("", "", "") if cause is None else (cause.why, cause.amount_minor, cause.currency)


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _iso(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _rows(rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
