"""Settle purchases nobody settled: the webhook never came, the tab was closed, or we ended between two steps."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from webapp.billing.errors import StripeUnreachable
from webapp.billing.models import Purchase
from webapp.crashes import point
from webapp.extensions import db, end_reading, parts
from webapp.web.checkout import ask_about
from webapp.web.logs import log
from webapp.web.sending import no_earlier_than
from webapp.worker.sweeps import Swept

PURCHASES_PER_RUN = 200
UNREACHABLE_UNTIL_REST = 3

# A purchase without a session may be in the middle of getting one.
SENDING = dt.timedelta(seconds=60)
# How often Stripe is asked, by the age of the purchase: abandoned checkouts stay open for a day.
# A little less than the sweep's own minute, so that no round is missed by a moment.
ROUNDS = (
    (dt.timedelta(minutes=15), dt.timedelta(seconds=55)),
    (dt.timedelta(hours=3), dt.timedelta(minutes=10)),
    (dt.timedelta.max, dt.timedelta(hours=1)),
)


def sweep_purchases(now: dt.datetime) -> Swept:
    """Ask Stripe about each unsettled purchase that is due, each in its own transactions; grant what is paid.

    One that breaks is logged and the others go on; when Stripe can't be reached the rest waits for the next run.
    """
    gateway = parts().gateway
    if gateway is None:
        return Swept()
    due = due_purchases(db.session(), gateway.mode, now=now)
    end_reading()
    point("sweep.found")
    settled = failed = unreachable = 0
    for purchase in due:
        try:
            settled += ask_about(gateway, purchase, now=no_earlier_than(now)).state != purchase.state
            point("sweep.asked")
            unreachable = 0
        except Exception as error:  # noqa: BLE001  # one purchase must not keep the others from their credits
            failed += 1
            unreachable = unreachable + 1 if isinstance(error, StripeUnreachable) else 0
            log.error("purchase not settled", purchase=purchase.id, exc_info=error)
        if unreachable == UNREACHABLE_UNTIL_REST:
            break
    return Swept(settled=settled, failed=failed)


def due_purchases(session: Session, stripe_mode: str, *, now: dt.datetime) -> list[Purchase]:
    """The unsettled purchases of this mode whose turn it is, the longest unasked first."""
    unsettled = and_(Purchase.stripe_mode == stripe_mode, Purchase.state.in_(("open", "processing")))
    sent = or_(Purchase.session_id.is_not(None), Purchase.opened_at <= now - SENDING)
    due = select(Purchase).where(unsettled, sent, or_(*_rounds(now)))
    return list(session.scalars(due.order_by(Purchase.asked_at).limit(PURCHASES_PER_RUN)))


def _rounds(now: dt.datetime) -> list[ColumnElement[bool]]:
    last = ROUNDS[-1][1]
    rounds = [and_(Purchase.opened_at > now - age, Purchase.asked_at <= now - every) for age, every in ROUNDS[:-1]]
    return [*rounds, Purchase.asked_at <= now - last]
