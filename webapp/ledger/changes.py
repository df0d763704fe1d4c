"""Which accounts have changed since somebody looked: for what watches thresholds. A flag on the account's row.

It is raised by every operation of the ledger, within the same transaction, and lowered by who looks, under the lock: so
no change is missed, whoever looks when.
"""

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from webapp.ledger.accounts import locked
from webapp.ledger.models import accounts

# Word for word the condition of the index.
_CHANGED = select(accounts.c.id).where(text("has_changed")).order_by(accounts.c.id).limit(bindparam("most"))
_NOTE = update(accounts).where(accounts.c.id == bindparam("of_account")).values(has_changed=bindparam("new_flag"))


def changed_accounts(session: Session, *, after_id: int = 0, limit: int) -> tuple[int, ...]:
    """The ids of at most `limit` accounts, above `after_id`, that have changed since they were looked at."""
    chosen = _CHANGED.where(accounts.c.id > bindparam("after"))
    return tuple(session.scalars(chosen, {"most": limit, "after": after_id}))


def note_change(session: Session, account_id: int) -> None:
    """Let whoever watches the account look again: something about it has changed that the ledger does not write.

    Locks the account. Raises UnknownAccount.
    """
    _note(session, account_id, has_changed=True)


def note_seen(session: Session, account_id: int) -> None:
    """The account is looked at, in this transaction. Locks it. Raises UnknownAccount."""
    _note(session, account_id, has_changed=False)


def _note(session: Session, account_id: int, *, has_changed: bool) -> None:
    locked(session, account_id)
    session.execute(_NOTE, {"of_account": account_id, "new_flag": has_changed})
