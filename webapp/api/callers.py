"""Who is asking the API. The login answers that, never a parameter; API keys will be a second answer here."""

from dataclasses import dataclass

from flask import g
from flask_login import current_user

from webapp.extensions import csrf
from webapp.people.models import User
from webapp.web.refusals import NotSignedIn


@dataclass(frozen=True, slots=True)
class Caller:
    """The user who asks, and the account whose credits they may see and buy for."""

    user: User
    account_id: int


def authenticate() -> Caller:
    """The caller of this request; raises NotSignedIn.

    A cookie is sent by the browser whoever wrote the page, so an unsafe method needs the CSRF header
    (`X-CSRFToken`) too, else CSRFError. It is looked at after the sign-in: who isn't signed in is told that.
    """
    if not current_user.is_authenticated:
        raise NotSignedIn("Sign in first, then ask again.")
    csrf.protect()
    return Caller(current_user._get_current_object(), current_user.account_id)  # noqa: SLF001  # flask-login has no public way


def admit() -> None:
    """Note the caller for the rest of the request. Runs before every route of the API."""
    g.caller = authenticate()


def caller() -> Caller:
    """The caller that `admit` has noted."""
    found: Caller = g.caller
    return found
