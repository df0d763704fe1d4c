"""Refill's client for other programs: one folder on Python's standard library alone. Copy it into your project.

    refill = Refill("https://credits.example.com", key, account="user-7")
    with refill.hold(meter="call_minute", quantity=30) as hold:
        hold.capture(quantity=place_call())

Every call that moves credits has an idempotency key, made once a call and sent again with each retry, so that a lost
answer is never charged twice. Give `key=` yourself (the id of your call or job) where another process may start the
same work anew. Threads may share a client; after a fork each process opens connections of its own.

The folder may have any name: its files import each other relatively. Import from the folder only, not from its files.
"""

from .answers import Account, Balance, Booked, Entry, Estimate, LoginLink, Lot, Result, Subscription
from .calls import Refill
from .errors import (
    CannotSpend,
    HoldClosed,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RefillError,
    Refused,
    ServerFailed,
    SpendingPaused,
    SpendLimitReached,
    TooManyRequests,
    Unreachable,
)
from .holds import Hold
from .uses import Line, Use

__all__ = [
    "Account",
    "Balance",
    "Booked",
    "CannotSpend",
    "Entry",
    "Estimate",
    "Hold",
    "HoldClosed",
    "IdempotencyConflict",
    "InsufficientCredits",
    "InvalidRequest",
    "Line",
    "LoginLink",
    "Lot",
    "NotAllowed",
    "NotFound",
    "Refill",
    "RefillError",
    "Refused",
    "Result",
    "ServerFailed",
    "SpendLimitReached",
    "SpendingPaused",
    "Subscription",
    "TooManyRequests",
    "Unreachable",
    "Use",
]
