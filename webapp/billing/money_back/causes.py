"""Why an entry took credits or gave them back: because of refunds, of disputes, or of both."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from webapp.billing.money_back.changes import changes_of
from webapp.billing.money_back.models import MoneyBackChange
from webapp.ledger.facts import EntryFacts

PURCHASE = "purchase"
Why = Literal["refund", "dispute", "both"]

# Which changes can be behind an entry of each kind.
MATTERS: dict[str, Callable[[MoneyBackChange], bool]] = {
    "takeback": lambda change: change.returned_minor > 0,
    "giveback": lambda change: change.returned_minor < 0,
    "freeze": lambda change: change.disputed_minor > 0,
    "unfreeze": lambda change: change.disputed_minor < 0,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """What is behind an entry. `amount_minor` is the money of it, below zero where money went back to the buyer.

    It is above zero where money came back to us, and where it stays with us while a dispute is open. `is_late`: the
    credits were on hold when the money moved, or were not granted yet, so that they were taken or given back after it.
    """

    why: Why
    amount_minor: int
    currency: str
    ids: tuple[str, ...]
    is_late: bool


def causes_of(session: Session, account_id: int, entries: Collection[EntryFacts]) -> dict[int, Cause]:
    """What is behind some of the account's entries, by number: one query if any took or gave back, else none."""
    asked_back = [entry for entry in entries if entry.kind in MATTERS and entry.source_kind == PURCHASE]
    changes = changes_of(session, account_id, {entry.source_id for entry in asked_back})
    found = {entry.seq: cause_of(entry.kind, entry.seq, changes.get(entry.source_id, ())) for entry in asked_back}
    return {seq: cause for seq, cause in found.items() if cause is not None}


def cause_of(kind: str, seq: int, changes: Iterable[MoneyBackChange]) -> Cause | None:
    """What is behind the entry `seq` of this kind, of all that changed about its purchase, oldest first.

    It is the newest settlement before it that can be. None for other kinds, and where nothing is known.
    """
    can_be = MATTERS.get(kind)
    if can_be is None:
        return None
    before = [change for change in changes if change.after_seq < seq and can_be(change)]
    newest = [change for change in before if change.number == before[-1].number]
    if not newest:
        return None
    about = {change.about for change in newest}
    is_hold = kind in {"freeze", "unfreeze"}
    moved = sum(change.disputed_minor if is_hold else change.returned_minor for change in newest)
    return Cause(
        why="both" if len(about) > 1 else "refund" if about == {"refund"} else "dispute",
        amount_minor=abs(moved) if is_hold else -moved,
        currency=newest[0].currency,
        ids=tuple(change.about_id for change in newest),
        is_late=seq > newest[0].until_seq,
    )
