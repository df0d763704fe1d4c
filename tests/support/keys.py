"""API keys of a test: made in one line, and a client that asks with one."""

import datetime as dt
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.keyring import create_key
from webapp.people.models import SCOPES, ApiKey


def make_key(
    account_id: int | None, *scopes: str, name: str = "Test", now: dt.datetime | None = None
) -> tuple[ApiKey, str]:
    """A key of an account, or a service key for None, with these scopes or all; and its secret."""
    facts = {"name": name, "scopes": scopes or SCOPES, "now": now or utc_now()}
    return transact(lambda session: create_key(session, account_id=account_id, **facts))


class KeyClient:
    """Asks with a key as a program does: no cookie, no token."""

    def __init__(self, app: Flask, secret: str, *, account: str | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"Bearer {secret}"} | ({"Refill-Account": account} if account else {})

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(path, query_string=query, headers=self.headers)

    def post(self, path: str, body: object = None, **headers: str) -> TestResponse:
        """Headers by their names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=body, headers=self.headers | named)
