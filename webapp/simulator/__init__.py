"""A simulated Stripe for development and tests, behind the SDK's own HTTP seam. Imported in simulated mode only.

The application talks to it exactly as to Stripe: through `stripe.StripeClient`, and by signed webhooks. It knows
nothing of purchases, accounts or credits, and nothing outside this package knows that it is there but `create_app`.
"""

from functools import partial
from pathlib import Path

from flask import Flask

from webapp.orm import run_ahead
from webapp.settings import Settings
from webapp.simulator.calls import Site
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.events import Sending
from webapp.simulator.moving import simulated_time
from webapp.simulator.portal import pages as portal_pages

__all__ = ["Sending", "SimulatedHTTPClient", "build_http_client", "register"]


def build_http_client(settings: Settings, instance_path: str | Path) -> SimulatedHTTPClient:
    """The simulated Stripe of these settings; its file lies in the instance folder unless the path is absolute."""
    present, *older = settings.webhook_secrets or (None,)
    site = Site(base_url=settings.base_url, brand_name=settings.brand_name)
    path = Path(instance_path) / settings.simulator_path
    return SimulatedHTTPClient(path, site=site, webhook_secret=present, old_secret=older[0] if older else None)


def register(app: Flask, client: SimulatedHTTPClient) -> None:
    """Add the pages under `/_stripe/`, and start the delivery thread with the first request that is served.

    Not in tests and not on the command line: there nobody waits for a webhook, and a test wants to send it itself.
    """
    app.extensions["simulator"] = client
    app.jinja_env.globals["simulated_time"] = partial(simulated_time, client)
    run_ahead(client.clock.shift)
    app.register_blueprint(portal_pages.blueprint)

    @app.before_request
    def start_courier() -> None:
        if not app.testing:
            client.courier.start()
