"""A client of the JSON API that has a key: no cookie, no token."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.api.calling import answer
from webapp.extensions import transact
from webapp.ledger.operations import open_account
from webapp.orm import utc_now
from webapp.people.keyring import create_key
from webapp.people.models import HostAccount

numbers = itertools.count(1)
EVERYTHING = ("read", "spend", "manage")
SPEND = "/api/credits/spend"
BATCH = "/api/credits/spend/batch"
HOLDS = "/api/credits/holds"
GRANTS = "/api/credits/grants"
ESTIMATE = "/api/credits/estimate"


class KeyApi:
    """Calls with one key; a service key acts for `account` unless a call names another."""

    def __init__(self, app: Flask, secret: str, *, key_id: int = 0, account: object = None) -> None:
        self.app, self.client, self.secret, self.key_id, self.account = app, app.test_client(), secret, key_id, account

    def for_account(self, account: object) -> "KeyApi":
        return KeyApi(self.app, self.secret, key_id=self.key_id, account=account)

    def get(self, path: str, **query: str) -> TestResponse:
        return self.client.get(path, query_string=query, headers=self._headers())

    def post(self, path: str, body: object = None, *, key: str | None = "new", **headers: str) -> TestResponse:
        """`key` "new" sends one that was never used, None sends none; `body` None sends no body at all."""
        sent = self._headers()
        if key is not None:
            sent["Idempotency-Key"] = f"call-{next(numbers)}" if key == "new" else key
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        return self.client.post(path, data=data, headers=sent)

    def spend(self, credits: int, **more: Any) -> dict[str, Any]:
        return answer(self.post(SPEND, {"credits": credits} | more), 201)

    def hold(self, credits: int, **more: Any) -> dict[str, Any]:
        return answer(self.post(HOLDS, {"credits": credits} | more), 201)

    def balance(self) -> dict[str, Any]:
        return answer(self.get("/api/credits/balance"))

    def entries(self) -> list[dict[str, Any]]:
        """The newest hundred entries, newest first."""
        found: list[dict[str, Any]] = answer(self.get("/api/credits/history", limit="100"))["entries"]
        return found

    def _headers(self) -> dict[str, str]:
        named = {} if self.account is None else {"Refill-Account": str(self.account)}
        return {"Authorization": f"Bearer {self.secret}"} | named


def make_key(app: Flask, account_id: int | None, *scopes: str) -> KeyApi:
    """A key of an account, or a service key; with every scope unless some are named."""
    facts = {"account_id": account_id, "name": "test", "scopes": scopes or EVERYTHING, "now": utc_now()}
    key, secret = transact(lambda session: create_key(session, **facts))
    return KeyApi(app, secret, key_id=key.id)


def make_account(*, external_id: str = "", time_zone: str = "UTC") -> int:
    """An empty account, known to the host product by `external_id` if there is one."""

    def work(session: Any) -> int:
        account_id = open_account(session, time_zone=time_zone, now=utc_now())
        if external_id:
            session.add(HostAccount(external_id=external_id, account_id=account_id, created_at=utc_now()))
        return account_id

    return transact(work)


Give = Callable[..., Any]
