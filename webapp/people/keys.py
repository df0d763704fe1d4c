"""API keys as they are asked with: from a secret to its key, and when a key was last used. Knows no HTTP.

Making, renewing and revoking them is in `keyring`.
"""

import datetime as dt
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from webapp.people.models import ApiKey, ApiKeySecret
from webapp.people.tokens import secret_hash

# "Last used" is for people who look for keys nobody needs: one write a minute tells them enough.
USE_NOTED_EVERY = dt.timedelta(minutes=1)

_keys, _secrets = cast("Table", ApiKey.__table__), cast("Table", ApiKeySecret.__table__)
# Made once, of tables and not of classes: every request with a key begins with it.
_LIVING_KEY = (
    select(_keys.c.id, _keys.c.account_id, _keys.c.scopes, _keys.c.last_used_at)
    .join_from(_keys, _secrets, _secrets.c.key_id == _keys.c.id)
    .where(
        _secrets.c.secret_hash == bindparam("of_hash"),
        or_(_secrets.c.ends_at.is_(None), _secrets.c.ends_at > bindparam("at", type_=_secrets.c.ends_at.type)),
        _keys.c.revoked_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key that a request came with. `account_id` is None for a service key."""

    id: int
    account_id: int | None
    scopes: frozenset[str]
    last_used_at: dt.datetime | None

    @property
    def is_service(self) -> bool:
        """Whether this is the product's own key, which acts for the account that a request names."""
        return self.account_id is None


def key_of_secret(connection: Connection, secret: str, *, now: dt.datetime) -> KeyFacts | None:
    """The living key with this secret, in one statement; None if there is none, or not any more.

    The look-up is by hash, so its time tells nothing about how near a guess was.
    """
    row = connection.execute(_LIVING_KEY, {"of_hash": secret_hash(secret), "at": now}).one_or_none()
    return None if row is None else KeyFacts(row.id, row.account_id, frozenset(row.scopes.split()), row.last_used_at)


def is_use_noted(key: KeyFacts, *, now: dt.datetime) -> bool:
    """Whether the last noted use of a key is recent enough to leave it at that."""
    return key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY


def note_use(session: Session, key: KeyFacts, *, now: dt.datetime) -> bool:
    """Note that a key was used, unless somebody has done so within the last minute; whether it was written."""
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY)
    noted = update(ApiKey).where(ApiKey.id == key.id, stale).values(last_used_at=now).returning(ApiKey.id)
    return session.scalar(noted) is not None
