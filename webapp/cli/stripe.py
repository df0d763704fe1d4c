"""`flask stripe`: bring Stripe to the catalogue, listen to its events, and find what never came."""

import shlex

import click
from flask.cli import AppGroup

from webapp.billing.errors import BillingRefusal
from webapp.billing.gateway import API_VERSION
from webapp.billing.queries import quarantined
from webapp.billing.sync import sync_endpoint
from webapp.billing.webhooks import event_types
from webapp.cli.reconcile import reconcile_command, replay_command
from webapp.extensions import db, parts
from webapp.web.inbox import WEBHOOK_PATH
from webapp.web.prices import gateway_or_refusal, sync_now
from webapp.web.reconcile.words import stripe_sentence

group = AppGroup("stripe", help="Products, Prices and webhooks at Stripe.")
group.add_command(reconcile_command)
group.add_command(replay_command)


@group.command("sync")
@click.option("--webhook", "webhook_url", metavar="URL", help=f"Make or update the endpoint at URL (…{WEBHOOK_PATH}).")
def sync(webhook_url: str | None) -> None:
    """Make or update Products, Prices and the customer portal from the catalogue; safe to run again, never deletes."""
    try:
        done = sync_now()
        for synced in done.prices:
            click.echo(f"{synced.item.lookup_key}: {synced.did}")
        if done.portal:
            click.echo(f"customer portal: {done.portal}")
        if webhook_url:
            _sync_webhook(webhook_url)
    except BillingRefusal as refusal:
        raise click.ClickException(stripe_sentence(refusal)) from None


@group.command("listen")
def listen() -> None:
    """Print the Stripe CLI's command that forwards exactly our events to this application."""
    words = ["stripe", "listen", "--latest", "--events", ",".join(event_types())]
    click.echo(shlex.join([*words, "--forward-to", parts().settings.base_url + WEBHOOK_PATH]))


@group.command("quarantined")
def list_quarantined() -> None:
    """List the payments that differ from what was asked for, with what differs; nothing was granted for them."""
    for purchase in quarantined(db.session()):
        click.echo(f"{purchase.reference} account {purchase.account_id} {purchase.session_id} {purchase.id}")
        for what, seen in (purchase.differences or {}).items():
            click.echo(f"  {what}: expected {seen['expected']!r}, found {seen['found']!r}")


def _sync_webhook(url: str) -> None:
    endpoint, did = sync_endpoint(gateway_or_refusal(), url, event_types())
    click.echo(f"{url}: {did} ({endpoint.id}, {len(endpoint.events)} events, {API_VERSION})")
    if endpoint.secret:
        click.echo(f"STRIPE_WEBHOOK_SECRET={endpoint.secret}")
