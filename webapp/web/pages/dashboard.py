"""The dashboard: the balance card and the newest lines of the account's history."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from webapp.billing.models import Purchase
from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import history
from webapp.web.display import money
from webapp.web.pages.balance_card import balance_card
from webapp.web.pages.entry_words import icon_of, purchases_named_by, title_of
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

ROWS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One line of activity. `credits` is the change, `balance_after` the running balance."""

    seq: int
    icon: str
    title: str
    at: dt.datetime
    credits: int
    balance_after: int


def dashboard(reader: Reader) -> dict[str, Any]:
    """The whole page."""
    return shell(reader) | balance_card(reader, is_compact=False) | recent_activity(reader) | {"is_new": is_new(reader)}


def recent_activity(reader: Reader) -> dict[str, Any]:
    """`dashboard/_recent_activity.html`: the newest entries, each with the balance after it."""
    entries = history(db.session(), reader.account_id, limit=ROWS_SHOWN, now=reader.now).entries
    purchases = purchases_named_by(reader, [(entry.source_kind, entry.source_id) for entry in entries])
    return {"reader": reader, "rows": [_row(entry, reader, purchases) for entry in entries]}


def is_new(reader: Reader) -> bool:
    """Whether nothing was ever used or bought: then the page says what the first credits are for."""
    return not reader.balance.total_used and not reader.balance.total_purchased


def _row(entry: EntryFacts, reader: Reader, purchases: dict[str, Purchase]) -> Row:
    title = title_of(entry, reader)
    purchase = purchases.get(entry.source_id) if entry.source_kind == "purchase" else None
    if purchase and entry.kind == "grant":
        title = f"{title} · {money(purchase.amount_minor, purchase.currency, reader.locale)}"
    elif purchase:
        title = f"{title}: {purchase.pack_name} pack"
    return Row(
        seq=entry.seq,
        icon=icon_of(entry, reader.catalog),
        title=title,
        at=entry.occurred_at,
        credits=entry.credits,
        balance_after=entry.balance_after,
    )
