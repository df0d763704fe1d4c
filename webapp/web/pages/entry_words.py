"""What an entry of the history is called, and its picture: the same on every page."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from webapp.billing.models import Purchase
from webapp.billing.money_back.causes import PURCHASE, Cause, causes_of
from webapp.billing.money_back.standing import Standing, standings
from webapp.billing.queries import purchases_of
from webapp.catalog import Catalog
from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.web.display import money, signed_money, usage_text
from webapp.web.pages.reader import Reader

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
    "freeze": "Payment disputed",
    "unfreeze": "Dispute settled",
    "takeback": "Taken back",
    "giveback": "Given back",
}
# What took credits or gave them back, where it is known, and what is said beside the hour.
CAUSE_WORDS = {
    ("takeback", "refund"): ("Refund", ""),
    ("takeback", "dispute"): ("Payment disputed", "Taken back"),
    ("takeback", "both"): ("Refund and dispute", "Taken back"),
    ("giveback", "refund"): ("Refund undone", "Given back"),
    ("giveback", "dispute"): ("Dispute settled", "Given back"),
    ("giveback", "both"): ("Refund and dispute undone", "Given back"),
}
HOLD_WORDS = {"freeze": "On hold", "unfreeze": "No longer on hold"}
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


@dataclass(frozen=True, slots=True)
class Named:
    """What some entries name: purchases by id, and how they stand; and by entry why it took or gave back credits."""

    purchases: dict[str, Purchase]
    standings: dict[str, Standing]
    causes: dict[int, Cause]

    def purchase_of(self, source_kind: str, source_id: str) -> Purchase | None:
        """The purchase that a source is, if it is one."""
        return self.purchases.get(source_id) if source_kind == PURCHASE else None


@dataclass(frozen=True, slots=True)
class Words:
    """What an entry is called, the money of it, and what is said beside its hour."""

    title: str
    money: str = ""
    labels: tuple[str, ...] = ()


def named_by(reader: Reader, entries: Collection[EntryFacts], sources: Iterable[tuple[str, str]] = ()) -> Named:
    """What the entries name, and other sources (kind and id) beside them."""
    of_entries = {(entry.source_kind, entry.source_id) for entry in entries}
    ids = {source_id for source_kind, source_id in of_entries.union(sources) if source_kind == PURCHASE}
    purchases = {purchase.id: purchase for purchase in purchases_of(db.session(), reader.account_id, ids)}
    granted = {entry.source_id for entry in entries if entry.kind == "grant"} & purchases.keys()
    return Named(
        purchases,
        standings=standings(db.session(), reader.account_id, [purchases[id_] for id_ in sorted(granted)]),
        causes=causes_of(db.session(), reader.account_id, entries),
    )


def words_of(entry: EntryFacts, named: Named, reader: Reader) -> Words:
    """What the entry is called: `Popular pack` with $35.00, `Refund: Popular pack`, `Outbound call, 12 min`.

    As it was described, else by its meter, else by what is behind it, else by its kind.
    """
    purchase = named.purchase_of(entry.source_kind, entry.source_id)
    title = title_of(entry, reader)
    if purchase is None:
        return Words(title)
    if entry.kind == "grant":
        return Words(title, money(purchase.amount_minor, purchase.currency, reader.locale))
    return _asked_back(entry, title, f"{purchase.pack_name} pack", named.causes.get(entry.seq), reader)


def _asked_back(entry: EntryFacts, title: str, pack: str, cause: Cause | None, reader: Reader) -> Words:
    label = HOLD_WORDS.get(entry.kind, "")
    if cause is None:
        return Words(f"{title}: {pack}", labels=(label,) if label else ())
    if entry.kind not in HOLD_WORDS:
        title, label = CAUSE_WORDS[entry.kind, cause.why]
    minor, currency, locale = cause.amount_minor, cause.currency, reader.locale
    labels = (label,) if label else ()
    if cause.is_late:
        return Words(f"{title}: {pack}", labels=(*labels, f"{money(abs(minor), currency, locale)} in all"))
    written = money(minor, currency, locale) if entry.kind in HOLD_WORDS else signed_money(minor, currency, locale)
    return Words(f"{title}: {pack}", written, labels)


def called(text: str, whys: Collection[str]) -> set[str]:
    """The kinds of entries that have the text (in lower case) in what they may be called.

    `whys` are what is behind any entry of the account ("refund", "dispute"), so that who had refunds only finds no
    refund by the word dispute.
    """
    known = {kind for kind, _ in CAUSE_WORDS} if whys else set()
    own = [*((kind, word) for kind, word in ENTRY_WORDS.items() if kind not in known), *HOLD_WORDS.items()]
    kinds = {kind for kind, word in own if text in word.lower()}
    for (kind, why), words in CAUSE_WORDS.items():
        if (why in whys or len(whys) > 1) and any(text in word.lower() for word in words):
            kinds.add(kind)
    return kinds


def title_of(entry: EntryFacts, reader: Reader) -> str:
    """What the entry is called without its source: as it was described, else by its meter, else by its kind."""
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
