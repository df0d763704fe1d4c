"""`flask keys`: make, list, renew and revoke API keys. A new secret stands alone on standard output, for pipes."""

import datetime as dt
from collections.abc import Iterable

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from webapp.cli.asking import account_id_of, in_one_sentence
from webapp.errors import Refusal
from webapp.extensions import db, transact
from webapp.orm import utc_now
from webapp.people.keyring import (
    LONGEST_OVERLAP,
    USUAL_OVERLAP,
    KeyLine,
    all_keys,
    any_key,
    create_key,
    renew_key,
    revoke_any_key,
)
from webapp.people.models import SCOPES, ApiKey

HOUR = dt.timedelta(hours=1)


class OneOwner(Refusal):
    """A key is an account's or a service key, and the command names neither or both."""

    code = "one_owner"


group = AppGroup("keys", help="API keys: of accounts, and the product's own service keys.")


@group.command("create")
@click.option("--account", metavar="EMAIL|NUMBER", help="Whose key: it acts for this account alone.")
@click.option("--service", is_flag=True, help="A service key, which acts for the account that each request names.")
@click.option("--scopes", help=f"What it may do: {','.join(SCOPES)}, or some of them. A service key may do all of it.")
@click.option("--name", default="Command line", show_default=True, help="What it is called in lists.")
@in_one_sentence()
def create(account: str | None, *, service: bool, scopes: str | None, name: str) -> None:
    """Make a key and print its secret, which is never shown again."""
    if service == (account is not None):
        raise OneOwner("Say whose key it is: --account EMAIL or --service.")
    account_id = None if account is None else account_id_of(account)
    asked = _words(",".join(SCOPES) if service and scopes is None else scopes or "")
    now = utc_now()

    def work(session: Session) -> tuple[ApiKey, str]:
        return create_key(session, account_id=account_id, name=name, scopes=asked, now=now)

    key, secret = transact(work)
    whose = "service key" if account_id is None else f"key of account {account_id}"
    click.echo(f"Made key {key.id} “{key.name}”, {whose}, may {key.scopes}. It is shown this once:", err=True)
    click.echo(secret)


@group.command("list")
@click.option("--account", metavar="EMAIL|NUMBER", help="Only the keys of this account.")
@click.option("--service", is_flag=True, help="Only service keys.")
@in_one_sentence()
def list_keys(account: str | None, *, service: bool) -> None:
    """List keys, living and revoked, the newest first: number, beginning of the secret, owner, scopes, use, name."""
    if service and account is not None:
        raise OneOwner("Say --account EMAIL or --service, not both.")
    lines = all_keys(db.session(), now=utc_now())
    if service or account is not None:
        owner = None if account is None else account_id_of(account)
        lines = [line for line in lines if line.account_id == owner]
    for line in lines:
        click.echo(_line_text(line))
    if not lines:
        click.echo("No keys.", err=True)


@group.command("revoke")
@click.argument("number", type=int)
@in_one_sentence()
def revoke(number: int) -> None:
    """Let the key with this NUMBER open nothing from now on, with every secret it has."""
    now = utc_now()

    name = transact(lambda session: revoke_any_key(session, number, now=now).name)
    click.echo(f"Revoked key {number} “{name}”.")


@group.command("rotate")
@click.argument("number", type=int)
@click.option("--overlap-hours", type=int, default=USUAL_OVERLAP // HOUR, show_default=True,
              help=f"How long the old secret lives on, 0 to {LONGEST_OVERLAP // HOUR}.")  # fmt: skip
@in_one_sentence()
def rotate(number: int, overlap_hours: int) -> None:
    """Give the key with this NUMBER a new secret, and print it. The old one ends after the overlap."""
    now = utc_now()
    overlap = dt.timedelta(hours=max(-1, min(overlap_hours, 1 + LONGEST_OVERLAP // HOUR)))  # beyond is refused alike
    secret = transact(lambda session: renew_key(session, any_key(session, number), overlap=overlap, now=now))
    end = f"ends at {now + overlap:%Y-%m-%d %H:%M} UTC" if overlap else "has ended"
    click.echo(f"Renewed key {number}; its old secret {end}. The new one is shown this once:", err=True)
    click.echo(secret)


def _words(scopes: str) -> Iterable[str]:
    return [word.strip() for word in scopes.split(",") if word.strip()]


def _line_text(line: KeyLine) -> str:
    owner = "service" if line.account_id is None else f"account {line.account_id}"
    used = "never used" if line.last_used_at is None else f"used {line.last_used_at:%Y-%m-%d %H:%M}"
    states = (
        line.revoked_at and f"revoked {line.revoked_at:%Y-%m-%d %H:%M}",
        line.revoked_at is None and line.old_ends_at and f"old secret until {line.old_ends_at:%Y-%m-%d %H:%M}",
    )
    facts = (owner, ",".join(line.scopes), used, *filter(None, states), line.name)
    return f"{line.id}  {line.prefix}…  " + "  ".join(str(fact) for fact in facts)
