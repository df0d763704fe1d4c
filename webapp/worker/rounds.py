"""Asking Stripe about opened checkouts that nobody settled, of packs or of plans, at first often and then seldom."""

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from webapp.billing.errors import StripeUnreachable
from webapp.billing.gateway import Gateway
from webapp.billing.models import Purchase
from webapp.billing.subscriptions.models import PlanCheckout
from webapp.crashes import point
from webapp.extensions import db, end_reading
from webapp.web.logs import log
from webapp.web.sending import no_earlier_than
from webapp.worker.sweeps import Swept

CHECKOUTS_PER_RUN = 200
UNREACHABLE_UNTIL_REST = 3

# One without a session may be in the middle of getting one.
SENDING = dt.timedelta(seconds=60)
# How often Stripe is asked, by the age of the checkout: abandoned ones stay open for a day.
# A little less than the sweep's own minute, so that no round is missed by a moment.
ROUNDS = (
    (dt.timedelta(minutes=15), dt.timedelta(seconds=55)),
    (dt.timedelta(hours=3), dt.timedelta(minutes=10)),
    (dt.timedelta.max, dt.timedelta(hours=1)),
)

Checkout = TypeVar("Checkout", Purchase, PlanCheckout)


def ask_about_due(
    gateway: Gateway, kind: type[Checkout], ask: Callable[[Checkout, dt.datetime], Checkout], *, now: dt.datetime
) -> Swept:
    """Ask Stripe about each unsettled checkout that is due, each in its own transactions.

    One that breaks is logged and the others go on; when Stripe can't be reached the rest waits for the next run.
    """
    due = due_checkouts(db.session(), kind, gateway.mode, now=now)
    end_reading()
    point("sweep.found")

    def settle(opened: Checkout) -> bool:
        is_settled = ask(opened, no_earlier_than(now)).state != opened.state
        point("sweep.asked")
        return is_settled

    return each(due, settle, what="checkout", named=lambda opened: opened.id)


T = TypeVar("T")


def each(things: list[T], settle: Callable[[T], bool], *, what: str, named: Callable[[T], str]) -> Swept:
    """Settle each of them; one that breaks is logged, and after three in a row without Stripe the rest waits."""
    settled = failed = unreachable = 0
    for thing in things:
        try:
            settled += settle(thing)
            unreachable = 0
        except Exception as error:  # noqa: BLE001  # one must not keep the others from what is theirs
            failed += 1
            unreachable = unreachable + 1 if isinstance(error, StripeUnreachable) else 0
            log.error(f"{what} not settled", id=named(thing), exc_info=error)
        if unreachable == UNREACHABLE_UNTIL_REST:
            break
    return Swept(settled=settled, failed=failed)


def due_checkouts(session: Session, kind: type[Checkout], stripe_mode: str, *, now: dt.datetime) -> list[Checkout]:
    """The unsettled checkouts of this mode whose turn it is, the longest unasked first."""
    unsettled = and_(kind.stripe_mode == stripe_mode, kind.state.in_(("open", "processing")))
    sent = or_(kind.session_id.is_not(None), kind.opened_at <= now - SENDING)
    due = select(kind).where(unsettled, sent, or_(*_rounds(kind, now)))
    return list(session.scalars(due.order_by(kind.asked_at).limit(CHECKOUTS_PER_RUN)))


def _rounds(kind: type[Purchase | PlanCheckout], now: dt.datetime) -> list[ColumnElement[bool]]:
    last = ROUNDS[-1][1]
    rounds = [and_(kind.opened_at > now - age, kind.asked_at <= now - every) for age, every in ROUNDS[:-1]]
    return [*rounds, kind.asked_at <= now - last]
