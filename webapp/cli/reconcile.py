"""`flask stripe reconcile` and `flask stripe replay`: what never came, and what shall come again."""

import datetime as dt
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.billing.errors import BillingRefusal
from webapp.billing.reconcile.models import Reconciliation, ReconciliationFinding
from webapp.billing.reconcile.records import COUNTED, findings_of, waiting_findings
from webapp.cli.asking import moment
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.web.reconcile import Progress, reconcile
from webapp.web.reconcile.replay import replay
from webapp.web.reconcile.words import finding_sentence, stripe_sentence

SAY_EVERY_SECONDS = 2.0
SHOWN_AT_MOST = 100
STOPPED = {
    "StripeUnreachable": "Stripe couldn't be reached. What was done so far stays; run this again.",
    "StripeDenied": "Stripe doesn't accept STRIPE_SECRET_KEY, or the key may not read this.",
}


@click.command("reconcile")
@click.option("--since", metavar="TIME", help="Like 2026-11-01T00:00:00Z. Where the last run ended, if not given.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@with_appcontext
def reconcile_command(since: str | None, *, as_json: bool) -> None:
    """Compare what Stripe has with what we have, make whole what differs, and report it. Safe to run at any time.

    Exit status 1 when something couldn't be looked at. Progress is on standard error.
    """
    teller, begins = Teller(), moment(since, option="--since")
    if begins is not None and begins.tzinfo is None:
        begins = begins.replace(tzinfo=dt.UTC)
    try:
        report = reconcile(started_by="command", now=utc_now(), since=begins, tell=teller.tell)
    except BillingRefusal as refusal:
        raise click.ClickException(stripe_sentence(refusal)) from None
    found = findings_of(db.session(), report.id)
    waiting = [one for one in waiting_findings(db.session()) if one.reconciliation_id != report.id]
    if as_json:
        click.echo(json.dumps(_facts(report, found, waiting), default=dt.datetime.isoformat))
    else:
        still = [f"still waiting: {_told(one)}" for one in waiting[:SHOWN_AT_MOST]]
        click.echo("\n".join([_text(report, found), *still]))
    if report.state == "stopped":
        raise click.ClickException(STOPPED.get(report.reason, f"It stopped: {report.reason}. The log says more."))
    if report.failed:
        raise click.ClickException(f"{report.failed:,} couldn't be looked at; the log says why. Run this again.")


@click.command("replay")
@click.argument("event_id")
@with_appcontext
def replay_command(event_id: str) -> None:
    """Take the event EVENT_ID in again: as it is stored, else as Stripe still has it. A handled one changes nothing."""
    try:
        outcome = replay(event_id)
    except BillingRefusal as refusal:
        raise click.ClickException(stripe_sentence(refusal)) from None
    click.echo(f"{event_id}: {outcome.state} ({outcome.reason}).")


@dataclass
class Teller:
    """Says how far a run is: each day at its beginning, and within one every two seconds."""

    day: dt.datetime | None = None
    said_at: float = 0.0

    def tell(self, progress: Progress) -> None:
        """Say it, if it is time to."""
        if progress.at == self.day and time.monotonic() < self.said_at + SAY_EVERY_SECONDS:
            return
        self.day, self.said_at = progress.at, time.monotonic()
        words = f"{progress.at:%Y-%m-%d} ({progress.share:.0%}): {_counted(Counter(progress.counts))}"
        click.echo(words, file=sys.stderr)


def _text(report: Reconciliation, found: list[ReconciliationFinding]) -> str:
    since, until = (f"{at:%Y-%m-%d %H:%M}" for at in (report.since_at, report.started_at))
    looked = Counter({name: getattr(report, name) for name in COUNTED})
    events = Counter(finding.kind for finding in found if finding.object_kind == "event")
    told = [finding for finding in found if finding.object_kind != "event"]
    lines = [f"Looked at Stripe from {since} to {until} UTC: {_counted(looked)}."]
    lines += [_line(finding) for finding in told[:SHOWN_AT_MOST]]
    lines += [f"… and {len(told) - SHOWN_AT_MOST:,} more (--json has all)."] if len(told) > SHOWN_AT_MOST else []
    lines += [f"{events['missing']:,} events that never came were taken in."] if events["missing"] else []
    lines += [f"{events['differs']:,} events that had failed were taken in."] if events["differs"] else []
    return "\n".join([*lines] if found else [*lines, "Nothing differs."])


def _line(finding: ReconciliationFinding) -> str:
    return f"{finding.kind}: {_told(finding)}"


def _told(finding: ReconciliationFinding) -> str:
    of_purchase = f", purchase {finding.purchase_id}" if finding.purchase_id else ""
    whose = (
        f" Account {finding.account_id}{of_purchase}." if finding.account_id and finding.object_kind != "event" else ""
    )
    person = " It needs a person." if finding.needs_person else ""
    return f"{finding_sentence(finding)} {finding.object_id}.{whose}{person}"


def _counted(counts: Counter[str]) -> str:
    kinds = ("checkouts", "purchases", "refunds", "disputes", "subscriptions", "events")
    return ", ".join(f"{counts[kind]:,} {kind if counts[kind] != 1 else kind[:-1]}" for kind in kinds)


def _facts(
    report: Reconciliation, found: list[ReconciliationFinding], waiting: list[ReconciliationFinding]
) -> dict[str, Any]:
    names = ("id", "stripe_mode", "state", "reason", "since_at", "reached_at", "started_at", "finished_at", *COUNTED)
    rows = {"found": [_row(finding) for finding in found], "still_waiting": [_row(finding) for finding in waiting]}
    return {name: getattr(report, name) for name in names} | rows


def _row(finding: ReconciliationFinding) -> dict[str, Any]:
    kept = (
        "kind",
        "object_kind",
        "object_id",
        "account_id",
        "purchase_id",
        "expected",
        "found",
        "done",
        "needs_person",
    )
    return {name: getattr(finding, name) for name in kept}
