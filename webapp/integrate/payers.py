"""Who pays for a request: the signed-in person or the API key's account, never a parameter."""

from dataclasses import dataclass

from flask import request
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, validate_csrf

from webapp.api.callers import authenticate
from webapp.web.refusals import NotSignedIn, ScopeMissing

SPEND = "spend"  # the scope
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Payer:
    """The account that pays, and the number of the API key that asked (0: none did)."""

    account_id: int
    key_id: int = 0


def payer() -> Payer:
    """Whose credits this request may spend.

    A browser follows any link with its cookie, so a person who pays by GET must send the token too.
    Raises NotSignedIn, CSRFError for a person without the token, ScopeMissing for a key that may not spend, and what
    `authenticate` refuses.
    """
    found = authenticate()
    if found.key is None and request.method in SAFE_METHODS:
        _check_token()
    if found.key is not None and SPEND not in found.key.scopes:
        raise ScopeMissing(f"This key may not do that: it needs the scope {SPEND}.", scope=SPEND)
    return Payer(found.account_id, found.key_id)


def asker() -> str:
    """Whose requests are counted together: those of one account, else those of one address.

    Raises CSRFError for a person who posts without the token: that may be another site.
    """
    try:
        return f"account:{authenticate().account_id}"
    except NotSignedIn:
        return f"address:{get_remote_address()}"


def _check_token() -> None:
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValueError as error:
        raise CSRFError(str(error)) from error
