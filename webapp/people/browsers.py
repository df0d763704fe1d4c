"""Browsers: where people are signed in. The cookie carries a secret, the table its hash. Knows no HTTP."""

import datetime as dt

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from webapp.people.models import SignedInBrowser, User
from webapp.people.tokens import new_secret, secret_hash

SIGNED_IN_FOR = dt.timedelta(hours=12)
KEPT_SIGNED_IN_FOR = dt.timedelta(days=30)


def sign_in_browser(session: Session, user_id: int, *, is_kept: bool, now: dt.datetime) -> str:
    """Sign a browser in and give back its secret, which is kept nowhere else.

    It ends after 12 hours, or after 30 days if it is to be kept signed in. Takes away the user's that have ended.
    """
    browsers = SignedInBrowser
    session.execute(delete(browsers).where(browsers.user_id == user_id, browsers.ends_at <= now))
    secret = new_secret()
    ends_at = now + (KEPT_SIGNED_IN_FOR if is_kept else SIGNED_IN_FOR)
    session.add(SignedInBrowser(secret_hash=secret_hash(secret), user_id=user_id, signed_in_at=now, ends_at=ends_at))
    return secret


def sign_out_browser(session: Session, secret: str) -> None:
    """Sign one browser out: copies of its cookie are worth nothing from now on."""
    session.execute(delete(SignedInBrowser).where(SignedInBrowser.secret_hash == secret_hash(secret)))


def sign_out_browsers(session: Session, user_id: int, *, but_secret: str | None = None) -> None:
    """Sign a user out everywhere, but in the browser with this secret."""
    kept = secret_hash(but_secret) if but_secret else ""
    mine = SignedInBrowser.user_id == user_id
    session.execute(delete(SignedInBrowser).where(mine, SignedInBrowser.secret_hash != kept))


def other_browsers(session: Session, user_id: int, *, but_secret: str, now: dt.datetime) -> int:
    """In how many browsers a user is signed in at this moment, beside the one with this secret."""
    others = (SignedInBrowser.user_id == user_id, SignedInBrowser.secret_hash != secret_hash(but_secret))
    living = select(func.count()).select_from(SignedInBrowser).where(*others, SignedInBrowser.ends_at > now)
    return session.scalar(living) or 0


def user_of_browser(session: Session, secret: str, *, now: dt.datetime) -> User | None:
    """Who is signed in by this secret, in one statement; None if nobody is, or not any more.

    The look-up is by hash, so its time tells nothing about how near a guess was.
    """
    found = (SignedInBrowser.secret_hash == secret_hash(secret), SignedInBrowser.ends_at > now)
    of_user = select(User).join(SignedInBrowser, SignedInBrowser.user_id == User.id)
    return session.scalar(of_user.where(*found, User.closed_at.is_(None)))
