"""`@limited`: so many requests are free; more of them cost credits, and only who has none must wait."""

import itertools
from collections.abc import Callable
from functools import partial, wraps

from flask import current_app, g
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from limits import parse_many

from webapp.extensions import limiter
from webapp.integrate.holds import CreditsHold
from webapp.integrate.metered import P, View, hold_for_request, run_held
from webapp.integrate.payers import asker, payer
from webapp.ledger.errors import InsufficientCredits, SpendingPaused, SpendLimitReached
from webapp.web.refusals import NotSignedIn, ScopeMissing

_numbers = itertools.count(1)


def limited(limit: str, *, then: str, description: str = "") -> Callable[[View[P]], View[P]]:
    """Let a view be asked for as often as `limit` ("10 per minute") says; beyond it, for one unit of the meter `then`.

    Requests are counted by account, else by address, where the application counts all its limits. A request beyond
    the limit is metered as by `metered`; when nobody is signed in, or there are no credits for it or they may not be
    spent, it is answered 429 with `Retry-After`. A signed-in person must send the CSRF token with a POST, and by GET to
    go beyond the limit. Raises ValueError at once for a limit that can't be read.
    """
    parse_many(limit)

    def decorate(view: View[P]) -> View[P]:
        count = _counter(limit)

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            work: Callable[[], ResponseReturnValue] = partial(current_app.ensure_sync(view), *args, **kwargs)
            g.limited_asker = asker()
            try:
                count()
            except RateLimitExceeded as exceeded:
                return run_held(_hold_beyond(exceeded, then, description), work)
            return work()

        return guarded

    return decorate


def _hold_beyond(exceeded: RateLimitExceeded, meter: str, description: str) -> CreditsHold | None:
    """The hold of one unit, or the exceeded limit again when nobody can pay."""
    try:
        return hold_for_request(payer(), meter, 1, description=description)
    except (NotSignedIn, CSRFError, ScopeMissing, InsufficientCredits, SpendingPaused, SpendLimitReached):
        raise exceeded from None


def _counter(limit: str) -> Callable[[], None]:
    """Counts a request, by the application's own limiter with its storage and its fallback. Raises RateLimitExceeded.

    The limiter keeps limits by the name of what they decorate, so each counter has a name of its own.
    """

    def count() -> None:
        return None

    count.__qualname__ = f"limited_{next(_numbers)}"
    # Looked up before: an error of the database must not pass for one of the limiter's storage.
    return limiter.limit(limit, key_func=lambda: str(g.limited_asker))(count)
