"""Idempotency: fingerprints, and the answer to a key that was used before.

The lookup happens under the account's lock, so that twins wait for each other; UNIQUE (account_id, key) is the
guarantee.
"""

import datetime as dt
import hashlib
import json
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from webapp.ledger.drafts import Draft
from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.facts import Posted
from webapp.ledger.models import entries, grants
from webapp.ledger.reading import read_entries

_STORED = select(
    entries.c.seq, entries.c.kind, entries.c.fingerprint, entries.c.available_after, entries.c.held_after
).where(entries.c.account_id == bindparam("of_account"))
_BY_KEY = _STORED.where(entries.c.key == bindparam("of_key"))
_BY_SOURCE = _STORED.where(
    entries.c.seq
    == select(grants.c.seq)
    .where(
        grants.c.account_id == bindparam("of_account"),
        grants.c.source_kind == bindparam("of_source_kind"),
        grants.c.source_id == bindparam("of_source_id"),
    )
    .scalar_subquery()
)


def fingerprint_of(operation: str, *facts: Any) -> str:
    """The fingerprint of a request whose caller has none: the same for the same facts, in this order."""
    written = json.dumps([operation, *facts], sort_keys=True, separators=(",", ":"), default=_instant)
    return hashlib.sha256(written.encode()).hexdigest()


def replay(session: Session, account_id: int, draft: Draft) -> Posted | None:
    """The stored answer to the draft's key, or None if it is new. The caller holds the account's lock.

    Raises IdempotencyConflict when the key was used for something else.
    """
    return _replay_of(session, account_id, draft, _BY_KEY, {"of_key": draft.key})


def replay_of_source(session: Session, account_id: int, draft: Draft) -> Posted | None:
    """The stored answer to the grant for the draft's source, whatever its key, or None if there is none yet.

    Raises IdempotencyConflict when that grant had another kind, expiry or number of credits.
    """
    source = {"of_source_kind": draft.source_kind, "of_source_id": draft.source_id}
    return _replay_of(session, account_id, draft, _BY_SOURCE, source)


def _replay_of(
    session: Session, account_id: int, draft: Draft, lookup: Select[Any], by: dict[str, str]
) -> Posted | None:
    stored = session.execute(lookup, {"of_account": account_id, **by}).one_or_none()
    if stored is None:
        return None
    if (stored.kind, stored.fingerprint) != (draft.kind, draft.fingerprint):
        what = "This key" if lookup is _BY_KEY else "This source"
        raise IdempotencyConflict(f"{what} was used before with another request.", entry=stored.seq)
    (entry,) = read_entries(session, account_id, entries.c.seq == stored.seq, limit=1)
    return Posted(entry, stored.available_after, stored.held_after, replayed=True)


def _instant(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    raise TypeError(f"{type(value).__name__} can't be part of a fingerprint.")
