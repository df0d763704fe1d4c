"""Reading checkouts of plans, subscriptions and allowances: always through the account."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.events import OBJECT_ID
from webapp.billing.subscriptions.models import AllowancePeriod, PlanCheckout, Subscription


def plan_checkout_of_session(session: Session, account_id: int, session_id: str) -> PlanCheckout | None:
    """The account's checkout of a plan in this Checkout Session; None for whatever can't be an id."""
    if not OBJECT_ID.fullmatch(session_id):
        return None
    return session.scalar(
        select(PlanCheckout).where(PlanCheckout.account_id == account_id, PlanCheckout.session_id == session_id)
    )


def plan_checkout(session: Session, account_id: int, checkout_id: str) -> PlanCheckout | None:
    """The account's checkout of a plan of this id; None for whatever can't be an id."""
    return session.get(PlanCheckout, (account_id, checkout_id)) if OBJECT_ID.fullmatch(checkout_id) else None


def subscription_of(session: Session, account_id: int, subscription_id: str) -> Subscription | None:
    """The account's subscription of this id."""
    return session.get(Subscription, (account_id, subscription_id))


def allowance_now(session: Session, account_id: int, *, now: dt.datetime) -> AllowancePeriod | None:
    """The account's period of an allowance in which something was given and that hasn't ended, the newest."""
    running = (
        AllowancePeriod.account_id == account_id,
        AllowancePeriod.starts_at <= now,
        AllowancePeriod.ends_at > now,
        AllowancePeriod.given_credits > 0,
    )
    return session.scalar(select(AllowancePeriod).where(*running).order_by(AllowancePeriod.starts_at.desc()).limit(1))


def first_allowance(session: Session, row: Subscription) -> AllowancePeriod | None:
    """The first period of the allowance of a subscription; None while nothing was paid."""
    own = AllowancePeriod.account_id == row.account_id, AllowancePeriod.source == row.item_id
    return session.scalar(select(AllowancePeriod).where(*own).order_by(AllowancePeriod.starts_at).limit(1))
