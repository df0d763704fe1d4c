"""Which stretch of time a reconciliation looks at, and in which steps."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.billing.gateway import Span
from webapp.billing.models import Purchase
from webapp.billing.reconcile.models import Reconciliation

# A run begins a little before the point that the last one reached: clocks differ, and lists may be late.
OVERLAP = dt.timedelta(hours=1)
# Stripe keeps events for 30 days; nobody who runs the worker needs more. `--since` may go back further.
# https://docs.stripe.com/api/events
LOOKS_BACK = dt.timedelta(days=30)
# A checkout may be paid until its end, at most a day after it was made.
CHECKOUT_LIFE = dt.timedelta(hours=25)
# So far each step goes at least; a run that is cut off goes on at the step that it was in.
STEP = dt.timedelta(days=1)
MOST_STEPS = 30


def first_moment(session: Session, stripe_mode: str, *, now: dt.datetime) -> dt.datetime:
    """Where the next reconciliation begins: where the last one ended, else at our first purchase; 30 days at most.

    Not at the newest event that came: of a day without webhooks that is over it would see nothing.
    """
    reached = session.scalar(
        select(func.max(Reconciliation.reached_at)).where(Reconciliation.stripe_mode == stripe_mode)
    )
    if reached is None:
        reached = session.scalar(select(func.min(Purchase.opened_at)).where(Purchase.stripe_mode == stripe_mode)) or now
    return max(reached - OVERLAP, now - LOOKS_BACK)


def steps(since: dt.datetime, until: dt.datetime) -> Iterator[Span]:
    """The spans from one instant to another, oldest first, with the second in which it ends."""
    end = until.replace(microsecond=0) + dt.timedelta(seconds=1)
    step = max(STEP, (end - since) / MOST_STEPS)
    while since < end:
        upto = min(since + step, end)
        yield Span(since.replace(microsecond=0), upto.replace(microsecond=0))
        since = upto


def earlier_checkouts(since: dt.datetime) -> Span:
    """The checkouts made before a moment that may have been paid since."""
    return Span(since - CHECKOUT_LIFE, since.replace(microsecond=0))


def events_kept(span: Span, *, now: dt.datetime) -> Span | None:
    """The part of a span of which Stripe still has events; None if there is none."""
    since = max(span.since, now - LOOKS_BACK)
    return Span(since, span.until) if since < span.until else None
