"""Sending the forms of a page as a browser does, with the page's CSRF token, and looking at the answer."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.browsing import csrf_token

PASSWORD = "a long enough password"  # the one of the fixture `user`


def send(client: FlaskClient, path: str, *, page: str = "/login", **fields: object) -> TestResponse:
    """Open `page`, then send its form's token and these fields to `path`. `headers` and the like go to the client."""
    given = {name: fields.pop(name) for name in ("headers", "environ_overrides") if name in fields}
    return client.post(path, data={"csrf_token": csrf_token(client, page)} | fields, **given)


def sign_in_by_form(client: FlaskClient, email: str, password: str = PASSWORD, **fields: object) -> TestResponse:
    """Sign in as a person does."""
    return send(client, "/login", email=email, password=password, **fields)


def is_signed_in(client: FlaskClient) -> bool:
    """Whether the sign-in page sends this browser on."""
    return client.get("/login").status_code == 303


def masked(answer: TestResponse) -> str:
    """The page without what differs each time: tokens, and the e-mail that was typed."""
    text = re.sub(r'(name="csrf_token"[^>]*value=)"[^"]*"', r"\1", answer.text)
    return re.sub(r'value="[^"]*@[^"]*"', "value", text)
