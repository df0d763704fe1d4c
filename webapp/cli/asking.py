"""What commands have in common: refusals as one sentence, and accounts by e-mail or number."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import click

from webapp.errors import Refusal
from webapp.extensions import db
from webapp.ledger.errors import UnknownAccount
from webapp.people.users import user_by_email


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Answer a refusal with its sentence on standard error and exit status 1."""
    try:
        yield
    except Refusal as refusal:
        click.echo(refusal.sentence, err=True)
        raise SystemExit(1) from None


def account_id_of(account: str) -> int:
    """The account of an e-mail, or the number itself. Raises UnknownAccount for an e-mail nobody has."""
    if account.isascii() and account.isdigit():
        return int(account)
    user = user_by_email(db.session(), account)
    if user is None:
        raise UnknownAccount(f"Nobody has the e-mail {account}.")
    return user.account_id


def moment(written: str | None, *, option: str) -> dt.datetime | None:
    """The instant that an option names; None where it isn't given."""
    try:
        return None if written is None else dt.datetime.fromisoformat(written)
    except ValueError:
        raise click.BadParameter("Write a time like 2026-12-31T23:00:00+01:00.", param_hint=option) from None
