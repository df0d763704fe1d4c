"""Stripe's Prices, at the edge: bring them to the catalogue, or read them; then store what Stripe said.

Never a call to Stripe inside a transaction.
"""

from dataclasses import dataclass

from webapp.billing.errors import PaymentsOff
from webapp.billing.gateway import Gateway
from webapp.billing.stripe_objects import Price
from webapp.billing.subscriptions.portal_settings import sync_portal
from webapp.billing.sync import Synced, read_prices, store_prices, sync_catalog
from webapp.extensions import end_reading, parts, transact
from webapp.orm import utc_now


@dataclass(frozen=True, slots=True)
class Done:
    """What a sync did: to each Price, and to the customer portal, '' where there is no plan."""

    prices: tuple[Synced, ...]
    portal: str


def sync_now() -> Done:
    """Bring Stripe to the catalogue and store its Prices; what was done. Ends the request's read session.

    Raises PaymentsOff, StripeUnreachable, StripeRefused.
    """
    gateway = gateway_or_refusal()
    done = sync_catalog(gateway, parts().catalog)
    prices = [synced.price for synced in done]
    _store(gateway, prices)
    return Done(done, sync_portal(gateway, parts().catalog, prices))


def refresh_prices() -> int:
    """Read the catalogue's Prices at Stripe and store them; how many. Changes nothing there. Raises as `sync_now`."""
    gateway = gateway_or_refusal()
    prices = list(read_prices(gateway, parts().catalog))
    _store(gateway, prices)
    return len(prices)


def gateway_or_refusal() -> Gateway:
    """The Stripe behind this application, the read session ended before it is asked. Raises PaymentsOff."""
    gateway = parts().gateway
    if gateway is None:
        raise PaymentsOff
    end_reading()
    return gateway


def _store(gateway: Gateway, prices: list[Price]) -> None:
    transact(lambda session: store_prices(session, prices, stripe_mode=gateway.mode, now=utc_now()))
