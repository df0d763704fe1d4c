"""What Refill answers, read into frozen dataclasses. Nothing here asks."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from .errors import Refused, refused

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lot:
    """Credits of one grant. In a balance: what is left of it, and until when (None: for ever)."""

    grant: int
    kind: str
    credits: int
    expires_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account's history; `lots` are those it touched. `id` counts within the account."""

    id: int
    kind: str
    credits: int
    balance_after: int
    description: str
    meter: str | None
    quantity: int | None
    lots: tuple[Lot, ...]
    occurred_at: dt.datetime
    created_at: dt.datetime
    reverses: int | None


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry that was written, what is available and held after it, and whether its key had been used before."""

    entry: Entry
    available: int
    held: int
    is_replayed: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's credits; `lots` stand in the order in which they are used."""

    account: int
    available: int
    held: int
    frozen: int
    debt: int
    balance: int
    kinds: Mapping[str, int]
    lots: tuple[Lot, ...]
    total_purchased: int
    total_used: int
    display: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """An account's plan: `plan` is what counts now, `state` is none or Stripe's word, of which new ones may come.

    `allowance` has given, left and resets_at, `problem` kind and url (where the payment is put right), or None.
    """

    plan: str | None
    state: str
    subscribed_to: str | None
    next_plan: str | None
    allowance: Mapping[str, Any] | None
    is_ending: bool
    ends_at: dt.datetime | None
    problem: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What so much use would cost now, and whether the balance covers it; `missing` is what it lacks."""

    credits: int
    available: int
    missing: int
    is_covered: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a line: its entry, or the error that the same spend alone would have raised."""

    key: str | None
    status: int
    entry: Entry | None
    error: Refused | None


@dataclass(frozen=True, slots=True)
class Account:
    """The account of one of your users. `account` is Refill's number for it."""

    account: int
    external_id: str
    email: str | None
    has_user: bool
    time_zone: str


@dataclass(frozen=True, slots=True)
class LoginLink:
    """An address that signs the account's user in, once, until `expires_at`."""

    url: str
    expires_at: dt.datetime


def read(kind: type[T], found: Mapping[str, Any], **more: Any) -> T:
    """The fields of `kind` out of an answer. What a newer Refill says besides is left alone."""
    named = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # each kind is a dataclass
    return kind(**{name: _value(name, value) for name, value in found.items() if name in named}, **more)


def _value(name: str, value: Any) -> Any:
    if name.endswith("_at") and isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    return tuple(read(Lot, lot) for lot in value) if name == "lots" else value


def result(found: Mapping[str, Any]) -> Result:
    """One line of a batch's answer."""
    entry, problem, status = found.get("entry"), found.get("problem"), found["status"]
    error = None if problem is None else refused(status, problem)
    return Result(found["key"], status, None if entry is None else read(Entry, entry), error)
