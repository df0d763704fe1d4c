"""Settle purchases nobody settled: the webhook never came, the tab was closed, or we ended between two steps."""

import datetime as dt

from webapp.billing.models import Purchase
from webapp.extensions import parts
from webapp.web.checkout import ask_about
from webapp.worker.rounds import ask_about_due
from webapp.worker.sweeps import Swept


def sweep_purchases(now: dt.datetime) -> Swept:
    """Ask Stripe about each unsettled purchase that is due, and grant what is paid."""
    gateway = parts().gateway
    if gateway is None:
        return Swept()
    return ask_about_due(gateway, Purchase, lambda purchase, at: ask_about(gateway, purchase, now=at), now=now)
