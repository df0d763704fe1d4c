"""Expiry: what is left of a lot at its instant goes to `expired`, in an entry of its own for each lot."""

import datetime as dt
from collections.abc import Callable, Iterable

from sqlalchemy.orm import Session

from webapp.ledger.accounts import locked
from webapp.ledger.burndown import Lot
from webapp.ledger.drafts import Draft, Move
from webapp.ledger.facts import EntryFacts
from webapp.ledger.keys import fingerprint_of
from webapp.ledger.lots import due_lots
from webapp.ledger.writing import write


def expire(session: Session, account_id: int, *, now: dt.datetime) -> list[EntryFacts]:
    """Move the available credits of every due lot to `expired`, and answer the entries, one for each lot.

    Locks the account. Held and frozen credits stay: a hold is honoured to its end. Does nothing when nothing is due,
    so that it may run as often as it likes; keys are `expire:<grant>:<what the lot had lost before>`.
    Raises UnknownAccount.
    """
    account = locked(session, account_id)
    due = due_lots(session, account_id, now)
    drafts = _drafts(due, key_of=lambda lot: f"expire:{lot.grant}:{lot.expired}")
    return [posted.entry for posted in write(session, account, drafts, now=now)] if drafts else []


def expiry_before(key: str, due: Iterable[Lot]) -> list[Draft]:
    """The entries that settle due lots ahead of the operation with this key: `<key>#expire:<grant>`."""
    return _drafts(due, key_of=lambda lot: f"{key}#expire:{lot.grant}")


def _drafts(due: Iterable[Lot], *, key_of: Callable[[Lot], str]) -> list[Draft]:
    return [
        Draft(
            kind="expire",
            key=key_of(lot),
            fingerprint=fingerprint_of("expire", lot.grant, lot.available),
            moves=(Move(lot.grant, lot.kind, "available", "expired", lot.available),),
            occurred_at=lot.expires_at,
        )
        for lot in due
    ]
