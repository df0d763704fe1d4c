"""One person: who it is, what they have, and what happened to it."""

from dataclasses import replace
from typing import Any

from flask import abort, url_for

from webapp.extensions import db
from webapp.ledger.queries import open_holds
from webapp.operators.people import Profile, browsers_of, profile
from webapp.operators.queries import acts
from webapp.people.keyring import keys_of_account
from webapp.web.history_filter import TABS, Filter
from webapp.web.pages.balance_card import balance_card
from webapp.web.pages.controls_card import limit_lines
from webapp.web.pages.dashboard import recent_activity
from webapp.web.pages.entry_words import GRANT_WORDS
from webapp.web.pages.history_rows import listed
from webapp.web.pages.keys import SCOPE_WORDS
from webapp.web.pages.operator.act_words import act_words
from webapp.web.pages.operator.frame import console
from webapp.web.pages.operator.subject import Subject, subject_of
from webapp.web.pages.reader import Reader

LOTS_SHOWN = 20
HOLDS_SHOWN = 10
BROWSERS_SHOWN = 10
ACTS_SHOWN = 5

# The pages of one person: name, label, endpoint.
SIDES = (
    ("person", "Account", "operator.person"),
    ("ledger", "Ledger", "operator.ledger"),
    ("purchases", "Purchases", "operator.purchases_of"),
    ("access", "Keys and sign-ins", "operator.access"),
    ("acts", "Acts", "operator.acts_on"),
)


def side(reader: Reader, account_id: int, name: str) -> dict[str, Any]:
    """What every page of one person needs: `operator/person/_head.html`. A missing account is a missing page."""
    found = known(account_id)
    subject = subject_of(reader, found)
    return console(reader, "people") | {"profile": found, "subject": subject, "sides": SIDES, "side": name}


def known(account_id: int) -> Profile:
    """The profile of an account; 404 if there is none."""
    return profile(db.session(), account_id) or abort(404)


def person_page(reader: Reader, account_id: int) -> dict[str, Any]:
    """`operator/person/person.html`: the balance and its lots, what is on hold, what happened lately."""
    context = side(reader, account_id, "person")
    subject = context["subject"]
    return context | {
        "card": op_balance_card(subject),
        "activity": recent_activity(subject),
        "limits": limit_lines(subject),
        "holds": open_holds(db.session(), account_id, now=reader.now, limit=HOLDS_SHOWN),
        "lots_shown": LOTS_SHOWN,
        "lot_words": GRANT_WORDS,
        "acts": acts(db.session(), account_id, limit=ACTS_SHOWN),
        **act_words(),
    }


def op_balance_card(subject: Subject) -> dict[str, Any]:
    """`dashboard/_balance_card.html`, as its owner sees it, without the button."""
    address = url_for("operator.op_balance_card", account_id=subject.account_id)
    return balance_card(subject, is_compact=False) | {"card_address": address, "is_looked_at": True}


def ledger_page(reader: Reader, account_id: int, chosen: Filter) -> dict[str, Any]:
    """`operator/person/ledger.html`: every entry, as the owner's history has it."""
    context = side(reader, account_id, "ledger")
    return context | op_entries(context["subject"], chosen) | {"reader": reader, "tabs": TABS}


def op_entries(subject: Subject, chosen: Filter) -> dict[str, Any]:
    """`operator/person/_op_entries.html`: one page of entries; none while the address can't be read."""
    found = None if chosen.faults else listed(subject, chosen)
    return {"subject": subject, "chosen": chosen, "listed": found}


def only_kind_and_place(chosen: Filter) -> Filter:
    """The filter without words and days: the console's ledger is walked by kind."""
    faults = {name: fault for name, fault in chosen.faults.items() if name in {"type", "after"}}
    return replace(chosen, text="", first_on=None, last_on=None, faults=faults)


def access_page(reader: Reader, account_id: int) -> dict[str, Any]:
    """`operator/person/access.html`: keys, and where the people are signed in."""
    return side(reader, account_id, "access") | {
        "keys": keys_of_account(db.session(), account_id, now=reader.now),
        "scope_words": SCOPE_WORDS,
        "browsers": browsers_of(db.session(), account_id, now=reader.now, limit=BROWSERS_SHOWN),
    }
