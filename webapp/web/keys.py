"""The API key that a request comes with. Looked up once a request; a request with a key has no browser session."""

import datetime as dt

from flask import Request, g, request
from sqlalchemy.exc import DBAPIError

from webapp.extensions import one_look
from webapp.orm import utc_now
from webapp.people.keys import KeyFacts, is_use_noted, key_of_secret, note_use
from webapp.web.impatience import impatient_transaction, is_busy
from webapp.web.logs import log
from webapp.web.refusals import InvalidKey

LONGEST_SECRET = 200


def has_key(asked: Request) -> bool:
    """Whether a request says who it is by a key: then nothing else counts, the browser's cookie least of all.

    Keys open the API alone. Elsewhere the header is none of our business: a proxy's own password may stand in it.
    """
    return asked.path.startswith("/api/") and "Authorization" in asked.headers


def key_asking() -> KeyFacts | None:
    """The key of this request, or None when it has none. Raises InvalidKey for one that opens nothing."""
    if not has_key(request):
        return None
    if "api_key" not in g:
        g.api_key = _looked_up()
    found: KeyFacts | None = g.api_key
    if found is None:
        raise InvalidKey("This API key is not valid. It may have been revoked or replaced.")
    return found


def _looked_up() -> KeyFacts | None:
    scheme, _, rest = request.headers["Authorization"].partition(" ")
    secret = rest.strip()
    if scheme.lower() != "bearer" or not 1 <= len(secret) <= LONGEST_SECRET:
        return None
    now = utc_now()
    with one_look() as connection:
        found = key_of_secret(connection, secret, now=now)
    if found is not None and not is_use_noted(found, now=now):
        _note(found, now)
    return found


def _note(key: KeyFacts, now: dt.datetime) -> None:
    """Note the use, in a transaction of its own. A database too busy for that is no reason to refuse the request."""
    try:
        with impatient_transaction() as session:
            note_use(session, key, now=now)
    except DBAPIError as error:
        if not is_busy(error):
            raise
        log.warning("use of a key not noted: the database is busy", key_id=key.id)
