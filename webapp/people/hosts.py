"""Accounts by the host product's own ids. Knows no HTTP."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.people.models import HostAccount, User

MOST_EXTERNAL_ID_CHARACTERS = 200


def account_of_host(session: Session, external_id: str) -> int | None:
    """The account that the host product calls `external_id`, or None. Takes any text without a NUL."""
    if not 1 <= len(external_id) <= MOST_EXTERNAL_ID_CHARACTERS:
        return None
    return session.scalar(select(HostAccount.account_id).where(HostAccount.external_id == external_id))


def accounts_of_host(session: Session, external_ids: Collection[str]) -> dict[str, int]:
    """The accounts that the host product calls by these ids, by id; those it has not are missing. One statement."""
    possible = [one for one in external_ids if 1 <= len(one) <= MOST_EXTERNAL_ID_CHARACTERS and "\0" not in one]
    if not possible:
        return {}
    wanted = select(HostAccount.external_id, HostAccount.account_id).where(HostAccount.external_id.in_(possible))
    return dict(session.execute(wanted).all())


def user_of_account(session: Session, account_id: int) -> User | None:
    """The person whose account this is: the first, where several share it."""
    return session.scalar(select(User).where(User.account_id == account_id).order_by(User.id).limit(1))
