"""The only `import stripe`: calls in, frozen facts and our own errors out. No SDK object leaves this folder.

Nobody may hold a transaction or a connection while calling it. Rules of the calls: our own idempotency key on whatever
makes something, 3 s to connect and 10 s to read, no retries but one when a checkout is opened.
"""

from typing import cast

import stripe

from webapp.billing.gateway.calls import Mode
from webapp.billing.gateway.payments import MoneyKind, Payments, Span
from webapp.billing.gateway.plans import Plans
from webapp.billing.gateway.shelf import API_VERSION, Shelf
from webapp.billing.gateway.told import Told, verified_event
from webapp.settings import Settings

__all__ = ["API_VERSION", "Gateway", "Mode", "MoneyKind", "Span", "build_gateway", "verified_event"]

TIMEOUT_SECONDS = (3.05, 10)  # connect, read
SIMULATED_KEY = "sk_test_simulated"


class Gateway(Payments, Plans, Shelf, Told):
    """Stripe, through one key."""


def build_gateway(settings: Settings, http_client: object | None = None) -> Gateway | None:
    """The gateway these settings ask for; None while payments are off.

    `http_client` (a `stripe.HTTPClient`) stands in for the network: the simulated Stripe's seam.
    """
    mode = settings.payments
    if mode == "off":
        return None
    if mode == "simulated" and http_client is None:
        raise ValueError("The simulated Stripe needs its HTTP client: there is no server behind its key.")
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else SIMULATED_KEY
    client = stripe.StripeClient(
        key,
        http_client=cast("stripe.HTTPClient", http_client or stripe.RequestsClient(timeout=TIMEOUT_SECONDS)),
        base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
        max_network_retries=0,
    )
    return Gateway(client, mode)
