"""The one place that writes: entries with their postings, lots, usage and the account's cached balance.

An operation drafts its entries; `write` numbers them, computes what each does to the balance from its moves alone,
and posts them all at once. The caller holds the account's lock.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount
from webapp.ledger.drafts import Draft
from webapp.ledger.facts import EntryFacts, LotTouched, Posted
from webapp.ledger.models import BOOKS, accounts, entries, entry_details, grants, postings
from webapp.ledger.reading import merged, tells
from webapp.ledger.usage import Usage, count_usage

LEFT_BOOKS = ("available", "held", "frozen")

_INSERT_ENTRIES = insert(entries)
_INSERT_POSTINGS = insert(postings)
_CACHED = (*LEFT_BOOKS, "debt", "seq")
_CHANGE_ACCOUNT = (
    update(accounts)
    .where(accounts.c.id == bindparam("of_account"))
    .values({name: bindparam(f"new_{name}") for name in _CACHED})
)
_CHANGED = {book: grants.c[book] + bindparam(f"add_{book}") for book in BOOKS}
_CHANGE_LOT = (
    update(grants)
    .where(grants.c.account_id == bindparam("of_account"), grants.c.seq == bindparam("of_grant"))
    .values(_CHANGED | {"is_used_up": sum(_CHANGED[book] for book in LEFT_BOOKS) == 0})
)


def write(session: Session, account: LockedAccount, drafts: Sequence[Draft], *, now: dt.datetime) -> list[Posted]:
    """Write the entries of one operation, in their order, and answer them.

    All carry what is available and held when the whole operation has ended.
    """
    changes = _changes(drafts)
    after = _account_after(account, changes, added=len(drafts))
    facts = _facts_of(account, drafts, now)
    _insert_entries(session, after, drafts, facts)
    _insert_grants(session, account.id, drafts, facts, changes)
    _insert_postings(session, account.id, drafts, facts)
    _change_lots(session, account, changes)
    _change_account(session, after)
    count_usage(session, _uses(account.id, drafts))
    return [Posted(entry, after.available, after.held, replayed=False) for entry in facts]


def _changes(drafts: Sequence[Draft]) -> dict[int, dict[str, int]]:
    """What the whole operation changes in each lot's books."""
    changes: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("issued", *BOOKS), 0))
    for draft in drafts:
        for move in draft.moves:
            changes[move.grant][move.from_book] -= move.credits
            changes[move.grant][move.to_book] += move.credits
    return changes


def _account_after(account: LockedAccount, changes: Mapping[int, Mapping[str, int]], *, added: int) -> LockedAccount:
    return replace(
        account,
        available=account.available + sum(change["available"] for change in changes.values()),
        held=account.held + sum(change["held"] for change in changes.values()),
        frozen=account.frozen + sum(change["frozen"] for change in changes.values()),
        debt=account.debt - sum(change["owed"] for change in changes.values()),
        seq=account.seq + added,
    )


def _facts_of(account: LockedAccount, drafts: Sequence[Draft], now: dt.datetime) -> list[EntryFacts]:
    balance_before = account.available + account.held + account.frozen - account.debt
    balances = list(accumulate((draft.credits for draft in drafts), initial=balance_before))[1:]
    numbered = enumerate(zip(drafts, balances, strict=True), account.seq + 1)
    return [_facts(draft, seq, balance_after, now) for seq, (draft, balance_after) in numbered]


def _facts(draft: Draft, seq: int, balance_after: int, now: dt.datetime) -> EntryFacts:
    touched = (
        LotTouched(move.grant, move.kind, move.credits)
        for move in draft.moves
        if tells(draft.kind, move.from_book, move.to_book)
    )
    return EntryFacts(
        seq=seq,
        kind=draft.kind,
        credits=draft.credits,
        balance_after=balance_after,
        description=draft.description,
        details=draft.details,
        meter=draft.meter,
        quantity=draft.quantity,
        lots=merged(touched),
        occurred_at=draft.occurred_at.astimezone(dt.UTC),
        created_at=now.astimezone(dt.UTC),
        reverses_seq=None,
        source_kind=draft.source_kind,
        source_id=draft.source_id,
    )


def _insert_entries(
    session: Session, after: LockedAccount, drafts: Sequence[Draft], facts: Sequence[EntryFacts]
) -> None:
    rows = [_entry_row(after, draft, entry) for draft, entry in zip(drafts, facts, strict=True)]
    session.execute(_INSERT_ENTRIES, rows)
    texts = [
        {"account_id": after.id, "seq": entry.seq, "description": entry.description, "details": entry.details}
        for entry in facts
        if entry.description or entry.details is not None
    ]
    if texts:
        session.execute(insert(entry_details), texts)


def _entry_row(after: LockedAccount, draft: Draft, entry: EntryFacts) -> dict[str, Any]:
    return {
        "account_id": after.id,
        "seq": entry.seq,
        "kind": draft.kind,
        "credits": entry.credits,
        "balance_after": entry.balance_after,
        "available_after": after.available,
        "held_after": after.held,
        "meter": draft.meter,
        "quantity": draft.quantity,
        "key_id": draft.key_id,
        "used_on": draft.used_on,
        "source_kind": draft.source_kind,
        "source_id": draft.source_id,
        "actor_kind": draft.actor_kind,
        "key": draft.key,
        "fingerprint": draft.fingerprint,
        "occurred_at": entry.occurred_at,
        "created_at": entry.created_at,
    }


def _insert_grants(
    session: Session,
    account_id: int,
    drafts: Sequence[Draft],
    facts: Sequence[EntryFacts],
    changes: Mapping[int, Mapping[str, int]],
) -> None:
    rows = [
        {
            "account_id": account_id,
            "seq": entry.seq,
            "kind": draft.lot.kind,
            "priority": draft.lot.priority,
            "granted": draft.lot.granted,
            "expires_at": draft.lot.expires_at,
            "source_kind": draft.source_kind,
            "source_id": draft.source_id,
            "created_at": entry.created_at,
            "is_used_up": not any(changes[entry.seq][book] for book in LEFT_BOOKS),
            **{book: changes[entry.seq][book] for book in BOOKS},
        }
        for draft, entry in zip(drafts, facts, strict=True)
        if draft.lot is not None
    ]
    if rows:
        session.execute(insert(grants), rows)


def _insert_postings(session: Session, account_id: int, drafts: Sequence[Draft], facts: Sequence[EntryFacts]) -> None:
    rows = [
        {
            "account_id": account_id,
            "entry_seq": entry.seq,
            "grant_seq": move.grant,
            "from_book": move.from_book,
            "to_book": move.to_book,
            "credits": move.credits,
        }
        for draft, entry in zip(drafts, facts, strict=True)
        for move in draft.moves
    ]
    session.execute(_INSERT_POSTINGS, rows)


def _change_lots(session: Session, account: LockedAccount, changes: Mapping[int, Mapping[str, int]]) -> None:
    rows = [
        {"of_account": account.id, "of_grant": grant} | {f"add_{book}": change[book] for book in BOOKS}
        for grant, change in changes.items()
        if grant <= account.seq  # the books of a grant made now were written with it
    ]
    if rows:
        session.execute(_CHANGE_LOT, rows)


def _change_account(session: Session, after: LockedAccount) -> None:
    written = {f"new_{name}": getattr(after, name) for name in _CACHED}
    session.execute(_CHANGE_ACCOUNT, {"of_account": after.id} | written)


def _uses(account_id: int, drafts: Sequence[Draft]) -> Iterable[Usage]:
    for draft in drafts:
        if draft.used_on is None:
            continue
        for number, (grant_kind, used) in enumerate(_used_by_kind(draft).items()):
            count = int(number == 0 and used > 0)
            yield Usage(account_id, draft.used_on, draft.meter, draft.key_id, grant_kind, used, count)


def _used_by_kind(draft: Draft) -> dict[str, int]:
    used: dict[str, int] = defaultdict(int)
    for move in draft.moves:
        if "spent" in {move.from_book, move.to_book}:
            used[move.kind] += move.credits if move.to_book == "spent" else -move.credits
    return used
