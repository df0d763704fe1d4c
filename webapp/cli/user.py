"""`flask user`: make users from the command line, operators above all."""

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from webapp.errors import Refusal
from webapp.extensions import parts, transact
from webapp.orm import utc_now
from webapp.people.links import PLAIN_ROLE
from webapp.people.models import ROLES, User
from webapp.people.users import create_user, set_password, user_by_email
from webapp.web.joining import give_first_month


class UnknownUser(Refusal):
    """Nobody has this e-mail."""

    code = "unknown_user"


group = AppGroup("user", help="People who sign in.")


@group.command("create")
@click.argument("email")
@click.option("--password", help="Asked for, unseen, when it is not given; given, others on this machine may see it.")
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
def create(email: str, password: str | None, role: str) -> None:
    """Make a user who signs in with EMAIL, and their account. A plain user gets the welcome credits."""
    given = password if password is not None else _ask_password()
    try:
        user = _create(email, given, role)
    except Refusal as refusal:
        click.echo(refusal.sentence, err=True)
        raise SystemExit(1) from None
    click.echo(f"Made {user.email}: user {user.id}, role {user.role}, account {user.account_id}.")


@group.command("password")
@click.argument("email")
@click.option("--password", help="Asked for, unseen, when it is not given; given, others on this machine may see it.")
def password(email: str, password: str | None) -> None:
    """Give the user with EMAIL a new password, and sign them out everywhere."""
    given = password if password is not None else _ask_password()
    try:
        transact(lambda session: _set_password(session, email, given))
    except Refusal as refusal:
        click.echo(refusal.sentence, err=True)
        raise SystemExit(1) from None
    click.echo(f"{email} has a new password and is signed out everywhere.")


def _set_password(session: Session, email: str, given: str) -> None:
    user = user_by_email(session, email)
    if user is None:
        raise UnknownUser(f"Nobody signs in with {email}.")
    set_password(session, user, password=given)


def _create(email: str, password: str, role: str) -> User:
    welcome_credits = parts().catalog.welcome_credits if role == "user" else 0
    now = utc_now()

    def work(session: Session) -> User:
        user = create_user(session, email=email, password=password, role=role, welcome_credits=welcome_credits, now=now)
        if role == PLAIN_ROLE:
            give_first_month(session, user.account_id, now=now)
        return user

    return transact(work)


def _ask_password() -> str:
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked
