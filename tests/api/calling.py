"""A client of the JSON API: a browser's cookie, the CSRF header, and answers that must be what the API promises."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from webapp.people.models import User

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "request_id"}


class Api:
    """Calls as one user, or as nobody."""

    def __init__(self, app: Flask, client: FlaskClient, user: User | None = None) -> None:
        self.app, self.client, self.user = app, client, user
        self.token = csrf_token_of(app, client)

    def get(self, path: str, **query: Any) -> TestResponse:
        named = {name.rstrip("_"): value for name, value in query.items()}  # from_ is `from`
        return self.client.get(path, query_string=named)

    def post(self, path: str, body: object, *, key: str | None = None, **headers: str) -> TestResponse:
        return self.post_raw(path, json.dumps(body), key=key, **headers)

    def post_raw(self, path: str, body: str | bytes, *, key: str | None = None, **headers: str) -> TestResponse:
        """Headers by their names with _ for -; an empty one is not sent."""
        sent = {"X-CSRFToken": self.token, "Content-Type": "application/json"}
        sent |= {} if key is None else {"Idempotency-Key": key}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, data=body, headers={name: value for name, value in sent.items() if value})

    def pages(self, **query: Any) -> Iterator[list[dict[str, Any]]]:
        """Every page of the history, following the cursor."""
        cursor: dict[str, str] = {}
        while True:
            page = answer(self.get("/api/credits/history", **query, **cursor))
            yield page["entries"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}


def csrf_token_of(app: Flask, client: FlaskClient) -> str:
    """A token as a page of this browser carries it."""
    raw = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", raw)
    token: str = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(raw)
    return token


def answer(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """The JSON of a good answer."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "private, no-store"
    found = strict_json(response)
    assert isinstance(found, dict)
    return found


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem of a refused request: its facts besides what every problem has."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    found = strict_json(response)
    assert set(found) >= PROBLEM_KEYS, found
    assert (found["status"], found["code"], found["type"]) == (status, code, "about:blank")
    assert found["title"]
    assert found["detail"].endswith((".", "!", "?"))
    assert found["request_id"] == response.headers["X-Request-ID"]
    return {name: value for name, value in found.items() if name not in PROBLEM_KEYS} | {"detail": found["detail"]}


def strict_json(response: TestResponse) -> Any:
    """JSON without what only Python reads; a float anywhere is a fault: money and credits are integers."""
    return json.loads(response.get_data(), parse_float=_refuse, parse_constant=_refuse)


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} in an answer")
