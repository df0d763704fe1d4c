"""Accounts: opening one, its time zone, and its row as the only lock of the ledger."""

import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from webapp.ledger.checks import check_time_zone
from webapp.ledger.errors import SpendingPaused, UnknownAccount
from webapp.ledger.models import MAX_ACCOUNT_ID, Account, accounts, limit_windows


@dataclass(frozen=True, slots=True)
class LockedAccount:
    """The account's row as read under its lock. Amounts in credits; `limits` is how many spend limits it has."""

    id: int
    available: int
    held: int
    frozen: int
    debt: int
    seq: int
    time_zone: str
    spending_paused_at: dt.datetime | None
    owner_paused_at: dt.datetime | None
    limits: int


# `key_share`: writers of an account wait for each other, but whoever only refers to it (a foreign key) does not.
_LOCK = (
    select(*(accounts.c[name] for name in LockedAccount.__dataclass_fields__))
    .where(accounts.c.id == bindparam("account_id"))
    .with_for_update(key_share=True)
)

_LOCK_ALL = (
    select(*(accounts.c[name] for name in LockedAccount.__dataclass_fields__))
    .where(accounts.c.id.in_(bindparam("account_ids", expanding=True)))
    .order_by(accounts.c.id)
    .with_for_update(key_share=True)
)


def open_account(session: Session, *, time_zone: str = "UTC", now: dt.datetime) -> int:
    """Add an empty account and answer its id: random, below 2^53, so that JSON readers keep it exact.

    `time_zone` decides on which day a use counts. Raises InvalidRequest for a zone nobody knows.
    """
    check_time_zone(time_zone)
    account_id = 1 + secrets.randbelow(MAX_ACCOUNT_ID)
    empty = {"available": 0, "held": 0, "frozen": 0, "debt": 0, "seq": 0, "limits": 0, "has_changed": False}
    session.execute(insert(accounts).values(id=account_id, time_zone=time_zone, created_at=now, **empty))
    return account_id


def set_time_zone(session: Session, account_id: int, time_zone: str) -> None:
    """Change the zone by whose days the account's use is counted from now on; days already counted stay.

    Under the account's lock, so that each use falls on one day of one zone. The windows of its spend limits begin at
    other instants then: they are forgotten, to be counted from entries by the next that needs them. Raises
    InvalidRequest for a zone nobody knows, and UnknownAccount.
    """
    check_time_zone(time_zone)
    if locked(session, account_id).time_zone == time_zone:
        return
    session.execute(delete(limit_windows).where(limit_windows.c.account_id == account_id))
    session.execute(update(accounts).where(accounts.c.id == account_id).values(time_zone=time_zone, has_changed=True))


def pause_spending(session: Session, account_id: int, *, now: dt.datetime) -> bool:
    """Let nothing be spent or held from now on, until it is resumed; whether that changed anything.

    For operators. Work that is under way goes on: its holds are captured up to what they have, or released. Locks the
    account. Raises UnknownAccount.
    """
    return _set_paused(session, account_id, "spending_paused_at", now)


def resume_spending(session: Session, account_id: int) -> bool:
    """End the pause of an operator; whether there was one. Locks the account. Raises UnknownAccount.

    An owner's own pause goes on.
    """
    return _set_paused(session, account_id, "spending_paused_at", None)


def pause_as_owner(session: Session, account_id: int, *, now: dt.datetime) -> bool:
    """What `pause_spending` does, for the account's owner, who can end it. Locks the account. Raises UnknownAccount."""
    return _set_paused(session, account_id, "owner_paused_at", now)


def resume_as_owner(session: Session, account_id: int) -> bool:
    """End the owner's pause; whether there was one. An operator's goes on. Locks the account. Raises UnknownAccount."""
    return _set_paused(session, account_id, "owner_paused_at", None)


def _set_paused(session: Session, account_id: int, column: str, paused_at: dt.datetime | None) -> bool:
    account = locked(session, account_id)
    if (getattr(account, column) is None) == (paused_at is None):
        return False
    changed = {column: paused_at, "has_changed": True}
    session.execute(update(accounts).where(accounts.c.id == account_id).values(changed))
    return True


def refuse_paused(account: LockedAccount) -> None:
    """Raise SpendingPaused if an operator or the owner has paused spending (facts: paused_at, paused_by)."""
    for paused_by, paused_at in (("operator", account.spending_paused_at), ("owner", account.owner_paused_at)):
        if paused_at is not None:
            sentence = "Spending is paused on this account."
            raise SpendingPaused(sentence, paused_at=paused_at.isoformat(), paused_by=paused_by)


def lock_account(session: Session, account_id: int) -> Account:
    """Lock the account's row until the transaction ends, and answer it fresh.

    Every writer of an account takes this lock first, several accounts in the order of their ids. On SQLite the
    write transaction itself is the lock. Raises UnknownAccount.
    """
    chosen = select(Account).where(Account.id == possible_id(account_id)).with_for_update(key_share=True)
    account = session.scalars(chosen.execution_options(populate_existing=True)).one_or_none()
    if account is None:
        raise unknown_account(account_id)
    return account


def locked(session: Session, account_id: int) -> LockedAccount:
    """Lock the account's row as `lock_account` does, without an ORM object: the first statement of every operation."""
    row = session.execute(_LOCK, {"account_id": possible_id(account_id)}).one_or_none()
    if row is None:
        raise unknown_account(account_id)
    return LockedAccount(*row)


def locked_accounts(session: Session, account_ids: Iterable[int]) -> list[LockedAccount]:
    """Lock those of the accounts that exist, in the order of their ids, so that no two writers wait for each other."""
    possible = sorted(account_id for account_id in account_ids if is_possible_id(account_id))
    return [LockedAccount(*row) for row in session.execute(_LOCK_ALL, {"account_ids": possible})]


def is_possible_id(account_id: int) -> bool:
    """Whether an account can have this id: databases overflow on larger numbers."""
    return type(account_id) is int and 1 <= account_id <= MAX_ACCOUNT_ID


def possible_id(account_id: int) -> int:
    """The id itself, if an account can have it. Raises UnknownAccount."""
    if not is_possible_id(account_id):
        raise unknown_account(account_id)
    return account_id


def unknown_account(account_id: int) -> UnknownAccount:
    """The refusal of an id that no account has."""
    return UnknownAccount("There is no such account.", account=account_id)
