"""The books of the played Refill: one balance for each account, in memory.

The shapes are the API's; the arithmetic is only what the client's tests need.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

NOW = "2026-11-20T14:32:00Z"
LATER = "2026-11-20T14:47:00Z"
PRICES = {"call_minute": 3, "transcript": 1}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Problem(Exception):
    """A refusal: status, code and facts."""

    def __init__(self, status: int, code: str, **facts: Any) -> None:
        self.status = status
        self.body = {"type": "about:blank", "title": "No", "status": status, "detail": "No.", "code": code, **facts}


class PlayedBooks:
    """Answers to requests, and what they change: `available` by account as it was named, holds, entries."""

    def __init__(self) -> None:
        self.available: dict[str, int] = defaultdict(lambda: 930)
        self.holds: dict[str, dict[str, Any]] = {}
        self.entries: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def done(self, account: str, asked: Asked) -> tuple[int, Any]:
        """Status and body of a request; raises Problem."""
        path = urlsplit(asked.path).path
        for method, pattern, status, run in ROUTES:
            if method == asked.method and (found := re.fullmatch(pattern, path)):
                return status, run(self, account, asked, *found.groups())
        raise Problem(404, "not_found")

    def spend(self, account: str, asked: Asked) -> Any:
        return self._take(account, "spend", self._cost(asked.body), asked.body)

    def batch(self, account: str, asked: Asked) -> Any:
        return {"results": [self._line(account, line) for line in asked.body["spends"]]}

    def hold(self, account: str, asked: Asked) -> Any:
        return self._hold(account, asked.body)

    def find(self, account: str, asked: Asked, number: str) -> Any:
        return self._found(number)

    def close(self, account: str, asked: Asked, number: str, how: str) -> Any:
        return self._close(account, number, how, asked.body)

    def reverse(self, account: str, asked: Asked, number: str) -> Any:
        entry = self.entries[account][int(number) - 1]
        returned = asked.body.get("credits", -entry["credits"])
        return self._take(account, "reverse", -returned, {"reverses": entry["id"]})

    def grant(self, account: str, asked: Asked) -> Any:
        return self._take(account, "grant", -asked.body["credits"], {"description": asked.body["reason"]})

    def estimate(self, account: str, asked: Asked) -> Any:
        cost, has = self._cost(asked.body), self.available[account]
        told = {"credits": cost, "available": has, "missing": max(0, cost - has), "is_covered": cost <= has}
        return told | {"meter": asked.body["meter"]}

    def balance(self, account: str, asked: Asked) -> Any:
        return self._balance(account)

    def history(self, account: str, asked: Asked) -> Any:
        return self._page(account, dict(parse_qsl(urlsplit(asked.path).query)))

    def make_account(self, account: str, asked: Asked) -> Any:
        told = {"email": None, "time_zone": "UTC"} | asked.body
        return {"account": 2**53 - 1, "has_user": told["email"] is not None, **told}

    def link(self, account: str, asked: Asked, name: str) -> Any:
        return {"url": f"https://credits.example.com/sign-in/{name}", "expires_at": LATER}

    def _cost(self, body: Any) -> int:
        cost = body["credits"] if "credits" in body else PRICES[body["meter"]] * body["quantity"]
        if type(cost) is not int or cost < 1:
            raise Problem(422, "invalid_credits")
        return cost

    def _take(self, account: str, kind: str, cost: int, body: Any) -> Any:
        if cost > self.available[account]:
            facts = {"needed": cost, "available": self.available[account], "pack": "small"}
            raise Problem(
                402, "insufficient_credits", **facts, buy_url="https://credits.example.com/dashboard/credits#packs"
            )
        self.available[account] -= cost
        entry = {
            "id": len(self.entries[account]) + 1,
            "kind": kind,
            "credits": -cost if kind != "hold" else 0,
            "balance_after": self.available[account],
            "description": body.get("description", ""),
            "meter": body.get("meter"),
            "quantity": body.get("quantity"),
            "lots": [{"grant": 1, "kind": "purchased", "credits": abs(cost)}],
            "occurred_at": body.get("occurred_at", NOW),
            "created_at": NOW,
            "reverses": body.get("reverses"),
        }
        self.entries[account].append(entry)
        return {"entry": entry, "balance": self._left(account)}

    def _left(self, account: str) -> dict[str, int]:
        held = sum(one["credits"] for one in self.holds.values() if (one["of"], one["state"]) == (account, "open"))
        return {"available": self.available[account], "held": held}

    def _line(self, account: str, line: Any) -> Any:
        try:
            done = self._take(line.get("account", account), "spend", self._cost(line), line)
        except Problem as problem:
            return {"key": line["key"], "status": problem.status, "problem": problem.body}
        return {"key": line["key"], "status": 201, "entry": done["entry"]}

    def _hold(self, account: str, body: Any) -> Any:
        cost = self._cost(body)
        entry = self._take(account, "hold", cost, body)["entry"]
        made = {"id": entry["id"], "credits": cost, "captured": 0, "state": "open", "expires_at": LATER, "of": account}
        self.holds[str(entry["id"])] = made
        return {"hold": made, "balance": self._left(account)}

    def _found(self, number: str) -> Any:
        if number not in self.holds:
            raise Problem(404, "unknown_hold")
        return self.holds[number]

    def _close(self, account: str, number: str, how: str, body: Any) -> Any:
        found = self._found(number)
        if found["state"] != "open":
            raise Problem(409, "hold_closed", hold=found["id"], state=found["state"])
        used = self._cost(body) if how == "capture" else 0
        self.available[account] += found["credits"]
        found |= {"state": {"capture": "captured", "release": "released"}[how], "captured": used}
        if how == "release":
            return {"hold": found, "balance": self._left(account)}
        return self._take(account, "capture", used, body)

    def _balance(self, account: str) -> Any:
        has = self.available[account]
        lots = [{"grant": 1, "kind": "purchased", "credits": has, "expires_at": None}]
        kinds = {"allowance": 0, "bonus": 0, "purchased": has}
        zeros = dict.fromkeys(("frozen", "debt", "subscription", "total_purchased", "total_used"), 0)
        told = {"account": 7, "balance": has, "total": has, "overage": has, "display": f"{has} credits"}
        return self._left(account) | zeros | told | {"kinds": kinds, "lots": lots}

    def _page(self, account: str, query: dict[str, str]) -> Any:
        before = int(query.get("cursor", len(self.entries[account]) + 1))
        found = self.entries[account][max(0, before - 3) : before - 1][::-1]  # pages of two
        return {"entries": found, "next_cursor": str(found[-1]["id"]) if found and found[-1]["id"] > 1 else None}


ROUTES = (
    ("POST", "/api/credits/spend", 201, PlayedBooks.spend),
    ("POST", "/api/credits/spend/batch", 200, PlayedBooks.batch),
    ("POST", "/api/credits/holds", 201, PlayedBooks.hold),
    ("GET", "/api/credits/holds/([0-9]+)", 200, PlayedBooks.find),
    ("POST", "/api/credits/holds/([0-9]+)/(capture|release)", 201, PlayedBooks.close),
    ("POST", "/api/credits/entries/([0-9]+)/reverse", 201, PlayedBooks.reverse),
    ("POST", "/api/credits/grants", 201, PlayedBooks.grant),
    ("POST", "/api/credits/estimate", 200, PlayedBooks.estimate),
    ("GET", "/api/credits/balance", 200, PlayedBooks.balance),
    ("GET", "/api/credits/history", 200, PlayedBooks.history),
    ("POST", "/api/accounts", 201, PlayedBooks.make_account),
    ("POST", "/api/accounts/([^/]+)/login-link", 201, PlayedBooks.link),
)
