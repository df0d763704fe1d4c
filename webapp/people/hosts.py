"""Accounts of a host product, by the product's own ids for them, and the people it brings. Knows no HTTP."""

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.extensions import transact
from webapp.ledger import operations
from webapp.people.emails import clean_email
from webapp.people.errors import EmailOfAnother, EmailUnavailable, UnknownTimeZone
from webapp.people.looks import zone_names
from webapp.people.models import HostAccount, User
from webapp.people.passwords import NO_PASSWORD
from webapp.people.users import add_user, welcome

MOST_EXTERNAL_ID_CHARACTERS = 200
# What travels in a header and in an address as it is: visible ASCII without spaces.
EXTERNAL_ID = re.compile(rf"[!-~]{{1,{MOST_EXTERNAL_ID_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the host product says of one of its accounts. E-mail and zone count where the account has none yet."""

    external_id: str
    email: str | None
    time_zone: str | None


@dataclass(frozen=True, slots=True)
class HostedAccount:
    """An account as it is stored. `email` is what its user signs in with; None without a user."""

    account_id: int
    external_id: str
    email: str | None
    time_zone: str
    is_new: bool


def account_of_host(session: Session, external_id: str) -> int | None:
    """The account that the host product calls `external_id`, or None. Takes any text."""
    if not EXTERNAL_ID.fullmatch(external_id):
        return None
    return session.scalar(select(HostAccount.account_id).where(HostAccount.external_id == external_id))


def accounts_of_host(session: Session, external_ids: Collection[str]) -> dict[str, int]:
    """The accounts that the host product calls by these ids, by id; those it has not are missing. One statement."""
    possible = [one for one in external_ids if EXTERNAL_ID.fullmatch(one)]
    if not possible:
        return {}
    wanted = select(HostAccount.external_id, HostAccount.account_id).where(HostAccount.external_id.in_(possible))
    return dict(session.execute(wanted).all())


def user_of_account(session: Session, account_id: int) -> User | None:
    """The person whose account this is: the first, where several share it."""
    return session.scalar(select(User).where(User.account_id == account_id).order_by(User.id).limit(1))


def host_account(wish: Wish, *, welcome_credits: int, now: dt.datetime) -> HostedAccount:
    """Make or find the account that the host product calls by this id; a new one has the welcome credits.

    An e-mail makes the account's user if it has none: without a password, so they come by login links until they set
    one. What is there already stays as it is. Of two who make one account at the same time, one does, and the other
    finds it. At the edge: it opens transactions. Raises InvalidEmail, UnknownTimeZone and EmailOfAnother.
    """
    email = None if wish.email is None else clean_email(wish.email)
    if wish.time_zone is not None and wish.time_zone not in zone_names():
        raise UnknownTimeZone("There is no time zone of this name. Use one like Europe/Berlin.")

    def work(session: Session) -> HostedAccount:
        return _made_or_found(session, wish, email, welcome_credits=welcome_credits, now=now)

    try:
        return transact(work)
    except IntegrityError as error:
        if "host_accounts" not in str(error.orig):
            raise
    return transact(work)  # somebody was quicker: now it is there


def _made_or_found(
    session: Session, wish: Wish, email: str | None, *, welcome_credits: int, now: dt.datetime
) -> HostedAccount:
    account_id = account_of_host(session, wish.external_id)
    is_new = account_id is None
    if account_id is None:
        account_id = _open(session, wish, welcome_credits=welcome_credits, now=now)
    account = operations.lock_account(session, account_id)  # of two who bring a user at once, one does
    user = user_of_account(session, account_id)
    if user is None and email is not None:
        user = _bring(session, account_id, email, now=now)
    return HostedAccount(account_id, wish.external_id, user.email if user else None, account.time_zone, is_new)


def _open(session: Session, wish: Wish, *, welcome_credits: int, now: dt.datetime) -> int:
    account_id = operations.open_account(session, time_zone=wish.time_zone or "UTC", now=now)
    session.add(HostAccount(external_id=wish.external_id, account_id=account_id, created_at=now))
    session.flush()
    welcome(session, account_id, credits=welcome_credits, now=now)
    return account_id


def _bring(session: Session, account_id: int, email: str, *, now: dt.datetime) -> User:
    try:
        return add_user(session, account_id, email=email, password_hash=NO_PASSWORD, now=now)
    except EmailUnavailable:
        raise EmailOfAnother from None
