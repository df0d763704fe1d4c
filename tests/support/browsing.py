"""Test browsers: signing in without the form, and the CSRF token that a page would carry."""

import re

from flask import Flask
from flask.testing import FlaskClient

from webapp.people.models import User


def sign_in(app: Flask, user: User) -> FlaskClient:
    """A browser whose session is signed in as `user`, as flask-login stores it."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user.get_id()
        session["_fresh"] = True
    return client


def csrf_token(client: FlaskClient, path: str = "/login") -> str:
    """The token out of the first form of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).get_data(as_text=True))
    assert found, f"{path} has no form with a CSRF token"
    return found.group(1)
