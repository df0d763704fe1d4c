"""Users: making them, finding them, changing their password. Knows no HTTP and no session cookie."""

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.ledger import operations
from webapp.people.browsers import sign_out_browsers
from webapp.people.emails import clean_email, email_key, is_email
from webapp.people.errors import EmailUnavailable, InvalidName, UnknownRole
from webapp.people.models import ROLES, User
from webapp.people.passwords import hash_password
from webapp.people.texts import compose

MOST_NAME_CHARACTERS = 100


def register(
    session: Session,
    *,
    email: str,
    password: str,
    name: str = "",
    time_zone: str = "UTC",
    welcome_credits: int,
    now: dt.datetime,
) -> User:
    """Make a person who registers themselves: account, user and welcome credits, or nothing at all.

    Hashes the password before the first statement, so that no lock is held meanwhile. Of two who register one e-mail
    at the same time the unique key lets one in. Raises InvalidEmail, InvalidName, WeakPassword, and EmailUnavailable
    after the same work as a success.
    """
    return create_user(
        session,
        email=email,
        password=password,
        name=name,
        time_zone=time_zone,
        welcome_credits=welcome_credits,
        now=now,
    )


def create_user(
    session: Session,
    *,
    email: str,
    password: str,
    role: str = "user",
    name: str = "",
    time_zone: str = "UTC",
    welcome_credits: int = 0,
    now: dt.datetime,
) -> User:
    """Make a user of any role with an account of their own; as `register`, and raises UnknownRole."""
    if role not in ROLES:
        raise UnknownRole(f"There is no role “{role}”. Roles: {', '.join(ROLES)}.")
    shown_email, shown_name = clean_email(email), clean_name(name)
    password_hash = hash_password(password, email=shown_email)
    account_id = operations.open_account(session, time_zone=time_zone, now=now)
    facts = {"name": shown_name, "password_hash": password_hash, "role": role}
    user = add_user(session, account_id, email=shown_email, **facts, now=now)
    welcome(session, account_id, credits=welcome_credits, now=now)
    return user


def add_user(
    session: Session,
    account_id: int,
    *,
    email: str,
    password_hash: str,
    now: dt.datetime,
    name: str = "",
    role: str = "user",
) -> User:
    """Let a person sign in to an account with an e-mail that is clean. Raises EmailUnavailable."""
    user = User(
        account_id=account_id,
        email=email,
        email_key=email_key(email),
        name=name,
        password_hash=password_hash,
        role=role,
        created_at=now,
    )
    _insert(session, user)
    return user


def user_by_email(session: Session, email: str) -> User | None:
    """The user with this e-mail in any spelling of it. Takes any text."""
    key = email_key(email)
    # What can't be an e-mail is nobody's, and PostgreSQL refuses to compare some of it.
    return session.scalar(select(User).where(User.email_key == key)) if is_email(key) else None


def set_password(session: Session, user: User, *, password: str) -> None:
    """Change a password and sign the user out everywhere.

    Hashes before the first statement, as `register`. Raises WeakPassword.
    """
    user_id, password_hash = user.id, hash_password(password, email=user.email)
    # The row first: a sign-in that goes by the old password waits for it and finds it changed, or has its browser here.
    session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
    sign_out_browsers(session, user_id)


def is_email_taken(error: IntegrityError) -> bool:
    """Whether a row was refused because another user has its e-mail."""
    return "email_key" in str(error.orig)


def clean_name(text: str) -> str:
    """A name as it will be shown; it may be empty. Raises InvalidName."""
    name = compose(text.strip(), most_characters=MOST_NAME_CHARACTERS)
    if len(name) > MOST_NAME_CHARACTERS:
        raise InvalidName(f"Use a name of {MOST_NAME_CHARACTERS} characters or fewer.")
    if not name.isprintable():
        raise InvalidName("Use a name of letters, digits and spaces that can be shown.")
    return name


def _insert(session: Session, user: User) -> None:
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        if not is_email_taken(error):
            raise
        raise EmailUnavailable from None  # the database's own words would carry the address into a log
    session.refresh(user)  # its time zone is the account's


def welcome(session: Session, account_id: int, *, credits: int, now: dt.datetime) -> None:
    """Grant a new account its welcome credits, if the catalogue gives any."""
    if credits == 0:
        return
    operations.grant(
        session,
        account_id,
        kind="bonus",
        credits=credits,
        key="welcome",
        source_kind="welcome",
        source_id="1",
        description="Welcome credits",
        now=now,
    )
