"""What the ledger refuses.

Refusal
└── LedgerRefusal
    ├── InvalidCredits        not a whole number from 1 to the largest amount
    ├── InvalidRequest        a word, a time or a text the ledger can't take
    ├── UnknownAccount
    ├── UnknownEntry          entry
    ├── UnknownGrant          grant
    ├── UnknownHold           hold
    ├── InsufficientCredits   needed, available
    ├── SpendingPaused        paused_at, paused_by
    ├── SpendLimitReached     needed, limit, used, held, left, period, key, resets_at
    ├── LimitAlreadyReached   limit, used, held
    ├── HoldClosed            hold, state
    ├── CaptureAboveHold      needed, held
    ├── NotReversible         entry, kind
    ├── ReverseAboveSpent     needed, left
    ├── VoidAboveAvailable    needed, available
    └── IdempotencyConflict   the key was used for something else
"""

from dataclasses import replace

from webapp.errors import Refusal
from webapp.ledger.limits.facts import LimitStanding


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


class UnknownEntry(LedgerRefusal):
    """The account has no such entry. Fact: `entry`."""

    code = "unknown_entry"


class UnknownGrant(LedgerRefusal):
    """The account has no such grant. Fact: `grant`."""

    code = "unknown_grant"


class UnknownHold(LedgerRefusal):
    """The account has no such hold. Fact: `hold`."""

    code = "unknown_hold"


class InsufficientCredits(LedgerRefusal):
    """The account has fewer credits available than are needed. Facts: `needed`, `available`.

    `account_id` says whose they are: who asks may be somebody else.
    """

    code = "insufficient_credits"

    def __init__(self, account_id: int, *, needed: int, available: int) -> None:
        sentence = f"This needs {needed:,} credits, and {available:,} are available."
        super().__init__(sentence, needed=needed, available=available)
        self.account_id, self.needed, self.available = account_id, needed, available


class SpendingPaused(LedgerRefusal):
    """The account's owner or an operator has paused spending. Facts: `paused_at`, `paused_by` (owner or operator)."""

    code = "spending_paused"


class SpendLimitReached(LedgerRefusal):
    """A spend limit of the account, or of the API key that asks, has less left than is needed.

    Facts: `needed`, `limit`, `used`, `held`, `left` (credits), `period`, `key` (its number, or None for a limit of the
    whole account), `resets_at`. `account_id` says whose it is: who asks may be somebody else.
    """

    code = "spend_limit_reached"

    def __init__(self, account_id: int, standing: LimitStanding, *, needed: int) -> None:
        limit, per, left = standing.limit, standing.limit.period, standing.left
        whose = "this API key's" if limit.key_id else "the account's"
        super().__init__(
            f"This needs {needed:,} credits, and {left:,} are left of {whose} limit of {limit.credits:,} a {per}.",
            needed=needed,
            limit=limit.credits,
            used=standing.used,
            held=standing.held,
            left=left,
            period=per,
            key=limit.key_id or None,
            resets_at=standing.window.ends_at.isoformat(),
        )
        # As it was then: on the sheet it runs on with what a batch's next lines take.
        self.account_id, self.standing, self.needed = account_id, replace(standing), needed


class LimitAlreadyReached(LedgerRefusal):
    """A limit that pauses would stop usage at once, and nobody has said that it may.

    Facts: `limit`, `used`, `held` (credits).
    """

    code = "limit_already_reached"


class HoldClosed(LedgerRefusal):
    """The hold was captured, released or has expired. Facts: `hold`, `state`."""

    code = "hold_closed"


class CaptureAboveHold(LedgerRefusal):
    """More was to be captured than is on hold. Facts: `needed`, `held`."""

    code = "capture_above_hold"


class NotReversible(LedgerRefusal):
    """The entry is neither a spend nor a capture. Facts: `entry`, `kind`."""

    code = "not_reversible"


class ReverseAboveSpent(LedgerRefusal):
    """More was to be returned than was spent and not returned yet. Facts: `needed`, `left`."""

    code = "reverse_above_spent"


class VoidAboveAvailable(LedgerRefusal):
    """More was to be cancelled than is available of the grant. Facts: `needed`, `available`."""

    code = "void_above_available"


class IdempotencyConflict(LedgerRefusal):
    """The key was used before with another request."""

    code = "idempotency_conflict"
