"""What operators did, in words: what each act is called, what it was about, and what was before and after it."""

import datetime as dt
from typing import Any

from flask import url_for

from webapp.operators.acts import Act
from webapp.web.dates import moment
from webapp.web.display import money, short_amount, signed_amount
from webapp.web.pages.credits import CHIPS
from webapp.web.pages.entry_words import GRANT_WORDS
from webapp.web.pages.reader import Reader

# What each act is called, in the list and as the title of its form.
ACT_WORDS = {
    "grant": "Granted credits",
    "take": "Took credits",
    "end_lot": "Ended a lot",
    "pause": "Paused spending",
    "resume": "Resumed spending",
    "settle": "Settled a payment",
    "refund": "Refunded a purchase",
    "approve_refund": "Approved a refund request",
    "decline_refund": "Declined a refund request",
    "role": "Changed the role",
    "sign_out": "Signed out everywhere",
}
# The lines of what was before and after, in the order of the page.
LINES = {
    "balance": "Balance",
    "available": "Available",
    "held": "On hold for work",
    "frozen": "On hold for disputes",
    "debt": "Owed",
    "payment": "Payment",
    "spending": "Spending",
    "role": "Role",
    "browsers": "Signed-in browsers",
    "returned": "Money given back",
    "request": "Request",
}
# By which other act one is undone: its words, and the form that does it. Money that went back comes back by a purchase.
COUNTERS = {
    "grant": ("Take back what is left of it", "operator.end_lot"),
    "take": ("Grant credits again", "operator.grant"),
    "end_lot": ("Grant credits again", "operator.grant"),
    "pause": ("Resume spending", "operator.resume"),
    "resume": ("Pause spending", "operator.pause"),
}
REFUNDS = frozenset({"refund", "approve_refund"})
CREDITS = frozenset({"balance", "available", "held", "frozen", "debt"})


def act_words() -> dict[str, Any]:
    """What `operator/_acts_list.html` writes with."""
    return {"act_words": ACT_WORDS, "summary": summary}


def counter_act(act: Act) -> tuple[str, str] | None:
    """How an act is undone: the words of a link, and where it leads; None for one that no single act undoes."""
    if act.act not in COUNTERS:
        return None
    words, endpoint = COUNTERS[act.act]
    lot = act.entry_seqs[0] if act.act == "grant" else None
    return words, url_for(endpoint, account_id=act.account_id, lot=lot)


def changes(act: Act, reader: Reader) -> list[tuple[str, str, str]]:
    """What the act changed, or could have: a label, and how it was written before and after."""
    return [
        (label, _written(name, act.before[name], act, reader), _written(name, act.after[name], act, reader))
        for name, label in LINES.items()
        if name in act.before and (name in {"balance", "available"} or act.before[name] != act.after[name])
    ]


def summary(act: Act, reader: Reader) -> str:
    """What the act was about, in a few words beside its name."""
    facts = act.facts
    if act.act in {"grant", "take", "end_lot", "settle"}:
        changed = act.after["balance"] - act.before["balance"]
        return signed_amount(changed, reader.catalog, reader.locale)
    if act.act in REFUNDS:
        return money(-facts["amount_minor"], facts["currency"], reader.locale)
    return f"to {facts['role']}" if act.act == "role" else ""


def details(act: Act, reader: Reader) -> list[tuple[str, str]]:
    """What was asked for beside the amount: labels and how they are written."""
    facts, found = act.facts, []
    if act.act == "grant":
        found = [("Kind", GRANT_WORDS[facts["kind"]]), ("Until", _end(facts["expires_at"], reader))]
    if act.act in {"grant", "take", "approve_refund", "decline_refund"}:
        found.append(("The customer reads", facts["words"] or "Nothing more"))
    if facts.get("lot"):
        found.append(("Lot", f"#{facts['lot']}"))
    if act.act in REFUNDS:
        found += _of_refund(facts, reader)
    return found


def _of_refund(facts: dict[str, Any], reader: Reader) -> list[tuple[str, str]]:
    """Whose money it is, and what becomes of the credits that it paid for."""
    numbers = [
        ("Credits taken", facts["taken"]),
        ("Taken when their hold ends unused", facts["waits"]),
        ("Used already and not asked back", facts["let_go"]),
    ]
    lines = [(label, short_amount(number, reader.catalog, reader.locale)) for label, number in numbers if number]
    return [("Purchase", facts["reference"]), *(lines or [("Credits taken", "0")])]


def _end(expires_at: str | None, reader: Reader) -> str:
    return "For ever" if expires_at is None else _at(expires_at, reader)


def _written(name: str, value: Any, act: Act, reader: Reader) -> str:
    if name in CREDITS:
        return short_amount(value, reader.catalog, reader.locale)
    if name == "returned":
        return money(value, act.facts["currency"], reader.locale)
    if name == "payment":
        return CHIPS[value][2]
    if name == "spending":
        return "On" if value is None else f"Paused since {_at(value, reader)}"
    return str(value)


def _at(text: str, reader: Reader) -> str:
    return moment(dt.datetime.fromisoformat(text), reader.zone, reader.locale, reader.now)
