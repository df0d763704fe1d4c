"""Checks of what connects us to Stripe: mode, secrets, the endpoint there, prices, the clock."""

import datetime as dt
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select

from webapp.billing.errors import StripeDenied, StripeRefused, StripeUnreachable
from webapp.billing.gateway import API_VERSION
from webapp.billing.offers import offer_of, prices_by_lookup_key
from webapp.billing.queries import simulated_grants
from webapp.billing.stripe_objects import WebhookEndpoint
from webapp.billing.webhooks import event_types
from webapp.doctor.check import Look, State, counted
from webapp.extensions import end_reading
from webapp.orm import machine_now, utc_now

Found = tuple[State, str] | tuple[State, str, Mapping[str, Any]]

# Stripe's signatures are believed for 300 s; a clock that is out by a tenth of that should be set.
STRIPES = "Stripe's"
CLOCK_WARN, CLOCK_BAD = dt.timedelta(seconds=30), dt.timedelta(seconds=240)


def mode(look: Look) -> Found:
    """Which Stripe is behind the Buy button, and whether that fits where we run."""
    facts = {"mode": look.mode, "app_env": look.settings.app_env}
    if look.mode == "off":
        return "warn", "Payments are off: nothing can be bought. Set STRIPE_SECRET_KEY.", facts
    if look.mode == "simulated":
        return "ok", "Stripe is simulated: no money moves.", facts
    if look.mode == "test" and look.settings.is_production:
        return "warn", "Production runs with a test key: no money moves.", facts
    if look.mode == "live" and not look.settings.is_production:
        return "warn", "A live key is in use and APP_ENV is not production: real money moves.", facts
    return "ok", "Live mode: real money." if look.mode == "live" else "Test mode: no money moves.", facts


def webhook_secret(look: Look) -> Found:
    """Whether a signing secret is there to believe webhooks by. It is counted and never shown."""
    secrets = look.settings.webhook_secrets
    facts = {"secrets": len(secrets)}
    if not secrets and look.is_real:
        do = f"`flask stripe sync --webhook {look.webhook_url}` shows one"
        return "bad", f"STRIPE_WEBHOOK_SECRET is not set, so every webhook is refused: {do}.", facts
    if any(not secret.startswith("whsec_") for secret in secrets):
        return "warn", "STRIPE_WEBHOOK_SECRET has something that is no signing secret: those begin with whsec_.", facts
    return "ok", counted(len(secrets), "signing secret is set.", "signing secrets are set."), facts


def webhook_endpoint(look: Look) -> Found:
    """Whether Stripe has an endpoint of exactly our address that tells exactly our events in our version."""
    if look.gateway is None or not look.is_real:
        return "ok", "No endpoint is needed: there is no real Stripe."
    end_reading()
    try:
        endpoints = look.gateway.webhook_endpoints()
    except (StripeUnreachable, StripeRefused) as error:
        return not_asked(error)
    ours = [endpoint for endpoint in endpoints if endpoint.url == look.webhook_url]
    facts = {"address": look.webhook_url, "endpoints": [_told(endpoint) for endpoint in endpoints]}
    return (*_of_endpoints(look, ours), facts)


def prices(look: Look) -> Found:
    """Whether every active pack has a Price at Stripe that says what the catalogue says; as last read."""
    packs = [pack for pack in look.catalog.packs if pack.is_active]
    held = prices_by_lookup_key(look.session, look.mode, [pack.lookup_key for pack in packs])
    plans = {plan.slug: plan for plan in look.catalog.plans}
    offered = {
        pack.slug: offer_of(
            pack,
            look.catalog,
            plan=plans.get(pack.plan_slug or ""),
            price=held.get(pack.lookup_key),
            stripe_mode=look.mode,
        )
        for pack in packs
    }
    faults = {slug: offer.reason for slug, offer in offered.items() if offer.state == "unavailable"}
    if look.mode == "off":
        return "ok", "Payments are off, so no price is compared."
    if faults:
        first = next(iter(faults.values()))
        return "bad", f"{counted(len(faults), 'pack', 'packs')} can't be bought. {first}", {"packs": faults}
    return "ok", f"All {counted(len(packs), 'pack has its Price', 'packs have their Prices')} at Stripe."


def clock(look: Look) -> Found:
    """Whether our clock agrees with Stripe's; where Stripe isn't asked, with the database's."""
    theirs, whose = _their_time(look)
    if theirs is None:
        return "ok", "There is no other clock to compare ours with."
    ours = utc_now() if whose == STRIPES else machine_now()  # a simulated Stripe's may be moved, and `utc_now` follows
    away = abs(ours - theirs)
    facts = {"seconds": round(away.total_seconds()), "compared_with": whose}
    if away < CLOCK_WARN:
        return "ok", f"Our clock agrees with {whose}.", facts
    words = f"Our clock is {facts['seconds']} s away from {whose}: set it by NTP."
    return "bad" if away > CLOCK_BAD else "warn", f"{words} Webhooks are believed for 300 s.", facts


def simulated(look: Look) -> Found:
    """Whether credits that nobody paid for stand beside real money."""
    if not look.is_real:
        return "ok", "There is no real money that simulated grants could stand beside."
    found = simulated_grants(look.session)
    if not found:
        return "ok", "No purchase of this database was paid in simulation."
    words = (
        f"{counted(found, 'purchase was', 'purchases were')} paid in simulation: nobody gave money for their credits."
    )
    return "bad" if look.mode == "live" else "warn", words, {"purchases": found}


def _of_endpoints(look: Look, ours: list[WebhookEndpoint]) -> tuple[State, str]:
    enabled = [endpoint for endpoint in ours if endpoint.status == "enabled"]
    if enabled:
        return _of_enabled(look, enabled)
    if ours:
        return "bad", f"The webhook endpoint {ours[0].id} is {ours[0].status}: enable it in Stripe's dashboard."
    if _is_local(look.webhook_url):
        return "warn", "Stripe can't reach an address of this machine: run what `flask stripe listen` prints."
    words = f"Stripe has no webhook endpoint for this server: its address must be {look.webhook_url}"
    return "bad", f"{words} and `flask stripe sync --webhook {look.webhook_url}` makes it."


def _of_enabled(look: Look, enabled: list[WebhookEndpoint]) -> tuple[State, str]:
    told = {event for endpoint in enabled for event in endpoint.events}
    untold = [] if "*" in told else sorted(set(event_types()) - told)
    if untold:
        again = f"`flask stripe sync --webhook {look.webhook_url}` adds them"
        return "bad", f"Stripe doesn't tell us {', '.join(untold)}: {again}."
    if all(endpoint.api_version != API_VERSION for endpoint in enabled):
        version = enabled[0].api_version or "the account's default"
        return (
            "warn",
            f"The endpoint's API version is {version}, ours is {API_VERSION}: it works, sync makes a new one.",
        )
    if len(enabled) > 1:
        return (
            "warn",
            f"{len(enabled)} endpoints have our address, so each event comes {len(enabled)} times: disable one.",
        )
    return "ok", f"The endpoint {enabled[0].id} tells all {len(event_types())} events."


def _told(endpoint: WebhookEndpoint) -> dict[str, Any]:
    facts = {"id": endpoint.id, "url": endpoint.url, "status": endpoint.status}
    return facts | {"api_version": endpoint.api_version, "events": len(endpoint.events)}


def not_asked(error: StripeUnreachable | StripeRefused) -> Found:
    """What a check says that Stripe had no answer for."""
    if isinstance(error, StripeDenied):
        return "bad", "Stripe doesn't accept STRIPE_SECRET_KEY, or the key may not read this."
    if isinstance(error, StripeUnreachable):
        return "bad", "Stripe couldn't be reached."
    return "bad", f"{error}."


def _their_time(look: Look) -> tuple[dt.datetime | None, str]:
    if look.gateway is not None:
        end_reading()
        try:
            at = look.gateway.clock()
        except (StripeUnreachable, StripeRefused):
            at = None  # another check says so
        if at is not None:
            return at, STRIPES
    if look.session.get_bind().dialect.name != "postgresql":
        return None, ""
    return look.session.scalar(select(func.clock_timestamp())), "the database's"


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".test"))
