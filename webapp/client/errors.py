"""What a call raises when it does not succeed. Nobody else decides which error an answer is."""

import datetime as dt
from collections.abc import Mapping
from typing import Any


class RefillError(Exception):
    """A call that did not succeed. With `key`, its idempotency key, the same call may safely be made again."""

    key: str | None = None


class Unreachable(RefillError):
    """No answer came, however often it was tried. Whether the call took effect is not known."""


class Refused(RefillError):
    """Refill's answer: `status`, a stable `code`, the sentence `detail`, and all that it said in `facts`."""

    def __init__(self, status: int, facts: Mapping[str, Any], retry_after_seconds: int | None = None) -> None:
        self.status, self.facts, self.retry_after_seconds = status, dict(facts), retry_after_seconds
        self.code = str(facts.get("code", "unreadable"))
        self.detail = str(facts.get("detail", "The answer can't be read."))
        super().__init__(f"{self.detail} ({status} {self.code})")


class NotAllowed(Refused):
    """The API key is not known, or may not do that."""


class NotFound(Refused):
    """There is no such account, hold, entry or meter, or it is another's."""


class CannotSpend(Refused):
    """Nothing was taken: credits are missing, a limit is reached, or spending is paused."""


class InsufficientCredits(CannotSpend):
    """There are fewer credits than are needed."""

    @property
    def needed(self) -> int:
        """How many credits it takes."""
        return int(self.facts["needed"])

    @property
    def available(self) -> int:
        """How many there are."""
        return int(self.facts["available"])

    @property
    def buy_url(self) -> str | None:
        """Where the user can buy what is missing. The pack that covers it is `facts["pack"]`."""
        return self.facts.get("buy_url")


class SpendLimitReached(CannotSpend):
    """A spend limit has less left than is needed: the account's, or that of the key that asks (`facts["key"]`)."""

    @property
    def needed(self) -> int:
        """How many credits it takes."""
        return int(self.facts["needed"])

    @property
    def left(self) -> int:
        """How many the limit still lets go."""
        return int(self.facts["left"])

    @property
    def resets_at(self) -> dt.datetime:
        """When the limit starts anew."""
        return dt.datetime.fromisoformat(str(self.facts["resets_at"]))


class SpendingPaused(CannotSpend):
    """The account's owner or an operator has paused spending: see `facts["paused_by"]`."""


class HoldClosed(Refused):
    """The hold was captured or released, or it has expired: see `facts["state"]`."""


class InvalidRequest(Refused):
    """What was sent can't be taken as it is."""


class IdempotencyConflict(InvalidRequest):
    """The key was used before for something else."""


class TooManyRequests(Refused):
    """Refill asks to slow down, for longer or oftener than this client waits."""


class ServerFailed(Refused):
    """Refill could not answer, however often it was tried. Whether the call took effect is not known."""


def refused(status: int, facts: Mapping[str, Any], retry_after_seconds: int | None = None) -> Refused:
    """The error that an answer is: by its code, else by its status."""
    by_code = {
        "insufficient_credits": InsufficientCredits,
        "spend_limit_reached": SpendLimitReached,
        "spending_paused": SpendingPaused,
        "hold_closed": HoldClosed,
        "idempotency_conflict": IdempotencyConflict,
    }
    by_status = {
        401: NotAllowed, 402: CannotSpend, 403: NotAllowed, 404: NotFound, 429: TooManyRequests,
        400: InvalidRequest, 413: InvalidRequest, 415: InvalidRequest, 422: InvalidRequest,
    }  # fmt: skip
    # A success that can't be read is as unclear as a failure of the server.
    otherwise = Refused if 300 <= status < 500 else ServerFailed
    kind = by_code.get(str(facts.get("code"))) or by_status.get(status, otherwise)
    return kind(status, facts, retry_after_seconds)
