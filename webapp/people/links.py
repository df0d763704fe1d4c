"""Login links: addresses by which a host product signs its own user in, once and soon. Knows no HTTP.

The link carries a secret, the table its hash. An operator's role can't be had by one: a service key makes links, and
must not become an operator.
"""

import datetime as dt

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from webapp.ledger import operations
from webapp.people.browsers import sign_in_browser
from webapp.people.errors import AccountClosed, LinkEnded, NoUser, OperatorsOwn
from webapp.people.hosts import user_of_account
from webapp.people.models import LoginLink, User
from webapp.people.tokens import new_secret, secret_hash

PREFIX = "rfl_"
LIVES_FOR = dt.timedelta(minutes=5)
PLAIN_ROLE = "user"


def make_login_link(session: Session, account_id: int, *, now: dt.datetime) -> tuple[str, dt.datetime]:
    """Make a link that signs the account's user in; its secret, which is kept nowhere else, and its end.

    Raises UnknownAccount, NoUser, AccountClosed, and OperatorsOwn.
    """
    operations.lock_account(session, account_id)
    user = user_of_account(session, account_id)
    if user is None:
        raise NoUser("Nobody signs in to this account yet. Send its email to POST /api/accounts first.")
    if user.closed_at is not None:
        raise AccountClosed
    if user.role != PLAIN_ROLE:
        raise OperatorsOwn("Operators sign in with their password: no link is made for them.")
    secret, ends_at = new_secret(PREFIX), now + LIVES_FOR
    session.add(LoginLink(secret_hash=secret_hash(secret), user_id=user.id, ends_at=ends_at))
    return secret, ends_at


def use_login_link(session: Session, secret: str, *, now: dt.datetime) -> str:
    """Use a link up and sign a browser in; the browser's secret, for the cookie. Raises LinkEnded.

    The row is gone with the first use, so of two at once one signs in. A user who has become an operator or closed
    the account meanwhile is not signed in.
    """
    used = delete(LoginLink).where(LoginLink.secret_hash == secret_hash(secret))
    link = session.execute(used.returning(LoginLink.user_id, LoginLink.ends_at)).one_or_none()
    if link is None or link.ends_at <= now:
        raise LinkEnded
    may_enter = (User.id == link.user_id, User.role == PLAIN_ROLE, User.closed_at.is_(None))
    entered = update(User).where(*may_enter).values(signed_in_at=now)
    if session.scalar(entered.returning(User.id)) is None:
        raise LinkEnded
    return sign_in_browser(session, link.user_id, is_kept=False, now=now)


def is_link(session: Session, secret: str) -> bool:
    """Whether there is such a link, so that a guess costs no write."""
    return session.scalar(select(LoginLink.user_id).where(LoginLink.secret_hash == secret_hash(secret))) is not None


def prune_login_links(session: Session, *, now: dt.datetime) -> int:
    """Delete the links that have ended unused; give back how many."""
    ended = delete(LoginLink).where(LoginLink.ends_at <= now).returning(LoginLink.secret_hash)
    return len(session.scalars(ended).all())
