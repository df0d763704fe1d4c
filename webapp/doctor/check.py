"""What a check is, what it may look at, and how ages are said."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy.orm import Session

from webapp.billing.gateway import Gateway
from webapp.catalog import Catalog
from webapp.settings import Settings
from webapp.web.inbox import WEBHOOK_PATH

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. `bad` needs somebody now, `warn` sometime; the sentence says what to do."""

    name: str
    state: State
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """What a check may look at. `gateway` is None while payments are off; `is_deep` allows it to take its time."""

    session: Session
    settings: Settings
    catalog: Catalog
    gateway: Gateway | None
    now: dt.datetime
    is_deep: bool = False

    @property
    def mode(self) -> str:
        """Which Stripe this is about."""
        return self.settings.payments

    @property
    def is_real(self) -> bool:
        """Whether a real Stripe is behind the Buy button, in test mode or live."""
        return self.mode in {"test", "live"}

    @property
    def webhook_url(self) -> str:
        """The exact address that belongs into Stripe's dashboard."""
        return self.settings.base_url + WEBHOOK_PATH


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A check before it is made. `is_cheap`: a few indexed reads, nobody is asked; fit for a page."""

    name: str
    make: Callable[[Look], tuple[State, str] | tuple[State, str, Mapping[str, Any]]]
    is_cheap: bool = True


def age_text(age: dt.timedelta) -> str:
    """An age in one word and its unit, rounded down: `40 s`, `2 min`, `3 hours`, `4 days`."""
    seconds = max(0, int(age.total_seconds()))
    for size, one, many in ((86400, "day", "days"), (3600, "hour", "hours"), (60, "min", "min")):
        if seconds >= size:
            return f"{seconds // size} {one if seconds // size == 1 else many}"
    return f"{seconds} s"


def counted(number: int, one: str, many: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number:,} {one if number == 1 else many}"
