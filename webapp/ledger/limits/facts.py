"""What a spend limit is, and how it stands. Pure."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Period = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """At most `credits` in each `period`, by the whole account (`key_id` 0) or by one API key.

    One that `pauses` refuses what would go above it, the others only tell. `is_money` says how it was set.
    """

    key_id: int
    period: Period
    credits: int
    pauses: bool
    is_money: bool


@dataclass(frozen=True, slots=True)
class Window:
    """From `starts_at` until before `ends_at`."""

    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(slots=True)
class LimitStanding:
    """A limit and what its present window has counted: credits `used` and not returned, and `held` by open holds.

    `is_stored` says that the window has a row. Within an operation `used` runs on with what is posted.
    """

    limit: SpendLimit
    window: Window
    used: int
    held: int
    is_stored: bool

    def concerns(self, key_id: int) -> bool:
        """Whether what an API key (0: none) uses counts toward the limit."""
        return self.limit.key_id in {0, key_id}

    @property
    def counted(self) -> int:
        """What counts toward the limit: open holds too, for they may all be used."""
        return self.used + self.held

    @property
    def left(self) -> int:
        """What may still be spent or held, never below 0."""
        return max(0, self.limit.credits - self.counted)

    @property
    def is_reached(self) -> bool:
        """Whether nothing is left of it."""
        return self.counted >= self.limit.credits
