"""Settle checkouts of plans that nobody settled, and read subscriptions again whose period is over.

So a plan is given, renewed and ended although no webhook ever comes.
"""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.errors import StripeUnreachable
from webapp.billing.gateway import Gateway
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.billing.subscriptions.settling import note_asked
from webapp.extensions import db, end_reading, parts, transact
from webapp.web.plans import ask_about_plan, read_again
from webapp.web.sending import no_earlier_than
from webapp.worker.rounds import ask_about_due, each
from webapp.worker.sweeps import Swept

SUBSCRIPTIONS_PER_RUN = 200
READ_EVERY = dt.timedelta(hours=1)


def sweep_plans(now: dt.datetime) -> Swept:
    """Ask Stripe about due checkouts of plans, then about subscriptions that should have been renewed or ended."""
    gateway = parts().gateway
    if gateway is None:
        return Swept()
    opened = ask_about_due(gateway, PlanCheckout, lambda one, at: ask_about_plan(gateway, one, now=at), now=now)
    over = over_subscriptions(db.session(), gateway.mode, now=now)
    end_reading()
    read = each(over, lambda row: _read(gateway, row, now=now), what="subscription", named=lambda row: row.id)
    return Swept(settled=opened.settled + read.settled, failed=opened.failed + read.failed)


def over_subscriptions(session: Session, stripe_mode: str, *, now: dt.datetime) -> list[Subscription]:
    """The subscriptions of this mode whose period is over, and that nobody has asked about for an hour."""
    over = (
        Subscription.stripe_mode == stripe_mode,
        Subscription.ended_at.is_(None),
        Subscription.period_ends_at <= now,
        Subscription.read_at <= now - READ_EVERY,
    )
    chosen = select(Subscription).where(*over).order_by(Subscription.read_at)
    return list(session.scalars(chosen.limit(SUBSCRIPTIONS_PER_RUN)))


def _read(gateway: Gateway, row: Subscription, *, now: dt.datetime) -> bool:
    """Read one again; whether that was news. One that Stripe can't tell about waits for its next hour too."""
    key, before = (row.account_id, row.id), row.told
    try:
        after = read_again(gateway, row, now=no_earlier_than(now))
    except StripeUnreachable:
        raise
    except Exception:
        transact(lambda session: note_asked(session, *key, now=no_earlier_than(now)))
        raise
    if after.read_at == row.read_at:
        transact(lambda session: note_asked(session, *key, now=no_earlier_than(now)))
    return after.told != before
