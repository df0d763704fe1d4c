"""Purchases of all accounts: those that need somebody, those that are looked for, and one with all there is of it."""

import re
from typing import Any

from flask import abort

from webapp.billing.events import OBJECT_ID
from webapp.billing.models import Purchase
from webapp.billing.quarantine import was_granted_by_hand
from webapp.extensions import db
from webapp.operators.money import SHOWN, events_about, payment, payments
from webapp.web.display import money
from webapp.web.pages.credits import CHIPS
from webapp.web.pages.operator.frame import console
from webapp.web.pages.operator.purchases import chips, purchase_lines
from webapp.web.pages.reader import Reader

PLACE = re.compile(r"[a-z0-9]{8,40}")
TABS = tuple(zip(SHOWN, ("All", "Stuck", "Being checked", "Disputed", "Refunded"), strict=True))
NOTHING = {
    "all": "No purchases yet",
    "stuck": "Nothing is stuck",
    "quarantined": "Nothing is being checked",
    "disputed": "Nothing is disputed",
    "refunded": "Nothing was refunded",
}


def purchases_page(reader: Reader, shown: str, text: str, after: str) -> dict[str, Any]:
    """`operator/purchases.html`."""
    return console(reader, "purchases") | op_purchases(reader, shown, text, after)


def op_purchases(reader: Reader, shown: str, text: str, after: str) -> dict[str, Any]:
    """`operator/_op_purchases.html`: one page of purchases."""
    shown, text = shown if shown in SHOWN else "all", text.strip()[:255]
    place = after if PLACE.fullmatch(after) else None
    found = payments(db.session(), shown, text, after=place, now=reader.now)
    return {
        "reader": reader,
        "tabs": TABS,
        "shown": shown,
        "text": text,
        "found": found,
        "state_chips": CHIPS,
        "nothing": "Nothing is called that" if text else NOTHING[shown],
        "is_continued": place is not None,
    }


def found_words(found: Any) -> str:
    """What is said of what came."""
    number = len(found.lines)
    return f"{number} {'purchase' if number == 1 else 'purchases'}{' and more' if found.next_after else ''}."


def purchase_page(reader: Reader, purchase_id: str) -> dict[str, Any]:
    """`operator/purchase.html`: one purchase. A missing one is a missing page."""
    found = payment(db.session(), purchase_id) if OBJECT_ID.fullmatch(purchase_id) else None
    if found is None:
        abort(404)
    purchase = found.purchase
    (line,) = purchase_lines(purchase.account_id, [purchase])
    return (
        console(reader, "purchases")
        | chips()
        | {
            "line": line,
            "payment": found,
            "purchase": purchase,
            "email": found.email,
            "events": events_about(db.session(), purchase),
            "differences": _differences(purchase, reader),
            "is_granted_by_hand": purchase.state == "quarantined" and was_granted_by_hand(db.session(), purchase),
        }
    )


def _differences(purchase: Purchase, reader: Reader) -> list[tuple[str, str, str]]:
    """What was expected and what was found, in words."""
    return [
        (what.replace("_", " ").replace("metadata.", "metadata: ").capitalize(), *_pair(what, seen, purchase, reader))
        for what, seen in (purchase.differences or {}).items()
    ]


def _pair(what: str, seen: dict[str, Any], purchase: Purchase, reader: Reader) -> tuple[str, str]:
    expected, found = (_written(what, seen.get(side), purchase, reader) for side in ("expected", "found"))
    return expected, found


def _written(what: str, value: Any, purchase: Purchase, reader: Reader) -> str:
    if what in {"subtotal", "total", "discount"} and isinstance(value, int):
        return money(value, purchase.currency, reader.locale)
    return "Nothing" if value is None or value == "" else str(value)
