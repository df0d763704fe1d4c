"""Closing one's own account: nobody signs in to it and nothing opens it any more. At the edge: it opens transactions.

What is in the ledger stays, and so does the person's row: history, receipts and refunds belong to somebody.
"""

import datetime as dt
from collections.abc import Callable
from functools import partial

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations
from webapp.people.browsers import sign_out_browsers
from webapp.people.changes import Claim, after_check, is_fresh
from webapp.people.errors import OperatorStays, SignInAgain, WrongPassword
from webapp.people.keyring import revoke_all_keys
from webapp.people.links import PLAIN_ROLE
from webapp.people.models import LoginLink, User
from webapp.people.passwords import NO_PASSWORD
from webapp.people.throttle import Attempt, forgive

Also = Callable[[Session], None]


def close_account(claim: Claim, *, browser_secret: str, also: Also) -> None:
    """Close the account of whoever claims to be its user, after their present password.

    Somebody who comes by login links has none to show: their sign-in must be fresh instead. In one transaction
    `also` runs first, then they are signed out everywhere, every key of the account is revoked, and nothing can be
    spent. Raises OperatorStays, TooManyTries, WrongPassword, SignInAgain, and what `also` raises: then nothing is
    closed.
    """
    user = db.session.get_one(User, claim.user_id)
    end_reading()
    if user.role != PLAIN_ROLE:
        raise OperatorStays
    if user.password_hash == NO_PASSWORD:
        transact(partial(_close_fresh, user=user, browser_secret=browser_secret, also=also, now=claim.now))
        return
    after_check(claim, partial(_close_checked, claim=claim, also=also))


def _close_checked(session: Session, *, user: User, attempt: Attempt, claim: Claim, also: Also) -> str | None:
    if not _close(session, user, also=also, now=claim.now):
        return None
    forgive(session, attempt)
    return "closed"


def _close_fresh(session: Session, *, user: User, browser_secret: str, also: Also, now: dt.datetime) -> None:
    if not is_fresh(session, user.id, browser_secret, now=now):
        raise SignInAgain(to="close your account")
    if not _close(session, user, also=also, now=now):
        raise WrongPassword  # a password was set meanwhile


def _close(session: Session, user: User, *, also: Also, now: dt.datetime) -> bool:
    """Close it, if the row is what was checked. The account's lock comes first, as in everything that writes there."""
    operations.lock_account(session, user.account_id)
    present = (User.id == user.id, User.password_hash == user.password_hash, User.role == PLAIN_ROLE)
    if session.scalar(select(User.id).where(*present, User.closed_at.is_(None)).with_for_update()) is None:
        return False
    also(session)
    session.execute(update(User).where(User.id == user.id).values(closed_at=now))
    sign_out_browsers(session, user.id)
    session.execute(delete(LoginLink).where(LoginLink.user_id == user.id))
    revoke_all_keys(session, user.account_id, now=now)
    operations.pause_spending(session, user.account_id, now=now)
    return True
