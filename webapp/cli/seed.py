"""`flask seed`: a demo user with two months of history, so that a fresh clone has something to look at."""

import datetime as dt

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.catalog import Pack
from webapp.cli.demo_days import DAYS, DemoUse, demo_uses
from webapp.errors import Refusal
from webapp.extensions import parts, transact
from webapp.ledger import operations
from webapp.orm import utc_now
from webapp.people.keyring import create_key
from webapp.people.models import User
from webapp.people.users import register, user_by_email

DEMO_EMAIL = "demo@example.com"
BONUS_WORTH_MINOR = 750
PACK_LASTS_DAYS = 14
KEY_NAMES = ("Production", "Staging")
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


def seed(session: Session, *, days: int = DAYS, now: dt.datetime) -> User:
    """Make the demo user with `days` of grants and spends; the same user again if there is one.

    Every credit goes through the ledger's own operations, at the moments at which it might have. Raises DemoRefused in
    production and with live Stripe keys.
    """
    if parts().settings.is_production or parts().settings.payments == "live":
        raise DemoRefused("The demo user is refused in production and with live keys: its password is public.")
    found = user_by_email(session, DEMO_EMAIL)
    if found is not None:
        return found
    began_at = now - dt.timedelta(days=days + 1)
    welcome_credits = parts().catalog.welcome_credits
    user = register(
        session,
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        name="Demo",
        welcome_credits=welcome_credits,
        now=began_at,
    )
    key_ids = [_key_id(session, user.account_id, name, now=began_at) for name in KEY_NAMES]
    _live(session, user.account_id, key_ids, welcome_credits, demo_uses(parts().catalog, days=days, now=now), now=now)
    return user


def _live(
    session: Session,
    account_id: int,
    key_ids: list[int],
    available: int,
    meant: list[DemoUse],
    *,
    now: dt.datetime,
) -> None:
    """Spend day by day. Two days ago came a bonus."""
    unit = parts().catalog.unit
    bonus_at = now - dt.timedelta(days=2)
    bonus = max(1, BONUS_WORTH_MINOR * unit.worth_credits // unit.worth_minor)
    uses = list(enumerate(meant, start=1))
    pack = _usual_pack(meant)
    earlier = [(number, use) for number, use in uses if use.at < bonus_at]
    available = _spend_all(session, account_id, earlier, key_ids, pack, available)
    _grant(session, account_id, "bonus", bonus, "Referral bonus", name="bonus", lasts_days=30, now=bonus_at)
    _spend_all(session, account_id, uses[len(earlier) :], key_ids, pack, available + bonus)


def _spend_all(
    session: Session,
    account_id: int,
    uses: list[tuple[int, DemoUse]],
    key_ids: list[int],
    pack: Pack | None,
    available: int,
) -> int:
    """Spend what was used, with a pack whenever what is left doesn't suffice. Answers what is left in the end."""
    for number, use in uses:
        while available < use.credits:
            kind, given, words = _topped_up(pack, use)
            _grant(session, account_id, kind, given, words, name=f"{number}:{available}", now=use.at)
            available += given
        key_id = 0 if number % 7 == 0 else key_ids[number % 5 == 0]
        _spend(session, account_id, use, key=f"seed:spend:{number}", key_id=key_id)
        available -= use.credits
    return available


def _topped_up(pack: Pack | None, use: DemoUse) -> tuple[str, int, str]:
    """What comes when credits have run out: kind, credits and words."""
    return ("purchased", pack.credits, f"{pack.name} pack") if pack else ("gift", use.credits, "Demo credits")


def _usual_pack(uses: list[DemoUse]) -> Pack | None:
    """The smallest pack for everybody that lasts two weeks, else the largest; None where there is no pack."""
    packs = [pack for pack in parts().catalog.packs if pack.is_active and pack.audience == "anyone"]
    needed = sum(use.credits for use in uses) * PACK_LASTS_DAYS // DAYS
    by_size = sorted(packs, key=lambda pack: pack.credits)
    return next((pack for pack in by_size if pack.credits >= needed), by_size[-1] if by_size else None)


def _key_id(session: Session, account_id: int, name: str, *, now: dt.datetime) -> int:
    """Make a key whose secret nobody ever sees: its name is what usage is told by."""
    key, _ = create_key(session, account_id=account_id, name=name, scopes=("read", "spend"), now=now)
    return key.id


def _grant(
    session: Session,
    account_id: int,
    kind: str,
    credits: int,
    words: str,
    *,
    name: str,
    lasts_days: int | None = None,
    now: dt.datetime,
) -> None:
    operations.grant(
        session,
        account_id,
        kind=kind,
        credits=credits,
        key=f"seed:grant:{name}",
        source_kind="seed",
        source_id=name,
        description=words,
        expires_at=now + dt.timedelta(days=lasts_days) if lasts_days else None,
        now=now,
    )


def _spend(session: Session, account_id: int, use: DemoUse, *, key: str, key_id: int) -> None:
    operations.spend(
        session,
        account_id,
        credits=use.credits,
        meter=use.meter.slug,
        quantity=use.quantity,
        key=key,
        key_id=key_id,
        now=use.at,
    )
