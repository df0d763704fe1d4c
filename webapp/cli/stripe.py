"""`flask stripe`: bring Stripe to the catalogue, and show how to listen to its events."""

import shlex

import click
from flask.cli import AppGroup

from webapp.billing.errors import BillingRefusal, PaymentsOff, StripeDenied, StripeRefused, StripeUnreachable
from webapp.billing.gateway import API_VERSION, Gateway
from webapp.billing.stripe_objects import Price
from webapp.billing.sync import Synced, read_prices, store_prices, sync_catalog, sync_endpoint
from webapp.billing.webhooks import event_types
from webapp.extensions import end_reading, parts, transact
from webapp.orm import utc_now

WEBHOOK_PATH = "/api/stripe/webhook"

group = AppGroup("stripe", help="Products, Prices and webhooks at Stripe.")


@group.command("sync")
@click.option("--webhook", "webhook_url", metavar="URL", help=f"Make or update the endpoint at URL (…{WEBHOOK_PATH}).")
def sync(webhook_url: str | None) -> None:
    """Create or update Products and Prices from the catalogue; safe to run again, never deletes."""
    try:
        for synced in sync_now():
            click.echo(f"{synced.item.lookup_key}: {synced.did}")
        if webhook_url:
            _sync_webhook(webhook_url)
    except BillingRefusal as refusal:
        raise click.ClickException(_sentence(refusal)) from None


@group.command("listen")
def listen() -> None:
    """Print the Stripe CLI's command that forwards exactly our events to this application."""
    words = ["stripe", "listen", "--latest", "--events", ",".join(event_types())]
    click.echo(shlex.join([*words, "--forward-to", parts().settings.base_url + WEBHOOK_PATH]))


def sync_now() -> tuple[Synced, ...]:
    """Bring Stripe to the catalogue and store its Prices; what was done. Ends the request's read session.

    Raises PaymentsOff, StripeUnreachable, StripeRefused.
    """
    gateway = _gateway()
    done = sync_catalog(gateway, parts().catalog)
    _store(gateway, [synced.price for synced in done])
    return done


def refresh_prices() -> None:
    """Read the catalogue's Prices at Stripe and store them; changes nothing there. Raises as `sync_now`."""
    gateway = _gateway()
    _store(gateway, list(read_prices(gateway, parts().catalog)))


def _gateway() -> Gateway:
    gateway = parts().gateway
    if gateway is None:
        raise PaymentsOff
    end_reading()
    return gateway


def _store(gateway: Gateway, prices: list[Price]) -> None:
    transact(lambda session: store_prices(session, prices, stripe_mode=gateway.mode, now=utc_now()))


def _sync_webhook(url: str) -> None:
    endpoint, did = sync_endpoint(_gateway(), url, event_types())
    click.echo(f"{url}: {did} ({endpoint.id}, {len(endpoint.events)} events, {API_VERSION})")
    if endpoint.secret:
        click.echo(f"STRIPE_WEBHOOK_SECRET={endpoint.secret}")


def _sentence(refusal: BillingRefusal) -> str:
    if isinstance(refusal, StripeDenied):
        return "Stripe doesn't accept STRIPE_SECRET_KEY, or the key may not do this."
    if isinstance(refusal, StripeUnreachable):
        return "Stripe couldn't be reached. What was done so far stays; run this again."
    if isinstance(refusal, StripeRefused):
        return f"{refusal}."
    return refusal.sentence
