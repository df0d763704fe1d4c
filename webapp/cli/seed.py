"""`flask seed`: a demo user with a little history, so that a fresh clone has something to look at."""

import datetime as dt

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.errors import Refusal
from webapp.extensions import parts, transact
from webapp.ledger import operations
from webapp.metering import cost_credits
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.people.users import register, user_by_email

DEMO_EMAIL = "demo@example.com"
DEMO_PASSWORD = "demo-password-1"  # noqa: S105  # printed on every start; refused in production


class DemoRefused(Refusal):
    """The demo user's password is public: it has no place where real people or real money are."""

    code = "demo_refused"


@click.command("seed")
@with_appcontext
def command() -> None:
    """Make the demo user, once. Refused in production and with live Stripe keys."""
    try:
        user = transact(lambda session: seed(session, now=utc_now()))
    except DemoRefused as refusal:
        raise click.ClickException(refusal.sentence) from None
    click.echo(f"Demo user {user.email}, password {DEMO_PASSWORD}")


def seed(session: Session, *, now: dt.datetime) -> User:
    """Make the demo user with welcome credits and a few spends; the same user again if there is one.

    Raises DemoRefused in production and with live Stripe keys.
    """
    if parts().settings.is_production or parts().settings.payments == "live":
        raise DemoRefused("The demo user is refused in production and with live keys: its password is public.")
    found = user_by_email(session, DEMO_EMAIL)
    if found is not None:
        return found
    user = register(
        session,
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        name="Demo",
        welcome_credits=parts().catalog.welcome_credits,
        now=now - dt.timedelta(days=3),
    )
    _grant_bonus(session, user.account_id, now=now - dt.timedelta(days=2))
    _spend_some(session, user.account_id, now=now)
    return user


def _grant_bonus(session: Session, account_id: int, *, now: dt.datetime) -> None:
    operations.grant(
        session,
        account_id,
        kind="bonus",
        credits=60,
        key="seed:bonus",
        source_kind="seed",
        source_id="bonus",
        description="Referral bonus",
        expires_at=now + dt.timedelta(days=30),
        now=now,
    )


def _spend_some(session: Session, account_id: int, *, now: dt.datetime) -> None:
    meter = parts().catalog.main_meter
    if meter is None:
        return
    for number, (hours_ago, quantity) in enumerate(((40, 4), (22, 2), (3, 6)), start=1):
        then = now - dt.timedelta(hours=hours_ago)
        operations.spend(
            session,
            account_id,
            credits=cost_credits(meter, quantity),
            meter=meter.slug,
            quantity=quantity,
            key=f"seed:spend:{number}",
            now=then,
        )
