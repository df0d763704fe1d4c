"""A whole run: begins a report, walks step by step from where the last run ended, and ends the report."""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webapp.billing.errors import BillingRefusal
from webapp.billing.gateway import Span
from webapp.billing.reconcile.models import Reconciliation
from webapp.billing.reconcile.records import begin, note
from webapp.billing.reconcile.spans import earlier_checkouts, first_moment, steps
from webapp.extensions import db, end_reading, parts, transact
from webapp.orm import utc_now
from webapp.web.logs import log
from webapp.web.prices import gateway_or_refusal
from webapp.web.reconcile.events import look_at_events, look_at_inbox
from webapp.web.reconcile.payments import look_at_checkouts, look_at_old_purchases, look_at_purchases
from webapp.web.reconcile.returned import look_at_disputes, look_at_refunds, look_at_unended
from webapp.web.reconcile.subscribed import look_at_live_subscriptions, look_at_subscriptions
from webapp.web.reconcile.walk import Walk, WalkStopped

Look = Callable[[Walk, Span], None]

# Money first: what its events tell then is no news, so that the report names payments and not events.
IN_EACH_STEP: tuple[Look, ...] = (
    look_at_checkouts,
    look_at_purchases,
    look_at_refunds,
    look_at_disputes,
    look_at_subscriptions,
    look_at_events,
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: it looks at the span that begins at `at`, on the way from `since` to `until`."""

    since: dt.datetime
    at: dt.datetime
    until: dt.datetime
    counts: Mapping[str, int]

    @property
    def share(self) -> float:
        """How much of the way is gone, from 0 to 1."""
        whole = max(self.until - self.since, dt.timedelta(seconds=1))
        return max(0.0, (self.at - self.since) / whole)


def reconcile(
    *,
    started_by: str,
    now: dt.datetime,
    since: dt.datetime | None = None,
    seconds: float | None = None,
    tell: Callable[[Progress], None] = lambda _progress: None,
) -> Reconciliation:
    """Compare what Stripe has since a moment with what we have, make whole what differs, and store a report; it.

    Begins where the last run ended unless `since` says otherwise. Ends by itself: after `seconds`, or when Stripe can't
    be reached; then the report says `stopped` and why, and the next run goes on from there. Safe to run at any time,
    twice, and beside webhooks. Raises PaymentsOff.
    """
    gateway = gateway_or_refusal()
    start = first_moment(db.session(), gateway.mode, now=now)
    end_reading()
    run = transact(lambda session: begin(session, gateway.mode, started_by=started_by, since=since or start, now=now))
    # A run that begins later than the last one ended leaves a gap: the next must not begin behind it.
    leaves_gap = since is not None and since > start
    walk = Walk(
        gateway,
        run.id,
        parts().settings.base_url,
        at=run.since_at,
        tell=lambda walk: tell(Progress(run.since_at, walk.at, now, walk.counts)),
        deadline=None if seconds is None else time.monotonic() + seconds,
    )
    return _ended(walk, run.since_at, now, leaves_gap=leaves_gap)


def _ended(walk: Walk, since: dt.datetime, until: dt.datetime, *, leaves_gap: bool) -> Reconciliation:
    """Walk to the end, or to where it stops, and store that."""
    reached: dt.datetime | None = None
    try:
        _begin(walk, since)
        for span in steps(since, until):
            walk.at = span.since
            for look in IN_EACH_STEP:
                look(walk, span)
            walk.tell(walk)
            if walk.is_whole and not leaves_gap:
                reached = min(span.until, until)
            _note(walk, reached)
    except WalkStopped as stopped:
        return _note(walk, reached, state="stopped", reason=stopped.reason)
    except BillingRefusal as refusal:
        return _note(walk, reached, state="stopped", reason=type(refusal).__name__)
    except BaseException as error:
        _note(walk, reached, state="stopped", reason=type(error).__name__)
        raise
    return _note(walk, reached, state="finished")


def _begin(walk: Walk, since: dt.datetime) -> None:
    """Look at what is older than the walk and not at its end."""
    look_at_unended(walk)
    look_at_live_subscriptions(walk)
    look_at_inbox(walk)
    look_at_old_purchases(walk, earlier_checkouts(since))
    look_at_checkouts(walk, earlier_checkouts(since))


def _note(walk: Walk, reached: dt.datetime | None, *, state: str = "running", reason: str = "") -> Reconciliation:
    if state != "running":
        log.info("reconciled", id=walk.reconciliation_id, state=state, reason=reason, **walk.counts)
    return transact(
        lambda session: note(
            session,
            walk.reconciliation_id,
            walk.counts,
            reached=reached,
            now=utc_now(),
            state=state,
            reason=reason,
        )
    )
