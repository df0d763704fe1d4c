"""`flask credits`: give, take, look at and check credits from the command line."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict

import click
from flask.cli import AppGroup

from webapp.cli.asking import account_id_of, in_one_sentence, moment
from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations, queries
from webapp.ledger.facts import Posted
from webapp.ledger.models import GRANT_KINDS
from webapp.ledger.queries import Balance
from webapp.ledger.verify import Report, read_at_one_instant
from webapp.ledger.verify import verify as verify_ledger
from webapp.orm import utc_now

ACCOUNTS_AT_ONCE = 500

group = AppGroup("credits", help="Give, take, look at and check credits. ACCOUNT is an e-mail or an account's number.")


@group.command("grant")
@click.argument("account")
@click.argument("credits", type=int)
@click.option("--kind", type=click.Choice(GRANT_KINDS), default="bonus", show_default=True)
@click.option("--reason", default="", help="The line in the account's history.")
@click.option("--expires-at", metavar="TIME", help="Like 2026-12-31T23:00:00+01:00; never, if not given.")
@click.option("--key", help="The same key grants once, however often it is sent.")
@in_one_sentence()
def grant(account: str, credits: int, kind: str, reason: str, expires_at: str | None, key: str | None) -> None:
    """Give CREDITS to ACCOUNT."""
    account_id, ends_at, key = (
        account_id_of(account),
        moment(expires_at, option="--expires-at"),
        key or str(uuid.uuid4()),
    )
    now = utc_now()
    posted = transact(
        lambda session: operations.grant(
            session,
            account_id,
            kind=kind,
            credits=credits,
            key=f"cli:{key}",
            source_kind="cli",
            source_id=key,
            description=reason,
            expires_at=ends_at,
            actor_kind="operator",
            now=now,
        )
    )
    click.echo(_posted_text("Granted", posted))


@group.command("spend")
@click.argument("account")
@click.argument("credits", type=int)
@click.option("--description", default="", help="The line in the account's history.")
@click.option("--key", help="The same key spends once, however often it is sent.")
@in_one_sentence()
def spend(account: str, credits: int, description: str, key: str | None) -> None:
    """Take CREDITS from ACCOUNT, in burn order."""
    account_id, key, now = account_id_of(account), key or str(uuid.uuid4()), utc_now()
    posted = transact(
        lambda session: operations.spend(
            session,
            account_id,
            credits=credits,
            key=f"cli:{key}",
            description=description,
            actor_kind="operator",
            now=now,
        )
    )
    click.echo(_posted_text("Spent", posted))


@group.command("balance")
@click.argument("account")
@click.option("--as-of", metavar="TIME", help="Like 2026-11-01T00:00:00Z: what it had then. Now, if not given.")
@click.option("--json", "as_json", is_flag=True, help="Every fact, as JSON.")
@in_one_sentence()
def balance(account: str, as_of: str | None, *, as_json: bool) -> None:
    """Show what ACCOUNT has, or had, lot by lot, in the order in which they are used."""
    account_id, at = account_id_of(account), moment(as_of, option="--as-of")
    if at is None:
        found = queries.balance(db.session(), account_id, now=utc_now())
    else:
        found = queries.balance_as_of(db.session(), account_id, at=at)
    click.echo(json.dumps(asdict(found), default=dt.datetime.isoformat) if as_json else _balance_text(found))


@group.command("expire")
@click.argument("account", required=False)
@in_one_sentence()
def expire(account: str | None) -> None:
    """Write the entries of lots and holds whose time is over: of ACCOUNT, or of all."""
    now = utc_now()
    if account is not None:
        written = _expire(account_id_of(account), now)
    else:
        written = sum(_expire(account_id, now) for account_id in _due(now))
    click.echo(f"Entries written: {written}.")


@group.command("verify")
@click.argument("account", required=False)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@in_one_sentence()
def verify(account: str | None, *, as_json: bool) -> None:
    """Check ACCOUNT, or the whole ledger, against itself. Exit status 1 when something is wrong; repairs nothing."""
    account_id = None if account is None else account_id_of(account)
    end_reading()
    session = db.session()
    read_at_one_instant(session)
    report = verify_ledger(session, account_id, now=utc_now())
    click.echo(json.dumps(asdict(report), default=dt.datetime.isoformat) if as_json else _report_text(report))
    if report.faults:
        raise SystemExit(1)


def _expire(account_id: int, now: dt.datetime) -> int:
    return len(transact(lambda session: operations.expire(session, account_id, now=now)))


def _due(now: dt.datetime) -> Iterator[int]:
    while due := queries.accounts_due(db.session(), now=now, limit=ACCOUNTS_AT_ONCE):
        yield from due


def _posted_text(done: str, posted: Posted) -> str:
    again = " before; nothing new was written" if posted.replayed else ""
    entry = posted.entry
    return f"{done} {abs(entry.credits):,}{again} (entry {entry.seq}). Available: {posted.available:,}."


def _balance_text(found: Balance) -> str:
    lots = [
        f"  {lot.credits:,} {lot.kind} (entry {lot.grant}), "
        + ("never expires" if lot.expires_at is None else f"until {lot.expires_at:%Y-%m-%d %H:%M} UTC")
        for lot in found.lots
    ]
    parts = (("Available", found.available), ("On hold", found.held), ("Frozen", found.frozen), ("Debt", found.debt))
    numbers = [f"{name}: {number:,}" for name, number in parts if number or name == "Available"]
    return "\n".join([f"Account {found.account_id}", *numbers, *lots])


def _report_text(report: Report) -> str:
    checked = f"Checked accounts: {report.accounts:,}, entries: {report.entries:,}."
    if not report.faults:
        return f"{checked} Everything adds up."
    more = [] if report.is_complete else ["There are more: each rule shows its first 100."]
    return "\n".join([*(fault.sentence for fault in report.faults), *more, f"{checked} Faults: {len(report.faults)}."])
