"""The history page: totals that add up to the balance, what is on its way, and the entries that a filter means."""

from typing import Any

from webapp.extensions import db
from webapp.ledger.queries import Totals, totals
from webapp.web.days import day_text
from webapp.web.display import addable
from webapp.web.history_filter import TABS, Filter
from webapp.web.pages.credits import CHIPS
from webapp.web.pages.history_rows import Listed, listed
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

NOTHING = {
    "transactions": "Nothing",
    "purchases": "No purchases",
    "usage": "No usage",
    "grants": "No grants or bonuses",
    "refunds": "No refunds or adjustments",
    "expired": "Nothing expired",
}
PENDING = frozenset({"processing", "quarantined"})


def history_page(reader: Reader, chosen: Filter) -> dict[str, Any]:
    """The whole page."""
    return shell(reader) | history_summary(reader) | history_rows(reader, chosen)


def history_summary(reader: Reader) -> dict[str, Any]:
    """`history/_history_summary.html`: where the balance comes from, and payments that are still on their way."""
    sums = totals(db.session(), reader.account_id, now=reader.now)
    pending = [
        (purchase, CHIPS[state])
        for purchase in reader.told_purchases
        if (state := reader.state_of(purchase)) in PENDING and reader.standings[purchase.id].kept_minor
    ]
    return {
        "reader": reader,
        "sums": [(sign, label, addable(number, reader.catalog, reader.locale)) for sign, label, number in _sums(sums)],
        "purchased": addable(sums.purchased, reader.catalog, reader.locale),
        "balance": addable(sums.balance, reader.catalog, reader.locale),
        "parts": [f"{addable(number, reader.catalog, reader.locale)} {what}" for number, what in _parts(sums)],
        "pending": pending,
    }


def history_rows(reader: Reader, chosen: Filter) -> dict[str, Any]:
    """`history/_history_rows.html`: the tabs and one page of entries; no entries while the filter can't be read."""
    found = None if chosen.faults else listed(reader, chosen)
    nothing = nothing_words(reader, chosen)
    if found and found.looked_back_to:
        nothing += " so far"
    return {"reader": reader, "chosen": chosen, "tabs": TABS, "listed": found, "nothing": nothing}


def found_words(found: Listed, chosen: Filter, nothing: str) -> str:
    """What is said of the rows that came: `25 more rows.` or `7 rows. That is all.`."""
    if not found.number:
        return f"{nothing}."
    rows = f"{found.number}{' more' if chosen.before_seq else ''} {'row' if found.number == 1 else 'rows'}"
    return f"{rows}." if found.older else f"{rows}. That is all."


def nothing_words(reader: Reader, chosen: Filter) -> str:
    """What is not there: `No refunds or adjustments with “call” between 1 and 20 Nov`."""
    found = NOTHING[chosen.type]
    if chosen.text:
        found += f" with “{chosen.text}”"
    if chosen.before_seq:
        found += " before that"
    days = [day_text(on, reader.locale, reader.today) for on in (chosen.first_on, chosen.last_on) if on]
    if len(days) == 2:
        return f"{found} on {days[0]}" if days[0] == days[1] else f"{found} between {days[0]} and {days[1]}"
    if days:
        return f"{found} {'since' if chosen.first_on else 'up to'} {days[0]}"
    return found if chosen.is_narrow or chosen.before_seq else f"{found} yet"


def _sums(sums: Totals) -> list[tuple[str, str, int]]:
    return [
        ("", "Received", sums.received),
        ("−", "Used", sums.used),
        ("−", "Expired", sums.expired),
        ("−", "Taken back", sums.taken),
        ("=", "Balance", sums.balance),
    ]


def _parts(sums: Totals) -> list[tuple[int, str]]:
    """What the balance is made of, where it is not simply available."""
    others = [(sums.held, "on hold"), (sums.frozen, "on hold for a dispute"), (sums.debt, "owed")]
    others = [(number, what) for number, what in others if number]
    available = sums.balance - sums.held - sums.frozen + sums.debt
    return [(available, "available"), *others] if others and available else others
