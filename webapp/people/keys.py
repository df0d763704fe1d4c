"""API keys as they are asked with: from a secret to its key, and when a key was last used. Knows no HTTP.

Making, renewing and revoking them is in `keyring`.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from webapp.people.models import ApiKey, ApiKeySecret
from webapp.people.tokens import secret_hash

# "Last used" is for people who look for keys nobody needs: one write a minute tells them enough.
USE_NOTED_EVERY = dt.timedelta(minutes=1)

_KEY = select(ApiKey.id, ApiKey.account_id, ApiKey.scopes, ApiKey.last_used_at).join(
    ApiKeySecret, ApiKeySecret.key_id == ApiKey.id
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


def key_of_secret(session: Session, secret: str, *, now: dt.datetime) -> KeyFacts | None:
    """The living key with this secret, in one statement; None if there is none, or not any more.

    The look-up is by hash, so its time tells nothing about how near a guess was.
    """
    living = (
        ApiKeySecret.secret_hash == secret_hash(secret),
        or_(ApiKeySecret.ends_at.is_(None), ApiKeySecret.ends_at > now),
        ApiKey.revoked_at.is_(None),
    )
    row = session.execute(_KEY.where(*living)).one_or_none()
    return None if row is None else KeyFacts(row.id, row.account_id, frozenset(row.scopes.split()), row.last_used_at)


def is_use_noted(key: KeyFacts, *, now: dt.datetime) -> bool:
    """Whether the last noted use of a key is recent enough to leave it at that."""
    return key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY


def note_use(session: Session, key: KeyFacts, *, now: dt.datetime) -> bool:
    """Note that a key was used, unless somebody has done so within the last minute; whether it was written."""
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY)
    noted = update(ApiKey).where(ApiKey.id == key.id, stale).values(last_used_at=now).returning(ApiKey.id)
    return session.scalar(noted) is not None
