"""What an entry of the history is called, and its picture: the same on every page."""

from collections.abc import Iterable

from webapp.billing.models import Purchase
from webapp.billing.queries import purchases_of
from webapp.catalog import Catalog
from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.web.display import usage_text
from webapp.web.pages.reader import Reader

PHONE_UNIT = "minute"
PURCHASE = "purchase"

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
ENTRY_ICONS = {
    "expire": "clock",
    "reverse": "undo",
    "takeback": "undo",
    "giveback": "undo",
    "freeze": "lock",
    "unfreeze": "lock",
    "hold": "lock",
    "release": "undo",
}
GRANT_ICONS = {"purchased": "bag", "bonus": "gift", "gift": "gift", "allowance": "coins"}


def purchases_named_by(reader: Reader, sources: Iterable[tuple[str, str]]) -> dict[str, Purchase]:
    """The purchases among some sources (kind and id), by id."""
    ids = {source_id for source_kind, source_id in sources if source_kind == PURCHASE}
    return {purchase.id: purchase for purchase in purchases_of(db.session(), reader.account_id, ids)}


def title_of(entry: EntryFacts, reader: Reader) -> str:
    """What the entry is called: as it was described, else by its meter, else by its kind."""
    meter = reader.catalog.meter(entry.meter)
    if entry.description:
        return entry.description
    if meter:
        return usage_text(meter, entry.quantity, reader.locale)
    if entry.kind == "grant":
        return GRANT_WORDS[entry.lots[0].kind]
    return ENTRY_WORDS[entry.kind]


def icon_of(entry: EntryFacts, catalog: Catalog) -> str:
    """The picture beside it."""
    if entry.kind == "grant":
        return GRANT_ICONS.get(entry.lots[0].kind, "plus")
    meter = catalog.meter(entry.meter)
    if entry.kind in {"spend", "capture"} and meter and meter.unit == PHONE_UNIT:
        return "phone-out"
    return ENTRY_ICONS.get(entry.kind, "plus" if entry.credits > 0 else "minus")
