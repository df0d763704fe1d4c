"""Take in events that came before we knew their customer. Stripe is asked only about those whom we know now."""

import datetime as dt
from dataclasses import replace

from webapp.billing.events import Event, read_event
from webapp.billing.inbox import Outcome, keep, parked
from webapp.billing.models import WebhookEvent
from webapp.billing.subscriptions.known import named_plan
from webapp.extensions import db, end_reading, parts, transact
from webapp.web.inbox import take
from webapp.worker.rounds import each
from webapp.worker.sweeps import Swept

# So long Stripe itself would have told it again; whoever it was about, nobody here has come to know them.
WAITS = dt.timedelta(days=3)
NEVER = Outcome("ignored", "never_known")


def sweep_parked(now: dt.datetime) -> Swept:
    """Take in each parked event whose customer is known now; one that has waited for three days is let go."""
    gateway = parts().gateway
    if gateway is None:
        return Swept()
    waiting = parked(db.session(), gateway.mode)
    known = [one for one in waiting if named_plan(db.session(), _event(one), stripe_mode=gateway.mode)]
    end_reading()
    taken = each(known, lambda one: take(_event(one), gateway).state != "parked", what="event", named=_name)
    never = [one for one in waiting if one not in known and one.received_at <= now - WAITS]
    let_go = each(never, lambda one: _let_go(one, now=now), what="event", named=_name)
    return Swept(settled=taken.settled + let_go.settled, failed=taken.failed + let_go.failed)


def _let_go(stored: WebhookEvent, *, now: dt.datetime) -> bool:
    event, mode = _event(stored), stored.stripe_mode
    transact(lambda session: keep(session, event, NEVER, stripe_mode=mode, now=now))
    return True


def _event(stored: WebhookEvent) -> Event:
    return replace(read_event(stored.body), came_by=stored.came_by)


def _name(stored: WebhookEvent) -> str:
    return stored.id
