"""The API key that a request comes with. Looked up once a request; a request with a key has no browser session."""

from flask import g, request

from webapp.extensions import db, transact
from webapp.orm import utc_now
from webapp.people.keys import KeyFacts, is_use_noted, key_of_secret, note_use
from webapp.web.refusals import InvalidKey

LONGEST_SECRET = 200


def has_key() -> bool:
    """Whether this request says who it is by a key. Then nothing else counts, the browser's cookie least of all."""
    return "Authorization" in request.headers


def key_asking() -> KeyFacts | None:
    """The key of this request, or None when it has none. Raises InvalidKey for one that opens nothing."""
    if not has_key():
        return None
    if "api_key" not in g:
        g.api_key = _looked_up()
    found: KeyFacts | None = g.api_key
    if found is None:
        raise InvalidKey("This API key is not valid. It may have been revoked or replaced.")
    return found


def _looked_up() -> KeyFacts | None:
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    if scheme.lower() != "bearer" or not 1 <= len(secret) <= LONGEST_SECRET:
        return None
    now = utc_now()
    found = key_of_secret(db.session(), secret.strip(), now=now)
    if found is not None and not is_use_noted(found, now=now):
        transact(lambda session: note_use(session, found, now=now))
    return found
