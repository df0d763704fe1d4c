"""What the ledger answers: frozen facts, no database objects."""

import datetime as dt
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LotTouched:
    """A lot that an entry touched: the grant's number, its kind, and how many credits the entry moved there."""

    grant: int
    kind: str
    credits: int


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """One line of an account's history.

    `seq` is its number within the account and its public id; `credits` is the change of the balance;
    `balance_after` is the running balance. `lots` are those that the entry's own kind of change touched, in burn
    order, each with a positive number of credits. `reverses_seq` is the use that a reverse undoes, `hold_seq` the hold
    that a capture or release closes.
    """

    seq: int
    kind: str
    credits: int
    balance_after: int
    description: str
    details: dict[str, Any] | None
    meter: str
    quantity: int | None
    lots: tuple[LotTouched, ...]
    occurred_at: dt.datetime
    created_at: dt.datetime
    reverses_seq: int | None
    hold_seq: int | None
    source_kind: str
    source_id: str


@dataclass(frozen=True, slots=True)
class LotBooks:
    """What became of one grant: its `granted` credits by book. `voided_by_operator` is part of `voided`.

    `owed` is below zero where its spent credits were taken back, above zero where it has paid for another lot.
    """

    grant: int
    granted: int
    available: int
    held: int
    frozen: int
    spent: int
    expired: int
    voided: int
    owed: int
    voided_by_operator: int

    @property
    def taken_back(self) -> int:
        """What refunds and disputes have taken."""
        return self.voided - self.voided_by_operator


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold: `credits` reserved until `expires_at`; `captured` were used in the end, perhaps more than was reserved.

    `state` is open, captured, released or expired. `seq` is the number of the entry that made it and its public id.
    """

    seq: int
    credits: int
    captured: int
    state: str
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """The answer to an operation: its entry, and what was available and held when the operation had ended.

    `replayed` says that the key (or the grant's source) had been used before for the same request: nothing new was
    written, and entry, available and held are those of the first time. `hold` is the hold that the operation made or
    closed, as it was then.
    """

    entry: EntryFacts
    available: int
    held: int
    replayed: bool
    hold: HoldFacts | None = None
