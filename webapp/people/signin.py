"""Signing in: the order of counting, checking and signing the browser in. At the edge: it opens transactions."""

import datetime as dt
from functools import partial

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.extensions import db, end_reading, transact
from webapp.people.browsers import sign_in_browser
from webapp.people.emails import email_key
from webapp.people.errors import AccountClosed, TooManyTries, WrongPair
from webapp.people.models import User
from webapp.people.passwords import matches, rehashed
from webapp.people.throttle import Attempt, attempt_of, forgive, record_failure, take_back, wait_seconds
from webapp.people.users import user_by_email

# A hash can be renewed beside a sign-in once; more changes than that are no coincidence.
MOST_CHECKS = 3


def sign_in(
    *, email: str, password: str, is_kept: bool, address: str | None, throttle_secret: str, now: dt.datetime
) -> str:
    """Check the pair and sign the browser in; give back its secret, for the cookie.

    The try counts as failed before the password is looked at (see throttle.py) and is forgiven at a success. The slow
    check runs while no transaction is open. A hash with outdated parameters is renewed. For an e-mail nobody has the
    same statements run and the same hashing. Raises TooManyTries, then WrongPair, then AccountClosed.
    """
    attempt = attempt_of(email_key(email), address, secret=throttle_secret)
    admit(attempt, now=now)
    for _ in range(MOST_CHECKS):
        user = _checked(email, password)
        new_hash = rehashed(user.password_hash, password)
        secret = transact(partial(_enter, user=user, attempt=attempt, new_hash=new_hash, is_kept=is_kept, now=now))
        if secret:
            return secret
    raise WrongPair


def _checked(email: str, password: str) -> User:
    """The user with this e-mail and password; raises WrongPair and AccountClosed."""
    user = user_by_email(db.session(), email)
    end_reading()
    if not matches(user.password_hash if user else None, password) or user is None:
        raise WrongPair
    if user.closed_at is not None:
        raise AccountClosed
    return user


def admit(attempt: Attempt, *, now: dt.datetime) -> None:
    """Count the attempt as failed, or refuse it. The first look only spares a flood the writing.

    Raises TooManyTries. Ends the request's read session.
    """
    _refuse_while_waiting(wait_seconds(db.session(), attempt, now=now))
    failure_id = transact(lambda session: record_failure(session, attempt, now=now))
    wait = wait_seconds(db.session(), attempt, but_id=failure_id, now=now)
    if wait:
        transact(lambda session: take_back(session, failure_id))
    _refuse_while_waiting(wait)


def _refuse_while_waiting(wait: int) -> None:
    if wait:
        end_reading()
        raise TooManyTries(wait)


def _enter(
    session: Session, *, user: User, attempt: Attempt, new_hash: str | None, is_kept: bool, now: dt.datetime
) -> str | None:
    """Sign the browser in, or None if the stored hash is not the one that was checked any more.

    A password changed in that moment must not let its old one in; a hash renewed in that moment is checked again.
    """
    unchanged = (User.id == user.id, User.password_hash == user.password_hash, User.closed_at.is_(None))
    renewed = {"signed_in_at": now, "password_hash": new_hash or user.password_hash}
    if session.scalar(update(User).where(*unchanged).values(renewed).returning(User.id)) is None:
        return None
    forgive(session, attempt)
    return sign_in_browser(session, user.id, is_kept=is_kept, now=now)
