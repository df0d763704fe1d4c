"""The gate: who is asking, by the session cookie, and where those go who must sign in first.

The session cookie is signed and holds the browser's secret under the name that flask-login reads. It is the only one:
“keep me signed in” makes it last, and its end is kept in the table. flask-login's own remember cookie is off, because
it never ends on the server and a hostile one breaks its check. Its session protection is off too: it signs people out
when a phone changes its address.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Flask, current_app, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.extensions import db, login_manager
from webapp.orm import machine_now
from webapp.people.browsers import KEPT_SIGNED_IN_FOR, user_of_browser
from webapp.people.models import User
from webapp.web.refusals import NotSignedIn
from webapp.web.return_path import page_path, path_of_own_address

P = ParamSpec("P")

# flask-login's name for what its user loader is called with.
SECRET_SLOT = "_user_id"  # noqa: S105  # the name of a slot, not a secret

_guarded: set[Callable[..., ResponseReturnValue]] = set()  # the views of `signed_in_only`


def init_app(app: Flask) -> None:
    """Tell flask-login how we find who is asking and what we answer to those who must sign in."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=KEPT_SIGNED_IN_FOR,
        # Sent when it changes only: an answer still on its way must not bring a cookie back after sign-out.
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_PROTECTION=None,
        REMEMBER_COOKIE_NAME=None,
    )
    login_manager.user_loader(_load_user)
    login_manager.unauthorized_handler(unauthorized)


def carry_secret(secret: str, *, is_kept: bool) -> None:
    """Put the secret into a fresh session: nothing that was in the session before sign-in survives it."""
    session.clear()
    session.permanent = is_kept
    session[SECRET_SLOT] = secret


def carried_secret() -> str | None:
    """The secret in this session, if there is one."""
    secret: str | None = session.get(SECRET_SLOT)
    return secret


def look_again() -> None:
    """Let who is asking be looked up anew: what is stored of them has just changed."""
    g.pop("_login_user", None)  # where flask-login keeps whom it found


def is_signed_in() -> bool:
    """Whether the one who asks is signed in."""
    return bool(current_user.is_authenticated)


def signed_in_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a view be seen by people who are signed in; the others are sent to sign in first."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return view(*args, **kwargs) if is_signed_in() else unauthorized()

    _guarded.add(guarded)
    return guarded


def must_sign_in_first() -> bool:
    """Whether the view of this request is for people who are signed in, and this one is not."""
    return current_app.view_functions.get(str(request.endpoint)) in _guarded and not is_signed_in()


def unauthorized() -> ResponseReturnValue:
    """Answer one who must sign in first, by path: a problem, a redirect that htmx follows, or a redirect."""
    if request.path.startswith("/api/"):
        raise NotSignedIn("Sign in first, then ask again.")
    sign_in = url_for("auth.login", next=_page_asked_for())
    if not request.path.startswith("/partials/"):
        return redirect(sign_in, 303)
    answer = make_response("Please sign in.", 401, {"HX-Redirect": sign_in})
    answer.mimetype = "text/plain"
    return answer


def _page_asked_for() -> str | None:
    """The page to come back to: the page around a partial, the page of a form, else the page itself."""
    if request.path.startswith("/partials/"):
        return path_of_own_address(request.headers.get("HX-Current-URL"), host=request.host)
    if request.method not in {"GET", "HEAD"}:
        return path_of_own_address(request.referrer, host=request.host)
    query = request.query_string.decode("latin-1")
    return page_path(request.path + (f"?{query}" if query else ""))


def _load_user(secret: str) -> User | None:
    user = user_of_browser(db.session(), secret, now=machine_now())
    if user:
        g.theme = user.theme  # pages that know nobody are drawn in it too: see theme.py
    return user
