"""The keyring: making, listing, renaming, renewing and revoking API keys. Knows no HTTP.

The tables have only hashes: a secret is given back by the call that makes it, and by nothing else ever.
"""

import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from webapp.ledger import operations
from webapp.ledger.models import MAX_ACCOUNT_ID
from webapp.people.errors import (
    FormSentBefore,
    InvalidKeyName,
    InvalidOverlap,
    TooManyKeys,
    UnknownKey,
    UnknownScope,
)
from webapp.people.models import SCOPES, ApiKey, ApiKeySecret
from webapp.people.texts import compose
from webapp.people.tokens import new_secret, secret_hash

# What a secret begins with: people and scanners of leaked secrets know it by that.
ACCOUNT_PREFIX = "rfa_"
SERVICE_PREFIX = "rfs_"
SHOWN_CHARACTERS = 12
MOST_NAME_CHARACTERS = 60
MOST_KEYS = 50
USUAL_OVERLAP = dt.timedelta(hours=24)
LONGEST_OVERLAP = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as it is listed. `old_ends_at` is when the last secret but the newest ends, while any still lives."""

    id: int
    account_id: int | None
    name: str
    scopes: tuple[str, ...]
    prefix: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None
    old_ends_at: dt.datetime | None


def create_key(
    session: Session,
    *,
    account_id: int | None,
    name: str,
    scopes: Iterable[str],
    form_key: str | None = None,
    now: dt.datetime,
) -> tuple[ApiKey, str]:
    """Add a key for an account, or a service key without one, and give back its secret, which is kept nowhere else.

    Under the account's lock, so that it never has more than 50 living keys and one form (`form_key`) makes one key.
    Raises InvalidKeyName, UnknownScope, UnknownAccount, FormSentBefore and TooManyKeys.
    """
    clean_name, written = clean_key_name(name), written_scopes(scopes)
    if account_id is not None:
        _make_room(session, account_id, form_key)
    key = ApiKey(
        id=1 + secrets.randbelow(MAX_ACCOUNT_ID),  # below 2^53 like an account's, so that JSON readers keep it exact
        account_id=account_id,
        name=clean_name,
        scopes=written,
        form_key=form_key,
        created_at=now,
    )
    session.add(key)
    session.flush()
    return key, _add_secret(session, key, form_key=form_key, now=now)


def renew_key(
    session: Session,
    key: ApiKey,
    *,
    overlap: dt.timedelta = USUAL_OVERLAP,
    form_key: str | None = None,
    now: dt.datetime,
) -> str:
    """Give a key a new secret, and answer it; every other one ends after the overlap, 0 to 7 days, or when it was to.

    Number, name and scopes stay, so what is told of the key goes on. `key` is locked, so one form renews once. Raises
    InvalidOverlap and FormSentBefore.
    """
    if not dt.timedelta() <= overlap <= LONGEST_OVERLAP:
        raise InvalidOverlap("The old secret can live on for 0 to 168 hours (7 days).")
    secrets_of_key = ApiKeySecret.key_id == key.id
    if form_key and session.scalar(select(ApiKeySecret).where(secrets_of_key, ApiKeySecret.form_key == form_key)):
        raise FormSentBefore(key.id)
    ends_at = now + overlap
    later = or_(ApiKeySecret.ends_at.is_(None), ApiKeySecret.ends_at > ends_at)
    session.execute(update(ApiKeySecret).where(secrets_of_key, later).values(ends_at=ends_at))
    return _add_secret(session, key, form_key=form_key, now=now)


def rename_key(key: ApiKey, *, name: str) -> None:
    """Call a key something else. Raises InvalidKeyName."""
    key.name = clean_key_name(name)


def revoke_own_key(session: Session, account_id: int, key_id: int, *, now: dt.datetime) -> ApiKey:
    """Let none of the secrets of the account's own key open anything from now on; its spend limits end with it.

    It stays in the tables: history names it. Locks the account, then the key. Raises UnknownKey.
    """
    operations.lock_account(session, account_id)
    key = own_key(session, account_id, key_id)
    key.revoked_at = now
    operations.drop_limits_of_key(session, account_id, key.id)
    return key


def revoke_any_key(session: Session, key_id: int, *, now: dt.datetime) -> ApiKey:
    """Do that to a key whosever it is, a service key too: for operators. Raises UnknownKey."""
    found = session.scalar(select(ApiKey.account_id).where(ApiKey.id == key_id)) if key_id <= MAX_ACCOUNT_ID else None
    if found is not None:
        return revoke_own_key(session, found, key_id, now=now)
    key = any_key(session, key_id)
    key.revoked_at = now
    return key


def revoke_all_keys(session: Session, account_id: int, *, now: dt.datetime) -> None:
    """Revoke every living key of an account, whose row must be locked; their spend limits end with them."""
    living = (ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None))
    for key_id in session.scalars(update(ApiKey).where(*living).values(revoked_at=now).returning(ApiKey.id)).all():
        operations.drop_limits_of_key(session, account_id, key_id)


def own_key(session: Session, account_id: int, key_id: int) -> ApiKey:
    """Lock the account's own living key of this number. Raises UnknownKey, for another account's key too."""
    return _locked_key(session, key_id, ApiKey.account_id == account_id)


def any_key(session: Session, key_id: int) -> ApiKey:
    """Lock the living key of this number, whosever it is: for operators. Raises UnknownKey."""
    return _locked_key(session, key_id)


def keys_of_account(session: Session, account_id: int, *, now: dt.datetime) -> list[KeyLine]:
    """The living keys of an account, the newest first."""
    return _lines(session, ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None), now=now)


def key_of_account(session: Session, account_id: int, key_id: int, *, now: dt.datetime) -> KeyLine:
    """One living key of an account. Raises UnknownKey."""
    if not 1 <= key_id <= MAX_ACCOUNT_ID:
        raise _unknown()
    for line in _lines(
        session, ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None), ApiKey.id == key_id, now=now
    ):
        return line
    raise _unknown()


def all_keys(session: Session, *, now: dt.datetime) -> list[KeyLine]:
    """Every key there is or was, service keys too, the newest first: for operators."""
    return _lines(session, now=now)


def key_names(session: Session, account_id: int, key_ids: Iterable[int]) -> list[tuple[int, str | None]]:
    """What keys are called that worked for an account, revoked ones too, the oldest first: numbers and names.

    A service key has no name for the account. Keys of other accounts are not told. One query, none for no keys.
    """
    numbers = set(key_ids)
    if not numbers:
        return []
    may_be_told = or_(ApiKey.account_id == account_id, ApiKey.account_id.is_(None))
    rows = session.execute(
        select(ApiKey.id, ApiKey.name, ApiKey.account_id)
        .where(ApiKey.id.in_(numbers), may_be_told)
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    return [(key_id, name if owner_id == account_id else None) for key_id, name, owner_id in rows]


def clean_key_name(text: str) -> str:
    """The name of a key as it will be shown. Raises InvalidKeyName."""
    name = compose(text.strip(), most_characters=MOST_NAME_CHARACTERS)
    if not 1 <= len(name) <= MOST_NAME_CHARACTERS or not name.isprintable():
        raise InvalidKeyName(f"Give the key a name of 1 to {MOST_NAME_CHARACTERS} characters that can be shown.")
    return name


def written_scopes(scopes: Iterable[str]) -> str:
    """The scopes as they are stored: in the order of SCOPES, with a space between. Raises UnknownScope."""
    asked = set(scopes)
    if not asked or asked - set(SCOPES):
        raise UnknownScope(f"A key has one or more of the scopes {', '.join(SCOPES)}.")
    return " ".join(scope for scope in SCOPES if scope in asked)


def _make_room(session: Session, account_id: int, form_key: str | None) -> None:
    """Lock the account, and refuse a form that was sent before, and one key too many."""
    operations.lock_account(session, account_id)
    own = ApiKey.account_id == account_id
    made = session.scalar(select(ApiKey.id).where(own, ApiKey.form_key == form_key)) if form_key else None
    if made is not None:
        raise FormSentBefore(made)
    living = select(func.count()).select_from(ApiKey).where(own, ApiKey.revoked_at.is_(None))
    if (session.scalar(living) or 0) >= MOST_KEYS:
        raise TooManyKeys(f"An account can have {MOST_KEYS} keys. Revoke one that nobody uses.", most=MOST_KEYS)


def _add_secret(session: Session, key: ApiKey, *, form_key: str | None, now: dt.datetime) -> str:
    secret = new_secret(SERVICE_PREFIX if key.account_id is None else ACCOUNT_PREFIX)
    facts = {"prefix": secret[:SHOWN_CHARACTERS], "form_key": form_key, "created_at": now}
    session.add(ApiKeySecret(secret_hash=secret_hash(secret), key_id=key.id, **facts))
    session.flush()
    return secret


def _locked_key(session: Session, key_id: int, *conditions: ColumnElement[bool]) -> ApiKey:
    if not 1 <= key_id <= MAX_ACCOUNT_ID:
        raise _unknown()
    chosen = select(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None), *conditions)
    key = session.scalars(chosen.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if key is None:
        raise _unknown()
    return key


def _lines(session: Session, *conditions: ColumnElement[bool], now: dt.datetime) -> list[KeyLine]:
    """Keys with their newest secret's prefix, in one statement: the newest is the one that has no end."""
    other = and_(ApiKeySecret.key_id == ApiKey.id, ApiKeySecret.ends_at > now)
    old_ends_at = select(func.max(ApiKeySecret.ends_at)).where(other).correlate(ApiKey).scalar_subquery()
    newest = and_(ApiKeySecret.key_id == ApiKey.id, ApiKeySecret.ends_at.is_(None))
    rows = session.execute(
        select(ApiKey, ApiKeySecret.prefix, old_ends_at.label("old_ends_at"))
        .join(ApiKeySecret, newest)
        .where(*conditions)
        .order_by(ApiKey.created_at.desc(), ApiKey.id)
    )
    return [_line(key, prefix, old) for key, prefix, old in rows]


def _line(key: ApiKey, prefix: str, old_ends_at: dt.datetime | None) -> KeyLine:
    return KeyLine(
        id=key.id,
        account_id=key.account_id,
        name=key.name,
        scopes=tuple(key.scopes.split()),
        prefix=prefix,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
        old_ends_at=old_ends_at,
    )


def _unknown() -> UnknownKey:
    return UnknownKey("There is no such key, or it was revoked.")
