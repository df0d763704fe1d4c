"""Users as registration leaves them, without the form."""

from sqlalchemy.orm import Session

from webapp.extensions import transact
from webapp.ledger import operations
from webapp.orm import utc_now
from webapp.people.emails import email_key
from webapp.people.models import User
from webapp.people.passwords import hash_password

PASSWORD = "a long enough password"


def make_user(
    email: str, *, password: str = PASSWORD, name: str = "", time_zone: str = "UTC", welcome_credits: int = 0
) -> User:
    """A user with an account of their own. tests/people proves that registering does the same."""
    password_hash = hash_password(password, email="")

    def work(session):
        account_id = operations.open_account(session, time_zone=time_zone, now=utc_now())
        facts = {"email": email, "email_key": email_key(email), "name": name, "password_hash": password_hash}
        user = User(account_id=account_id, created_at=utc_now(), **facts)
        session.add(user)
        session.flush()
        session.refresh(user)
        if welcome_credits:
            source = {"source_kind": "welcome", "source_id": "1"}
            words = {"key": "welcome", "description": "Welcome credits", "kind": "bonus"}
            operations.grant(session, account_id, credits=welcome_credits, **source, **words, now=utc_now())
        return user

    return transact(work)


def make_operator(role: str, email: str = "") -> User:
    """A user with a role of the console, called after it unless an e-mail is given."""
    user = make_user(email or f"{role}@example.com", name=role.capitalize())
    transact(lambda session: _give_role(session, user.id, role))
    return user


def _give_role(session: Session, user_id: int, role: str) -> None:
    session.get_one(User, user_id).role = role
