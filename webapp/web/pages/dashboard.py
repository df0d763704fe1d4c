"""The dashboard: balance, allowance, usage, packs that come with a plan, and the newest lines of the history."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import history
from webapp.web.pages.allowance import allowance_card
from webapp.web.pages.balance_card import balance_card
from webapp.web.pages.controls_card import controls_card
from webapp.web.pages.credits import plan_packs
from webapp.web.pages.entry_words import Named, icon_of, named_by, words_of
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell
from webapp.web.pages.usage import usage_panel

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


def dashboard(reader: Reader, *, days: int) -> dict[str, Any]:
    """The whole page, with the usage of the last `days`."""
    return (
        shell(reader)
        | balance_card(reader, is_compact=False)
        | allowance_card(reader)
        | usage_panel(reader, days)
        | controls_card(reader)
        | plus_pack(reader)
        | recent_activity(reader)
        | {"is_new": is_new(reader)}
    )


def plus_pack(reader: Reader) -> dict[str, Any]:
    """`dashboard/_plus_pack.html`: the packs of one plan, to buy for those who are on it, else with what they need."""
    return {"reader": reader, "plus_cards": plan_packs(reader)}


def recent_activity(reader: Reader) -> dict[str, Any]:
    """`dashboard/_recent_activity.html`: the newest entries, each with the balance after it."""
    entries = history(db.session(), reader.account_id, limit=ROWS_SHOWN, now=reader.now).entries
    named = named_by(reader, entries)
    return {"reader": reader, "rows": [_row(entry, reader, named) for entry in entries]}


def is_new(reader: Reader) -> bool:
    """Whether nothing was ever used, bought or subscribed to: then the page says what the first credits are for."""
    is_subscribed = reader.plan_standing.subscription is not None
    return not (reader.balance.total_used or reader.balance.total_purchased or is_subscribed)


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
