"""What alerts are worked out from, and what a crossing is. Frozen facts."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from webapp.alerts.models import RaisedAlert
from webapp.billing.models import Purchase
from webapp.billing.subscriptions.models import Subscription
from webapp.ledger.allowances import Allowance
from webapp.ledger.queries import Balance, LimitStanding

Kind = Literal["allowance", "low", "depleted", "recovered", "expiring", "limit", "payment"]

ID_CHARACTERS = 20
# Of these a lower threshold is the worse one: fewer days, fewer credits.
FALLING = frozenset({"expiring", "low"})


@dataclass(frozen=True, slots=True)
class Choices:
    """What an account wants to be told of; as it stands here, by default. `low_credits` 0: no line at all.

    What stops the account's use, or a payment of it, is told always.
    """

    allowance_50: bool = False
    allowance_80: bool = True
    allowance_100: bool = True
    low_credits: int = 0
    expiring: bool = True
    limits: bool = True

    @property
    def percents(self) -> tuple[int, ...]:
        """The shares of an allowance that are told of."""
        chosen = {50: self.allowance_50, 80: self.allowance_80, 100: self.allowance_100}
        return tuple(percent for percent, is_chosen in chosen.items() if is_chosen)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """How an account stands. `failed_purchase` is its last payment, if that failed lately: see `payments`."""

    balance: Balance
    allowance: Allowance | None
    limits: Sequence[LimitStanding]
    subscription: Subscription | None
    failed_purchase: Purchase | None
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that is crossed now; what its parts mean stands at `RaisedAlert`. `facts` are ready for JSON."""

    kind: Kind
    subject: str
    occasion: str
    threshold: int
    ends_at: dt.datetime | None
    facts: dict[str, Any]

    @property
    def group(self) -> tuple[str, str, str]:
        """What it shares with its other thresholds."""
        return self.kind, self.subject, self.occasion

    @property
    def id(self) -> str:
        """The one word for its key within the account."""
        parts = (*self.group, str(self.threshold))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:ID_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an account's alerts: its choices, and the rows of `raised`.

    Those are all of which the occasion isn't over, and of episodes the newest too.
    """

    choices: Choices
    raised: tuple[RaisedAlert, ...]


def weight(kind: str, threshold: int) -> int:
    """How bad a threshold is beside others of its kind: more is worse."""
    return -threshold if kind in FALLING else threshold
