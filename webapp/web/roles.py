"""Roles: who may see the operator's console, and who may act there. For everybody else there is no such page."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Flask, abort, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.people.models import ROLES
from webapp.web.gate import is_signed_in, unauthorized
from webapp.web.refusals import RoleNeeded

P = ParamSpec("P")

CONSOLE = ("/operator", "/partials/operator")
NOBODYS = ROLES[0]  # the role of those who are no operators


def init_app(app: Flask) -> None:
    """Guard the console. Before anything else looks at a request: no answer may tell others that it is there."""
    app.before_request(_hide_the_console)


def has_role(role: str, least: str) -> bool:
    """Whether a role may do what `least` may."""
    return ROLES.index(role) >= ROLES.index(least)


def for_role(least: str) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a view of the console be used with this role or a higher one. Every view there is for `support` at least."""

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if not has_role(current_user.role, least):
                raise RoleNeeded(
                    f"Your role may look, and this needs the role {least}. Nothing was changed.", role=least
                )
            return view(*args, **kwargs)

        return guarded

    return decorate


def _hide_the_console() -> ResponseReturnValue | None:
    if not _is_of_console(request.path):
        return None
    if is_signed_in():
        return abort(404) if current_user.role == NOBODYS else None
    return None if request.method == "OPTIONS" else unauthorized()


def _is_of_console(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in CONSOLE)
