"""Idempotency: the answer to a key that was used before.

The lookup happens under the account's lock, so that twins wait for each other; UNIQUE (account_id, key) is the
guarantee.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.ledger.drafts import Draft, check_draft
from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.facts import EntryFacts, HoldFacts, Posted
from webapp.ledger.fingerprints import fingerprint_of
from webapp.ledger.models import entries, grants
from webapp.ledger.reading import read_entries, read_hold

_STORED = select(
    entries.c.seq,
    entries.c.kind,
    entries.c.key,
    entries.c.fingerprint,
    entries.c.available_after,
    entries.c.held_after,
).where(entries.c.account_id == bindparam("of_account"))
_BY_KEY = _STORED.where(entries.c.key == bindparam("of_key"))
_BY_KEYS = _STORED.where(entries.c.key.in_(bindparam("of_keys", expanding=True)))
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
# What an entry of this kind leaves of its hold. (One that time has ended has no key of a caller.)
_HOLD_STATES = {"hold": "open", "capture": "captured", "release": "released"}


def checked(draft: Draft, fingerprint: str | None, facts: Collection[Any], *, now: dt.datetime) -> Draft:
    """The draft with the fingerprint of the caller's request, or with one made from the facts of the call.

    Raises InvalidRequest when anything of it is not what the ledger takes.
    """
    check_draft(draft if fingerprint is None else replace(draft, fingerprint=fingerprint), now)
    return replace(draft, fingerprint=fingerprint_of(draft.kind, *facts) if fingerprint is None else fingerprint)


def replay(session: Session, account_id: int, draft: Draft) -> Posted | None:
    """The stored answer to the draft's key, or None if it is new. The caller holds the account's lock.

    Raises IdempotencyConflict when the key was used for something else.
    """
    stored = session.execute(_BY_KEY, {"of_account": account_id, "of_key": draft.key}).one_or_none()
    return None if stored is None else answered_again(session, account_id, draft, stored)


def replay_of_source(session: Session, account_id: int, draft: Draft) -> Posted | None:
    """The stored answer to the grant for the draft's source, whatever its key, or None if there is none yet.

    Raises IdempotencyConflict when that grant had another kind, expiry or number of credits.
    """
    source = {"of_source_kind": draft.source_kind, "of_source_id": draft.source_id}
    stored = session.execute(_BY_SOURCE, {"of_account": account_id, **source}).one_or_none()
    return None if stored is None else answered_again(session, account_id, draft, stored, what="This source")


def stored_keys(session: Session, account_id: int, keys: Collection[str]) -> dict[str, tuple[Any, EntryFacts]]:
    """Those of the keys that the account has used, with what `answered_again` needs of each. At most three queries."""
    rows = session.execute(_BY_KEYS, {"of_account": account_id, "of_keys": list(keys)}).all()
    if not rows:
        return {}
    found = read_entries(session, account_id, entries.c.seq.in_([row.seq for row in rows]), limit=len(rows))
    told = {entry.seq: entry for entry in found}
    return {row.key: (row, told[row.seq]) for row in rows}


def answered_again(
    session: Session,
    account_id: int,
    draft: Draft,
    stored: Any,
    entry: EntryFacts | None = None,
    *,
    what: str = "This key",
) -> Posted:
    """The first answer to the same request, made again from its entry, which is read if it is not given.

    Raises IdempotencyConflict for another request.
    """
    if (stored.kind, stored.fingerprint) != (draft.kind, draft.fingerprint):
        raise IdempotencyConflict(f"{what} was used before with another request.", entry=stored.seq)
    if entry is None:
        (entry,) = read_entries(session, account_id, entries.c.seq == stored.seq, limit=1)
    hold = _hold_then(session, account_id, entry)
    return Posted(entry, stored.available_after, stored.held_after, replayed=True, hold=hold)


def _hold_then(session: Session, account_id: int, entry: EntryFacts) -> HoldFacts | None:
    """The hold as the entry left it, whatever became of it since."""
    if entry.kind not in _HOLD_STATES:
        return None
    seq = entry.seq if entry.hold_seq is None else entry.hold_seq
    found = read_hold(session, account_id, seq, now=entry.created_at)
    return None if found is None else replace(found, state=_HOLD_STATES[entry.kind], captured=-entry.credits)
