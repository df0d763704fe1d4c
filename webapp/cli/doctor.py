"""`flask doctor`: what is wrong with this installation, and what to do."""

import json
import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from webapp.doctor.check import Check
from webapp.doctor.run import all_checks

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Check every balance of the ledger, however long it takes.")
@click.option("--json", "as_json", is_flag=True, help="Every check with its facts, as JSON.")
@with_appcontext
def command(*, deep: bool, as_json: bool) -> None:
    """Look at keys, webhooks, prices, payments, migrations, worker and ledger. Exit status 1 when something is bad."""
    found: list[Check] = []
    for check in all_checks(is_deep=deep):
        found.append(check)
        if not as_json:
            click.echo(f"{click.style(f'{check.state:4}', fg=COLOURS[check.state])}  {check.name:15} {check.sentence}")
    if as_json:
        click.echo(json.dumps([asdict(check) for check in found], default=str))
    if any(check.state == "bad" for check in found):
        sys.exit(1)
