"""Payments that failed and that somebody should hear of: the buyer is in front of no page when a bank says no. Pure."""

import datetime as dt
from collections.abc import Iterable

from webapp.billing.models import Purchase
from webapp.billing.subscriptions.models import Subscription

FAILURE_TOLD_FOR = dt.timedelta(days=3)


def last_failure(purchases: Iterable[Purchase], *, now: dt.datetime) -> Purchase | None:
    """The last of the purchases, newest first, that came to an end, if it failed in the last days.

    One that Stripe never opened a checkout for was told at once, and one that expired was nobody's payment.
    """
    last = next((purchase for purchase in purchases if purchase.state in {"paid", "failed"}), None)
    if last is None or last.state != "failed" or last.session_id is None:
        return None
    return last if (last.settled_at or last.opened_at) > now - FAILURE_TOLD_FOR else None


def has_failed(row: Subscription | None) -> bool:
    """Whether an invoice of a living subscription waits for its payment, or for the bank's question to be answered."""
    return row is not None and row.ended_at is None and bool(row.problem)


def failed_invoice(row: Subscription) -> str:
    """The id of that invoice: however often it is tried again, it is told of once."""
    return row.problem_attempt.rpartition(":")[0]
