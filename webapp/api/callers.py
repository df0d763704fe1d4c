"""Who is asking the API: an API key, or the login. Never a parameter.

A request with a key is answered for the key alone; the browser's session is not even read then. A service key acts for
the account that `Refill-Account` names; with any other key that header is refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Literal, ParamSpec

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.extensions import csrf, db
from webapp.ledger.errors import UnknownAccount
from webapp.people.hosts import account_of_host
from webapp.people.keys import KeyFacts
from webapp.people.models import User
from webapp.web.keys import key_asking
from webapp.web.refusals import AccountNotNamed, AccountNotYours, NotSignedIn, ScopeMissing, ServiceKeyNeeded

P = ParamSpec("P")

Scope = Literal["read", "spend", "manage"]
# Which actor of the ledger stands behind a caller. A service key is the product itself.
Actor = Literal["user", "key", "system"]

EXTERNAL = "external:"
ACCOUNT_NUMBER = re.compile(r"[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a signed-in user, or a key; and the account it is about (None: a service key that named none)."""

    user: User | None
    key: KeyFacts | None
    named_account_id: int | None

    @property
    def account_id(self) -> int:
        """The account whose credits this request is about. Raises AccountNotNamed."""
        if self.named_account_id is None:
            raise AccountNotNamed("Say which account this is for, in the header Refill-Account.")
        return self.named_account_id

    @property
    def actor_kind(self) -> Actor:
        """Who the ledger notes as the one who did it."""
        if self.key is None:
            return "user"
        return "system" if self.key.is_service else "key"

    @property
    def key_id(self) -> int:
        """The key's number; 0 for a signed-in user."""
        return 0 if self.key is None else self.key.id

    @property
    def is_service(self) -> bool:
        """Whether the product itself is asking."""
        return self.key is not None and self.key.is_service

    def stored_key(self, key: str) -> str:
        """The caller's idempotency key as the ledger keeps it: a user's can't block or pre-empt the product's."""
        return f"service:{key}" if self.is_service else f"api:{key}"


def authenticate() -> Caller:
    """The caller of this request; raises NotSignedIn, InvalidKey, AccountNotYours or UnknownAccount.

    A cookie is sent by the browser whoever wrote the page, so an unsafe method needs the CSRF header
    (`X-CSRFToken`) too, else CSRFError. It is looked at after the sign-in: who isn't signed in is told that.
    """
    key = key_asking()
    named = request.headers.get("Refill-Account")
    if key is not None:
        return Caller(None, key, _account_of_key(key, named))
    if not current_user.is_authenticated:
        raise NotSignedIn("Sign in first, or send an API key, then ask again.")
    csrf.protect()
    if named is not None:
        raise AccountNotYours("Only a service key may name an account.")
    return Caller(current_user._get_current_object(), None, current_user.account_id)  # noqa: SLF001  # flask-login has no public way


def admit() -> None:
    """Note the caller for the rest of the request. Runs before every route of the API."""
    g.caller = authenticate()


def caller() -> Caller:
    """The caller that `admit` has noted."""
    found: Caller = g.caller
    return found


def needs(scope: Scope) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a view be asked by keys with this scope, and by people who are signed in: they may do all of it."""

    def guard(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            key = caller().key
            if key is not None and scope not in key.scopes:
                raise ScopeMissing(f"This key may not do that: it needs the scope {scope}.", scope=scope)
            return view(*args, **kwargs)

        return guarded

    return guard


def service_only(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a view be asked by the product alone."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not caller().is_service:
            raise ServiceKeyNeeded("Only a service key may do that.")
        return view(*args, **kwargs)

    return guarded


def account_named(name: str) -> int:
    """The account that a service key names: its number, or `external:` and the host product's own id for it.

    Raises UnknownAccount. That a number is somebody's is found out where the account is read or locked.
    """
    if not name.startswith(EXTERNAL):
        found = account_numbered(name)
    else:
        found = account_of_host(db.session(), name.removeprefix(EXTERNAL))
    if found is None:
        raise UnknownAccount("There is no such account.")
    return found


def account_numbered(text: str) -> int | None:
    """The account number that a text is, or None if it can be none."""
    return int(text) if ACCOUNT_NUMBER.fullmatch(text) else None


def _account_of_key(key: KeyFacts, named: str | None) -> int | None:
    if key.is_service:
        return None if named is None else account_named(named)
    if named is not None:
        raise AccountNotYours("Only a service key may name an account.")
    return key.account_id
