"""The dashboard: the balance card and the newest lines of the account's history."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import history
from webapp.web.pages.balance_card import balance_card
from webapp.web.pages.entry_words import Named, icon_of, named_by, words_of
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

ROWS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One line of activity. `credits` is the change, `balance_after` the running balance, `labels` beside the time."""

    seq: int
    icon: str
    title: str
    money: str
    labels: tuple[str, ...]
    at: dt.datetime
    credits: int
    balance_after: int


def dashboard(reader: Reader) -> dict[str, Any]:
    """The whole page."""
    return shell(reader) | balance_card(reader, is_compact=False) | recent_activity(reader) | {"is_new": is_new(reader)}


def recent_activity(reader: Reader) -> dict[str, Any]:
    """`dashboard/_recent_activity.html`: the newest entries, each with the balance after it."""
    entries = history(db.session(), reader.account_id, limit=ROWS_SHOWN, now=reader.now).entries
    named = named_by(reader, entries)
    return {"reader": reader, "rows": [_row(entry, reader, named) for entry in entries]}


def is_new(reader: Reader) -> bool:
    """Whether nothing was ever used or bought: then the page says what the first credits are for."""
    return not reader.balance.total_used and not reader.balance.total_purchased


def _row(entry: EntryFacts, reader: Reader, named: Named) -> Row:
    words = words_of(entry, named, reader)
    return Row(
        seq=entry.seq,
        icon=icon_of(entry, reader.catalog),
        title=words.title,
        money=words.money,
        labels=words.labels,
        at=entry.occurred_at,
        credits=entry.credits,
        balance_after=entry.balance_after,
    )
