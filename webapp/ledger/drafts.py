"""Drafts: what an operation is about to write, checked before anything is read."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from webapp.ledger import checks

BALANCE_BOOKS = frozenset({"available", "held", "frozen", "owed"})


@dataclass(frozen=True, slots=True)
class Move:
    """Credits to be moved from one book to another, for one lot; `kind` is the grant's."""

    grant: int
    kind: str
    from_book: str
    to_book: str
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLot:
    """The facts of a grant that its entry makes; its number is the entry's."""

    kind: str
    priority: int
    granted: int
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChange:
    """What an entry makes of a hold, whose credits never change. A `release` by time leaves it `expired`."""

    seq: int
    credits: int
    captured: int
    state: str
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry to be written. Its number and the balance after it come from the sheet it is posted on.

    `returned_to_hold` is for the limits of the account: the hold that a reversed capture closed, and how many of the
    credits that are returned counted in the windows of that hold.
    """

    kind: str
    key: str
    fingerprint: str
    occurred_at: dt.datetime
    moves: tuple[Move, ...] = ()
    description: str = ""
    details: dict[str, Any] | None = None
    meter: str = ""
    quantity: int | None = None
    key_id: int = 0
    used_on: dt.date | None = None
    reverses_seq: int | None = None
    source_kind: str = ""
    source_id: str = ""
    actor_kind: str = "system"
    lot: NewLot | None = None
    hold: HoldChange | None = None
    returned_to_hold: tuple[int, int] | None = None

    @property
    def credits(self) -> int:
        """What it changes of the balance."""
        return sum(
            move.credits * ((move.to_book in BALANCE_BOOKS) - (move.from_book in BALANCE_BOOKS)) for move in self.moves
        )


def check_draft(draft: Draft, now: dt.datetime) -> None:
    """Raise InvalidRequest when its key, fingerprint, texts, meter, numbers or time are not what the ledger takes."""
    checks.check_key(draft.key)
    checks.check_fingerprint(draft.fingerprint)
    checks.check_description(draft.description)
    checks.check_details(draft.details)
    checks.check_meter(draft.meter, draft.quantity)
    checks.check_key_id(draft.key_id)
    checks.check_actor(draft.actor_kind)
    checks.check_occurred_at(draft.occurred_at, now)
