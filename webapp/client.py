"""Refill's client for other programs: one file on Python's standard library alone. Copy it into your project.

    refill = Refill("https://credits.example.com", key, account="user-7")
    with refill.hold(meter="call_minute", quantity=30) as hold:
        hold.capture(quantity=place_call())

Every call that moves credits has an idempotency key, made once a call and sent again with each retry, so that a lost
answer is never charged twice. Give `key=` yourself (the id of your call or job) where another process may start the
same work anew. Threads may share a client; after a fork each process opens connections of its own.
"""

import copy
import datetime as dt
import ipaddress
import json
import logging
import os
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Required, Self, TypedDict, TypeVar, Unpack, cast
from urllib.parse import quote, urlencode, urlsplit

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0

T = TypeVar("T")
log = logging.getLogger("refill.client")


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


class Use(TypedDict, total=False):
    """What was or will be used: `credits`, or `quantity` units of a `meter`; and what History says of it."""

    credits: int
    meter: str
    quantity: int
    description: str
    details: Mapping[str, Any]
    occurred_at: dt.datetime


class Line(Use, total=False):
    """A spend of a batch, with its own key; with a service key also of its own account."""

    key: Required[str]
    account: int | str


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


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits on hold. As a block: leaving by an exception releases, leaving without either captures all.

    `is_replayed`: its key had been used before; it is told as it was made then, so look at `find_hold(hold.id).state`.
    """

    id: int
    credits: int
    captured: int
    state: str
    expires_at: dt.datetime
    is_replayed: bool
    _refill: "Refill" = field(repr=False, compare=False)
    _asked: Use = field(default_factory=Use, repr=False, compare=False)
    _settled: list[str] = field(default_factory=list, repr=False, compare=False)

    def capture(self, *, key: str | None = None, **used: Unpack[Use]) -> Booked:
        """Take what was used, all of it if nothing is said; the rest goes back. A quantity is in the hold's meter."""
        if "quantity" in used and "meter" in self._asked:
            used.setdefault("meter", self._asked["meter"])
        booked = self._refill.capture(self.id, key=key, **(used or self._asked or {"credits": self.credits}))
        self._settled.append("captured")
        return booked

    def release(self) -> "Hold":
        """Give all of it back: nothing was used."""
        released = self._refill.release(self.id)
        self._settled.append("released")
        return released

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._settled:
            return
        if kind is None:
            self.capture()
            return
        try:
            self.release()
        except RefillError as error:  # what went wrong in the block matters more
            log.warning("hold %s was not released and ends by itself: %s", self.id, error)


class Refill:
    """One Refill, asked with one API key; with a service key about one account: its number, or your id for it."""

    def __init__(
        self, base_url: str, key: str, account: int | str | None = None, *, timeout_seconds: float = 10, tries: int = 4
    ) -> None:
        """Raise ValueError for an address over which others could read the key."""
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("That is no API key.")
        self._wire = _Wire(base_url, timeout_seconds)
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"} | _named(account)
        self._account, self._tries = account, tries

    def for_account(self, account: int | str) -> "Refill":
        """The same Refill asked about another account, over the same connections."""
        other = copy.copy(self)
        vars(other).update(_account=account, _headers=self._headers | _named(account))
        return other

    def close(self) -> None:
        """Close the connections that are idle."""
        self._wire.close()

    def spend(self, *, key: str | None = None, **used: Unpack[Use]) -> Booked:
        """Take credits at once, or what so much use costs. Raises InsufficientCredits; then nothing was taken."""
        return self._booked("/api/credits/spend", used, key)

    def batch(self, lines: Iterable[Line]) -> list[Result]:
        """Spend up to 1,000 lines, each by its own key and for itself: a bad one fails alone."""
        told = [line | ({"account": _name(line["account"])} if "account" in line else {}) for line in lines]
        found = self._ask("POST", "/api/credits/spend/batch", {"spends": told})[0]["results"]
        return [_result(one) for one in found]

    def hold(self, *, lasts_seconds: int | None = None, key: str | None = None, **asked: Unpack[Use]) -> Hold:
        """Reserve credits for work that begins. Raises InsufficientCredits; then nothing is on hold."""
        body = {**asked, "lasts_seconds": lasts_seconds}
        found, is_replayed = self._ask("POST", "/api/credits/holds", body, key or _new_key())
        return self._hold(found["hold"], is_replayed, asked)

    def find_hold(self, hold_id: int) -> Hold:
        """The hold as it is now."""
        return self._hold(*self._ask("GET", f"/api/credits/holds/{hold_id:d}"))

    def capture(self, hold_id: int, *, key: str | None = None, **used: Unpack[Use]) -> Booked:
        """Take what was used of a hold; the rest goes back. Raises HoldClosed if it is no longer open."""
        return self._booked(f"/api/credits/holds/{hold_id:d}/capture", used, key)

    def release(self, hold_id: int, *, key: str | None = None) -> Hold:
        """Give a hold back: nothing was used. Raises HoldClosed if it is no longer open."""
        found, is_replayed = self._ask("POST", f"/api/credits/holds/{hold_id:d}/release", {}, key or _new_key())
        return self._hold(found["hold"], is_replayed)

    def reverse(self, entry_id: int, *, credits: int | None = None, key: str | None = None) -> Booked:
        """Return so much of a spend or capture, or all that is left of it."""
        return self._booked(f"/api/credits/entries/{entry_id:d}/reverse", {"credits": credits}, key)

    def grant(
        self, *, kind: str, credits: int, reason: str, expires_at: dt.datetime | None = None, key: str | None = None
    ) -> Booked:
        """Give credits: `kind` is bonus, gift or adjustment. Service keys only."""
        body = {"kind": kind, "credits": credits, "reason": reason, "expires_at": expires_at}
        return self._booked("/api/credits/grants", body, key)

    def estimate(self, *, meter: str, quantity: int) -> Estimate:
        """What so much use would cost, and whether the balance covers it. Nothing is reserved."""
        return _read(Estimate, self._ask("POST", "/api/credits/estimate", {"meter": meter, "quantity": quantity})[0])

    def balance(self) -> Balance:
        """The account's credits now."""
        return _read(Balance, self._ask("GET", "/api/credits/balance")[0])

    def history(
        self, *, type: str = "transactions", since: dt.date | None = None, until: dt.date | None = None
    ) -> Iterator[Entry]:
        """The account's entries, newest first, asked for page by page. `type`, and days or instants, as in the API."""
        moments = {name: _text(moment) for name, moment in (("from", since), ("to", until)) if moment is not None}
        query: dict[str, Any] = {"type": type, "limit": 100} | moments
        while query.get("cursor", "") is not None:
            page, _ = self._ask("GET", f"/api/credits/history?{urlencode(query)}")
            yield from (_read(Entry, entry) for entry in page["entries"])
            query["cursor"] = page["next_cursor"]

    def account(self, *, external_id: str, email: str | None = None, time_zone: str | None = None) -> Account:
        """Make or find the account of your user with this id. Service keys only."""
        body = {"external_id": external_id, "email": email, "time_zone": time_zone}
        return _read(Account, self._ask("POST", "/api/accounts", body)[0])

    def login_link(self, *, next: str | None = None) -> LoginLink:
        """A fresh address that signs the account's user in and leads to the path `next`. Service keys only."""
        if self._account is None:
            raise ValueError("Say whose link: Refill(…, account=…), or for_account(…).")
        path = f"/api/accounts/{quote(_name(self._account), safe=':')}/login-link"
        return _read(LoginLink, self._ask("POST", path, {"next": next})[0])

    def _booked(self, path: str, body: Mapping[str, Any], key: str | None) -> Booked:
        found, is_replayed = self._ask("POST", path, body, key or _new_key())
        left = found["balance"]
        return Booked(_read(Entry, found["entry"]), left["available"], left["held"], is_replayed)

    def _hold(self, found: Mapping[str, Any], is_replayed: bool, asked: Use | None = None) -> Hold:
        return _read(Hold, found, is_replayed=is_replayed, _refill=self, _asked=_cost_of(asked or {}))

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None
    ) -> tuple[Any, bool]:
        """The answer and whether it is a repeated one. Asks again, always with the same key, when that may help."""
        headers = self._headers | ({} if key is None else {"Idempotency-Key": key})
        said = {name: value for name, value in (body or {}).items() if value is not None}
        written = None if body is None else json.dumps(said, default=_text).encode()
        for number in range(1, self._tries + 1):
            try:
                return self._wire.ask(method, path, headers, written)
            except RefillError as error:
                error.key = key
                pause_seconds = _pause_seconds(error, number)
                if pause_seconds is None or number == self._tries:
                    raise
            time.sleep(pause_seconds)
        raise ValueError("tries must be 1 or more.")


class _Wire:
    """Connections kept open and shared by threads: whoever asks takes one that is idle, or opens one."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self._open, self._host = _opener(base_url)
        self._timeout_seconds = timeout_seconds
        self._idle: deque[HTTPConnection] = deque()
        self._process_id = os.getpid()

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[Any, bool]:
        """One try. Raises Unreachable without an answer, and Refused for one that is no success."""
        connection = self._taken()
        try:
            connection.request(method, path, body, headers | {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            self.close()  # the others have been idle as long
            raise Unreachable(f"No answer from {self._host}: {type(error).__name__}.") from error
        if not response.will_close:
            self._idle.append(connection)
        return _answer(response.status, response.headers, content)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _taken(self) -> HTTPConnection:
        if self._process_id != os.getpid():  # forked: these sockets are the parent's
            self._idle, self._process_id = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open(self._host, timeout=self._timeout_seconds)


def _opener(base_url: str) -> tuple[Callable[..., HTTPConnection], str]:
    """How to connect, and to which host and port. Raises ValueError for no origin, and for one that isn't secret."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.path.strip("/"):
        raise ValueError("base_url must be an origin, like https://credits.example.com.")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ValueError("base_url must begin with https://, else everybody on the way can read the API key.")
    return (HTTPSConnection if parts.scheme == "https" else HTTPConnection), parts.netloc


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _answer(status: int, headers: Message, content: bytes) -> tuple[Any, bool]:
    """The JSON of a success, and whether it is repeated; raises Refused for anything else."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if 200 <= status < 300 and isinstance(found, dict):
        return found, headers.get("Idempotent-Replayed") == "true"
    retry_after = headers.get("Retry-After", "")
    seconds = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
    raise _refused(status, found if isinstance(found, dict) else {}, seconds)


def _refused(status: int, facts: Mapping[str, Any], retry_after_seconds: int | None = None) -> Refused:
    by_code = {
        "insufficient_credits": InsufficientCredits,
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


def _pause_seconds(error: RefillError, number: int) -> float | None:
    """How long to wait before another try; None when none would help, or Refill asks for more than we wait."""
    if not isinstance(error, Unreachable | TooManyRequests | ServerFailed):
        return None
    least = getattr(error, "retry_after_seconds", None) or 0
    pause_seconds = least + random.uniform(0, FIRST_PAUSE_SECONDS * 2**number)  # noqa: S311  # jitter, not a secret
    return pause_seconds if pause_seconds <= LONGEST_PAUSE_SECONDS else None


def _read(kind: type[T], found: Mapping[str, Any], **more: Any) -> T:
    """The fields of `kind` out of an answer. What a newer Refill says besides is left alone."""
    named = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # each kind is a dataclass
    return kind(**{name: _value(name, value) for name, value in found.items() if name in named}, **more)


def _value(name: str, value: Any) -> Any:
    if name.endswith("_at") and isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    return tuple(_read(Lot, lot) for lot in value) if name == "lots" else value


def _result(found: Mapping[str, Any]) -> Result:
    entry, problem, status = found.get("entry"), found.get("problem"), found["status"]
    error = None if problem is None else _refused(status, problem)
    return Result(found["key"], status, None if entry is None else _read(Entry, entry), error)


def _text(moment: dt.date) -> str:
    """A day, or an instant with its zone, as it is sent."""
    if isinstance(moment, dt.datetime) and moment.tzinfo is None:
        raise ValueError("A time must say its zone.")
    return moment.isoformat()


def _cost_of(asked: Use) -> Use:
    return cast("Use", {name: value for name, value in asked.items() if name in {"credits", "meter", "quantity"}})


def _name(account: int | str) -> str:
    """An account as Refill is told: its number, or your own id for it."""
    return str(account) if isinstance(account, int) else f"external:{account}"


def _named(account: int | str | None) -> dict[str, str]:
    return {} if account is None else {"Refill-Account": _name(account)}


def _new_key() -> str:
    return uuid.uuid4().hex
