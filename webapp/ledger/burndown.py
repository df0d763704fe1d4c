"""Which lots pay: a lot with its books, burn order, and the sharing out of credits. Pure; knows no database."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from webapp.ledger.takebacks import Claim

Part = TypeVar("Part")


@dataclass(slots=True, kw_only=True)
class Lot:
    """What became of a grant: its credits by book, usable until `expires_at`. `source` is the grant's kind and id.

    `voided_by_operator` is part of `voided`; `claim` is what refunds and disputes ask back of it, if anything.
    """

    grant: int
    kind: str
    priority: int
    granted: int
    expires_at: dt.datetime
    source: tuple[str, str] = ("", "")
    available: int = 0
    held: int = 0
    frozen: int = 0
    spent: int = 0
    expired: int = 0
    voided: int = 0
    owed: int = 0
    voided_by_operator: int = 0
    claim: Claim | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether nothing of it is available, held or frozen: it can't pay any more, whatever happens to others."""
        return not (self.available or self.held or self.frozen)

    def is_due(self, at: dt.datetime) -> bool:
        """Whether it has expired: at the very instant, not after it."""
        return self.expires_at <= at


def in_burn_order(lots: Iterable[Lot]) -> list[Lot]:
    """The lots in the order they pay: by priority, then soonest expiry, then oldest."""
    return sorted(lots, key=lambda lot: (lot.priority, lot.expires_at, lot.grant))


def allocate(credits: int, parts: Iterable[tuple[Part, int]]) -> list[tuple[Part, int]]:
    """Share `credits` out over parts, each with what it has, in their order: each that gives, and how much.

    Raises ValueError when the parts have less: the caller compares with their sum first.
    """
    shares: list[tuple[Part, int]] = []
    missing = credits
    for part, has in parts:
        share = min(missing, has)
        if share:
            shares.append((part, share))
        missing -= share
    if missing:
        raise ValueError(f"The parts are {missing} credits short of {credits}.")
    return shares
