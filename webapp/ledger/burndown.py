"""Which lots pay: burn order and the sharing out of credits over lots. Pure; knows no database."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of a grant: `available` credits until `expires_at`. `expired` is what it has lost so far."""

    grant: int
    kind: str
    priority: int
    available: int
    expired: int
    expires_at: dt.datetime

    def is_due(self, now: dt.datetime) -> bool:
        """Whether it has expired: at the very instant, not after it."""
        return self.expires_at <= now


def in_burn_order(lots: Iterable[Lot]) -> list[Lot]:
    """The lots in the order they pay: by priority, then soonest expiry, then oldest."""
    return sorted(lots, key=lambda lot: (lot.priority, lot.expires_at, lot.grant))


def allocate(credits: int, lots: Iterable[Lot]) -> list[tuple[Lot, int]]:
    """Share `credits` out over the lots in burn order: each lot that pays, and how much.

    Raises ValueError when the lots hold less: the caller compares with the account's balance first.
    """
    shares: list[tuple[Lot, int]] = []
    missing = credits
    for lot in in_burn_order(lots):
        share = min(missing, lot.available)
        if share:
            shares.append((lot, share))
        missing -= share
    if missing:
        raise ValueError(f"The lots are {missing} credits short of {credits}.")
    return shares
