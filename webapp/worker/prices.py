"""Keep what we know of Stripe's Prices true: one may have been changed or archived in Stripe's dashboard."""

import datetime as dt

from webapp.extensions import parts
from webapp.web.prices import refresh_prices
from webapp.worker.sweeps import Swept


def sweep_prices(_now: dt.datetime) -> Swept:
    """Read the catalogue's Prices at Stripe; a pack whose Price differs can't be bought from then on."""
    if parts().gateway is None:
        return Swept()
    return Swept(settled=refresh_prices())
