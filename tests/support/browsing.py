"""Test browsers: signing in without the form, and the CSRF token that a page would carry."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.browsers import sign_in_browser
from webapp.people.models import User
from webapp.web.gate import SECRET_SLOT


class Browser(FlaskClient):
    """A test browser whose requests each have an application context of their own, as on a server.

    Without that they would share the fixture's: its `g`, where flask-login keeps who asked, and its read session.
    """

    def open(self, *given: Any, **named: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*given, **named)


def sign_in(app: Flask, user: User) -> FlaskClient:
    """A browser whose session is signed in as `user`, as the sign-in form leaves it."""
    with app.app_context():
        secret = transact(lambda session: sign_in_browser(session, user.id, is_kept=False, now=utc_now()))
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie[SECRET_SLOT] = secret
    return client


def csrf_token(client: FlaskClient, path: str = "/login") -> str:
    """The token out of the first form of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).get_data(as_text=True))
    assert found, f"{path} has no form with a CSRF token"
    return found.group(1)
