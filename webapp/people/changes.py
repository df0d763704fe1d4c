"""Changing one's own e-mail or password, after the present password. At the edge: it opens transactions.

A wrong present password counts as a failed sign-in, under the same limits: whoever finds a browser signed in can't
guess there what they could not guess at the door.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.extensions import db, end_reading, transact
from webapp.people.browsers import sign_in_browser, sign_out_browsers
from webapp.people.emails import clean_email, email_key
from webapp.people.errors import EmailUnavailable, InvalidEmail, NoPassword, SignInAgain, WrongPassword
from webapp.people.models import SignedInBrowser, User
from webapp.people.passwords import NO_PASSWORD, hash_password, matches
from webapp.people.signin import MOST_CHECKS, admit
from webapp.people.throttle import Attempt, attempt_of, forgive
from webapp.people.tokens import secret_hash
from webapp.people.users import is_email_taken

# How long after coming by a login link a first password may be set: while the browser is surely theirs.
FRESH_FOR = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class Claim:
    """Who claims to be the user that is signed in: their present password, from where, and when."""

    user_id: int
    present: str
    address: str | None
    throttle_secret: str
    now: dt.datetime


def change_password(claim: Claim, *, password: str, is_kept: bool) -> str:
    """Change the password and sign the user out everywhere; give back the new secret of the browser that asks.

    Raises WeakPassword before anything is counted, then TooManyTries, then WrongPassword.
    """
    user = _own_user(claim)
    password_hash = hash_password(password, email=user.email)
    return after_check(claim, partial(_renew, claim=claim, password_hash=password_hash, is_kept=is_kept))


def set_first_password(user_id: int, *, browser_secret: str, password: str, is_kept: bool, now: dt.datetime) -> str:
    """Give a user who comes by login links their first password; as `change_password` else.

    There is no present one to ask for, so the sign-in itself must be fresh: whoever finds a browser signed in can't
    make the account theirs. Raises WeakPassword, SignInAgain, and WrongPassword once there is a password.
    """
    password_hash = hash_password(password, email=db.session.get_one(User, user_id).email)
    first = partial(_set_first, user_id=user_id, browser_secret=browser_secret, password_hash=password_hash)
    return transact(partial(first, is_kept=is_kept, now=now))


def change_email(claim: Claim, *, email: str) -> None:
    """Change the address to sign in with; browsers stay signed in.

    Raises InvalidEmail and NoPassword before anything is counted, then TooManyTries, WrongPassword, and
    EmailUnavailable in the words of registration. An address that is refused leaves its try counted, so that few can be
    asked about.
    """
    shown = clean_email(email)
    if _own_user(claim).password_hash == NO_PASSWORD:
        raise NoPassword
    after_check(claim, partial(_move, claim=claim, email=shown))


def is_fresh(session: Session, user_id: int, browser_secret: str, *, now: dt.datetime) -> bool:
    """Whether the user has signed in with this browser in the last 15 minutes."""
    fresh = (SignedInBrowser.user_id == user_id, SignedInBrowser.signed_in_at > now - FRESH_FOR)
    here = SignedInBrowser.secret_hash == secret_hash(browser_secret)
    return session.scalar(select(SignedInBrowser.user_id).where(here, *fresh)) is not None


def _set_first(
    session: Session, *, user_id: int, browser_secret: str, password_hash: str, is_kept: bool, now: dt.datetime
) -> str:
    if not is_fresh(session, user_id, browser_secret, now=now):
        raise SignInAgain
    without = (User.id == user_id, User.password_hash == NO_PASSWORD)
    if session.scalar(update(User).where(*without).values(password_hash=password_hash).returning(User.id)) is None:
        raise WrongPassword
    sign_out_browsers(session, user_id)
    return sign_in_browser(session, user_id, is_kept=is_kept, now=now)


def _own_user(claim: Claim) -> User:
    user = db.session.get_one(User, claim.user_id)
    end_reading()
    return user


def after_check(claim: Claim, change: Callable[..., str | None]) -> str:
    """Do the change in one transaction, once the present password was found right outside of it.

    A change gives back None when the stored hash is another by now: one that was renewed is checked again.
    """
    attempt = attempt_of(_own_user(claim).email_key, claim.address, secret=claim.throttle_secret)
    admit(attempt, now=claim.now)
    for _ in range(MOST_CHECKS):
        user = _own_user(claim)
        if not matches(user.password_hash, claim.present):
            raise WrongPassword
        done = transact(partial(change, user=user, attempt=attempt))
        if done is not None:
            return done
    raise WrongPassword


def _renew(
    session: Session, *, user: User, attempt: Attempt, claim: Claim, password_hash: str, is_kept: bool
) -> str | None:
    if not _write(session, user, {"password_hash": password_hash}):
        return None
    forgive(session, attempt)
    sign_out_browsers(session, user.id)
    return sign_in_browser(session, user.id, is_kept=is_kept, now=claim.now)


def _move(session: Session, *, user: User, attempt: Attempt, claim: Claim, email: str) -> str | None:
    if email_key(claim.present) == email_key(email):
        raise InvalidEmail("Your email address can't be your password.")
    try:
        is_written = _write(session, user, {"email": email, "email_key": email_key(email)})
    except IntegrityError as error:
        if not is_email_taken(error):
            raise
        raise EmailUnavailable from None
    if not is_written:
        return None
    forgive(session, attempt)
    return email


def _write(session: Session, user: User, values: dict[str, str]) -> bool:
    """Change the row if it still has the hash that was checked; whether it had. A sign-in meanwhile waits for it."""
    unchanged = (User.id == user.id, User.password_hash == user.password_hash)
    return session.scalar(update(User).where(*unchanged).values(values).returning(User.id)) is not None
