"""The calls: what each sends, and what it makes of the answer."""

import copy
import datetime as dt
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Unpack
from urllib.parse import quote, urlencode

from .answers import Account, Balance, Booked, Entry, Estimate, LoginLink, Result, Subscription, read, result
from .holds import Hold
from .uses import Line, Use, cost_of, text
from .wire import Wire


class Refill:
    """One Refill, asked with one API key; with a service key about one account: its number, or your id for it."""

    def __init__(
        self, base_url: str, key: str, account: int | str | None = None, *, timeout_seconds: float = 10, tries: int = 4
    ) -> None:
        """Raise ValueError for an address over which others could read the key."""
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("That is no API key.")
        self._wire = Wire(base_url, timeout_seconds, tries)
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"} | _named(account)
        self._account = account

    def for_account(self, account: int | str) -> "Refill":
        """The same Refill asked about another account, over the same connections."""
        other = copy.copy(self)
        vars(other).update(_account=account, _headers=self._headers | _named(account))
        return other

    def close(self) -> None:
        """Close the connections that are idle."""
        self._wire.close()

    def spend(self, *, key: str | None = None, **used: Unpack[Use]) -> Booked:
        """Take credits at once, or what so much use costs. Raises CannotSpend; then nothing was taken."""
        return self._booked("/api/credits/spend", used, key)

    def batch(self, lines: Iterable[Line]) -> list[Result]:
        """Spend up to 1,000 lines, each by its own key and for itself: a bad one fails alone."""
        told = [line | ({"account": _name(line["account"])} if "account" in line else {}) for line in lines]
        found = self._ask("POST", "/api/credits/spend/batch", {"spends": told})[0]["results"]
        return [result(one) for one in found]

    def hold(self, *, lasts_seconds: int | None = None, key: str | None = None, **asked: Unpack[Use]) -> Hold:
        """Reserve credits for work that begins. Raises CannotSpend; then nothing is on hold."""
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
        return read(Estimate, self._ask("POST", "/api/credits/estimate", {"meter": meter, "quantity": quantity})[0])

    def balance(self) -> Balance:
        """The account's credits now."""
        return read(Balance, self._ask("GET", "/api/credits/balance")[0])

    def subscription(self) -> Subscription:
        """The account's plan and subscription, as Stripe last told it."""
        return read(Subscription, self._ask("GET", "/api/billing/subscription")[0])

    def history(
        self, *, type: str = "transactions", since: dt.date | None = None, until: dt.date | None = None
    ) -> Iterator[Entry]:
        """The account's entries, newest first, asked for page by page. `type`, and days or instants, as in the API."""
        moments = {name: text(moment) for name, moment in (("from", since), ("to", until)) if moment is not None}
        query: dict[str, Any] = {"type": type, "limit": 100} | moments
        while query.get("cursor", "") is not None:
            page, _ = self._ask("GET", f"/api/credits/history?{urlencode(query)}")
            yield from (read(Entry, entry) for entry in page["entries"])
            query["cursor"] = page["next_cursor"]

    def account(self, *, external_id: str, email: str | None = None, time_zone: str | None = None) -> Account:
        """Make or find the account of your user with this id. Service keys only."""
        body = {"external_id": external_id, "email": email, "time_zone": time_zone}
        return read(Account, self._ask("POST", "/api/accounts", body)[0])

    def login_link(self, *, next: str | None = None) -> LoginLink:
        """A fresh address that signs the account's user in and leads to the path `next`. Service keys only."""
        if self._account is None:
            raise ValueError("Say whose link: Refill(…, account=…), or for_account(…).")
        path = f"/api/accounts/{quote(_name(self._account), safe=':')}/login-link"
        return read(LoginLink, self._ask("POST", path, {"next": next})[0])

    def _booked(self, path: str, body: Mapping[str, Any], key: str | None) -> Booked:
        found, is_replayed = self._ask("POST", path, body, key or _new_key())
        left = found["balance"]
        return Booked(read(Entry, found["entry"]), left["available"], left["held"], is_replayed)

    def _hold(self, found: Mapping[str, Any], is_replayed: bool, asked: Use | None = None) -> Hold:
        return read(Hold, found, is_replayed=is_replayed, _refill=self, _asked=cost_of(asked or {}))

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None
    ) -> tuple[Any, bool]:
        """The answer and whether it is a repeated one."""
        said = {name: value for name, value in (body or {}).items() if value is not None}
        written = None if body is None else json.dumps(said, default=text).encode()
        return self._wire.ask(method, path, self._headers, written, key)


def _name(account: int | str) -> str:
    """An account as Refill is told: its number, or your own id for it."""
    return str(account) if isinstance(account, int) else f"external:{account}"


def _named(account: int | str | None) -> dict[str, str]:
    return {} if account is None else {"Refill-Account": _name(account)}


def _new_key() -> str:
    return uuid.uuid4().hex
