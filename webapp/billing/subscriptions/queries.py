"""Reading checkouts of plans, subscriptions and allowances: always through the account."""

import datetime as dt

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.billing.events import OBJECT_ID
from webapp.billing.subscriptions.models import AllowancePeriod, PlanCheckout, Subscription

# Built once: every page with a balance asks it.
_PRESENT = (
    select(AllowancePeriod)
    .where(
        AllowancePeriod.account_id == bindparam("of_account"),
        AllowancePeriod.starts_at <= bindparam("now", type_=AllowancePeriod.starts_at.type),
        AllowancePeriod.ends_at > bindparam("now", type_=AllowancePeriod.ends_at.type),
        AllowancePeriod.given_credits > 0,
    )
    .order_by(AllowancePeriod.starts_at.desc(), AllowancePeriod.source)
    .limit(1)
)


def plan_checkout_of_session(session: Session, account_id: int, session_id: str) -> PlanCheckout | None:
    """The account's checkout of a plan in this Checkout Session; None for whatever can't be an id."""
    if not OBJECT_ID.fullmatch(session_id):
        return None
    return session.scalar(
        select(PlanCheckout).where(PlanCheckout.account_id == account_id, PlanCheckout.session_id == session_id)
    )


def last_plan_checkout(session: Session, account_id: int, *, stripe_mode: str) -> PlanCheckout | None:
    """The checkout of a plan that the account opened last, if it got as far as Stripe."""
    opened = (
        PlanCheckout.account_id == account_id,
        PlanCheckout.stripe_mode == stripe_mode,
        PlanCheckout.session_id.is_not(None),
    )
    newest = PlanCheckout.opened_at.desc(), PlanCheckout.id
    return session.scalar(select(PlanCheckout).where(*opened).order_by(*newest).limit(1))


def subscription_of(session: Session, account_id: int, subscription_id: str) -> Subscription | None:
    """The account's subscription of this id."""
    return session.get(Subscription, (account_id, subscription_id))


def allowance_now(session: Session, account_id: int, *, now: dt.datetime) -> AllowancePeriod | None:
    """The account's period of an allowance in which something was given and that hasn't ended, the newest."""
    return session.scalars(_PRESENT, {"of_account": account_id, "now": now}).first()


def first_allowance(session: Session, row: Subscription) -> AllowancePeriod | None:
    """The first period of the allowance of a subscription; None while nothing was paid."""
    own = AllowancePeriod.account_id == row.account_id, AllowancePeriod.source == row.item_id
    return session.scalar(select(AllowancePeriod).where(*own).order_by(AllowancePeriod.starts_at).limit(1))
