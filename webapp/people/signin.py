"""Signing in: the order of counting, checking and signing the browser in. At the edge: it opens transactions."""

import datetime as dt

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.extensions import db, end_reading, transact
from webapp.people.browsers import sign_in_browser
from webapp.people.emails import email_key
from webapp.people.errors import TooManyTries, WrongPair
from webapp.people.models import User
from webapp.people.passwords import matches, rehashed
from webapp.people.throttle import Attempt, attempt_of, forgive, record_failure, take_back, wait_seconds
from webapp.people.users import user_by_email


def sign_in(
    *, email: str, password: str, is_kept: bool, address: str | None, throttle_secret: str, now: dt.datetime
) -> str:
    """Check the pair and sign the browser in; give back its secret, for the cookie.

    The try counts as failed before the password is looked at (see throttle.py) and is forgiven at a success. The slow
    check runs while no transaction is open. A hash with outdated parameters is renewed. For an e-mail nobody has the
    same statements run and the same hashing. Raises TooManyTries, then WrongPair.
    """
    attempt = attempt_of(email_key(email), address, secret=throttle_secret)
    _admit(attempt, now=now)
    user = user_by_email(db.session(), email)
    end_reading()
    if not matches(user.password_hash if user else None, password) or user is None:
        raise WrongPair
    new_hash = rehashed(user.password_hash, password)
    return transact(lambda session: _enter(session, user, attempt, new_hash=new_hash, is_kept=is_kept, now=now))


def _admit(attempt: Attempt, *, now: dt.datetime) -> None:
    """Count the attempt as failed, or refuse it. The first look only spares a flood the writing."""
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
    session: Session, user: User, attempt: Attempt, *, new_hash: str | None, is_kept: bool, now: dt.datetime
) -> str:
    session.execute(update(User).where(User.id == user.id).values(signed_in_at=now))
    if new_hash:  # unless the password was changed meanwhile
        unchanged = (User.id == user.id, User.password_hash == user.password_hash)
        session.execute(update(User).where(*unchanged).values(password_hash=new_hash))
    forgive(session, attempt)
    return sign_in_browser(session, user.id, is_kept=is_kept, now=now)
