"""API keys: how programs show who they are. The table has only hashes; a secret is shown once. Knows no HTTP."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from webapp.ledger.models import MAX_ACCOUNT_ID
from webapp.people.errors import InvalidKeyName, UnknownScope
from webapp.people.models import SCOPES, ApiKey, ApiKeySecret
from webapp.people.texts import compose

# What a secret begins with: people and scanners of leaked secrets know it by that.
ACCOUNT_PREFIX = "rfa_"
SERVICE_PREFIX = "rfs_"
SECRET_BYTES = 32
SHOWN_CHARACTERS = 12
MOST_NAME_CHARACTERS = 100
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


def create_key(
    session: Session, *, account_id: int | None, name: str, scopes: Iterable[str], now: dt.datetime
) -> tuple[ApiKey, str]:
    """Add a key for an account, or a service key without one, and give back its secret, which is kept nowhere else.

    Raises InvalidKeyName and UnknownScope.
    """
    key = ApiKey(
        id=1 + secrets.randbelow(MAX_ACCOUNT_ID),  # below 2^53 like an account's, so that JSON readers keep it exact
        account_id=account_id,
        name=clean_key_name(name),
        scopes=_written(scopes),
        created_at=now,
    )
    session.add(key)
    session.flush()
    return key, add_secret(session, key, now=now)


def add_secret(session: Session, key: ApiKey, *, now: dt.datetime) -> str:
    """Give a key one more secret, and answer it."""
    secret = (SERVICE_PREFIX if key.account_id is None else ACCOUNT_PREFIX) + secrets.token_urlsafe(SECRET_BYTES)
    session.add(
        ApiKeySecret(secret_hash=_hash(secret), key_id=key.id, prefix=secret[:SHOWN_CHARACTERS], created_at=now)
    )
    return secret


def key_of_secret(session: Session, secret: str, *, now: dt.datetime) -> KeyFacts | None:
    """The living key with this secret, in one statement; None if there is none, or not any more.

    The look-up is by hash, so its time tells nothing about how near a guess was.
    """
    row = session.execute(_LIVING_KEY, {"of_hash": _hash(secret), "at": now}).one_or_none()
    return None if row is None else KeyFacts(row.id, row.account_id, frozenset(row.scopes.split()), row.last_used_at)


def is_use_noted(key: KeyFacts, *, now: dt.datetime) -> bool:
    """Whether the last noted use of a key is recent enough to leave it at that."""
    return key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY


def note_use(session: Session, key: KeyFacts, *, now: dt.datetime) -> None:
    """Note that a key was used, unless somebody has done so within the last minute."""
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY)
    session.execute(update(ApiKey).where(ApiKey.id == key.id, stale).values(last_used_at=now))


def clean_key_name(text: str) -> str:
    """The name of a key as it will be shown. Raises InvalidKeyName."""
    name = compose(text.strip(), most_characters=MOST_NAME_CHARACTERS)
    if not 1 <= len(name) <= MOST_NAME_CHARACTERS or not name.isprintable():
        raise InvalidKeyName(f"Use a name of 1 to {MOST_NAME_CHARACTERS} letters, digits and spaces.")
    return name


def _written(scopes: Iterable[str]) -> str:
    asked = set(scopes)
    if not asked or asked - set(SCOPES):
        raise UnknownScope(f"A key has one or more of the scopes {', '.join(SCOPES)}.")
    return " ".join(scope for scope in SCOPES if scope in asked)


def _hash(secret: str) -> str:
    # The secret is 256 random bits: a fast hash without salt can't be searched.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
