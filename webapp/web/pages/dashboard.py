"""The dashboard: the balance card and the newest lines of the account's history."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from webapp.billing.models import Purchase
from webapp.billing.queries import purchases_of
from webapp.catalog import Catalog
from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import history
from webapp.web.display import money, usage_text
from webapp.web.pages.balance_card import balance_card
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

ROWS_SHOWN = 6
PHONE_UNIT = "minute"

# What a line is called when nobody described it: by the kind of its entry, or of the credits granted.
ENTRY_WORDS = {
    "spend": "Usage",
    "capture": "Usage",
    "hold": "On hold",
    "release": "Not charged",
    "reverse": "Returned",
    "expire": "Expired",
    "void": "Adjustment",
    "freeze": "Payment disputed: on hold",
    "unfreeze": "Dispute settled",
    "takeback": "Refund",
    "giveback": "Refund undone",
}
GRANT_WORDS = {
    "allowance": "Monthly allowance",
    "purchased": "Pack",
    "bonus": "Bonus",
    "gift": "Gift",
    "adjustment": "Adjustment",
}
ENTRY_ICONS = {"expire": "clock", "reverse": "undo", "takeback": "undo", "giveback": "undo", "freeze": "lock"}
GRANT_ICONS = {"purchased": "bag", "bonus": "gift", "gift": "gift", "allowance": "coins"}


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
    purchases = _purchases(reader, entries)
    return {"reader": reader, "rows": [_row(entry, reader, purchases) for entry in entries]}


def is_new(reader: Reader) -> bool:
    """Whether nothing was ever used or bought: then the page says what the first credits are for."""
    return not reader.balance.total_used and not reader.balance.total_purchased


def _purchases(reader: Reader, entries: tuple[EntryFacts, ...]) -> dict[str, Purchase]:
    """The purchases that these entries are about, by id."""
    ids = [entry.source_id for entry in entries if entry.source_kind == "purchase"]
    return {purchase.id: purchase for purchase in purchases_of(db.session(), reader.account_id, ids)}


def _row(entry: EntryFacts, reader: Reader, purchases: dict[str, Purchase]) -> Row:
    title = _title(entry, reader)
    purchase = purchases.get(entry.source_id) if entry.source_kind == "purchase" else None
    if purchase and entry.kind == "grant":
        title = f"{title} · {money(purchase.amount_minor, purchase.currency, reader.locale)}"
    elif purchase:
        title = f"{title}: {purchase.pack_name} pack"
    return Row(
        seq=entry.seq,
        icon=_icon(entry, reader.catalog),
        title=title,
        at=entry.occurred_at,
        credits=entry.credits,
        balance_after=entry.balance_after,
    )


def _title(entry: EntryFacts, reader: Reader) -> str:
    meter = reader.catalog.meter(entry.meter)
    if entry.description:
        return entry.description
    if meter:
        return usage_text(meter, entry.quantity, reader.locale)
    if entry.kind == "grant":
        return GRANT_WORDS[entry.lots[0].kind]
    return ENTRY_WORDS[entry.kind]


def _icon(entry: EntryFacts, catalog: Catalog) -> str:
    if entry.kind == "grant":
        return GRANT_ICONS.get(entry.lots[0].kind, "plus")
    meter = catalog.meter(entry.meter)
    if entry.kind in {"spend", "capture"} and meter and meter.unit == PHONE_UNIT:
        return "phone-out"
    return ENTRY_ICONS.get(entry.kind, "plus" if entry.credits > 0 else "minus")
