"""What the ledger refuses.

Refusal
└── LedgerRefusal
    ├── InvalidCredits        not a whole number from 1 to the largest amount
    ├── InvalidRequest        a word, a time or a text the ledger can't take
    ├── UnknownAccount
    ├── InsufficientCredits   needed, available
    ├── SpendingPaused
    └── IdempotencyConflict   the key was used for something else
"""

from webapp.errors import Refusal


class LedgerRefusal(Refusal):
    """The ledger can't do this; nothing was written."""

    code = "ledger_refused"


class InvalidCredits(LedgerRefusal):
    """Credits must be a whole number from 1 to the largest amount of one operation."""

    code = "invalid_credits"


class InvalidRequest(LedgerRefusal):
    """A kind, key, time or text the ledger can't take."""

    code = "invalid_request"


class UnknownAccount(LedgerRefusal):
    """There is no such account."""

    code = "unknown_account"


class InsufficientCredits(LedgerRefusal):
    """The account has fewer credits available than are needed. Facts: `needed`, `available`."""

    code = "insufficient_credits"


class SpendingPaused(LedgerRefusal):
    """The account's owner or an operator has paused spending."""

    code = "spending_paused"


class IdempotencyConflict(LedgerRefusal):
    """The key was used before with another request."""

    code = "idempotency_conflict"
