"""Which plan an account is on, and the subscription behind it. Reads our mirror; pages and checkouts ask the same."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.billing.errors import StillSubscribed
from webapp.billing.plan_objects import ON_THE_PLAN
from webapp.billing.subscriptions.models import FREE_SOURCE, AllowancePeriod, Subscription
from webapp.catalog import Catalog, Plan

# Built once: every page asks it. An unpaid first invoice makes no subscriber, and Stripe ends it within a day.
_CURRENT = (
    select(Subscription)
    .where(
        Subscription.account_id == bindparam("of_account"),
        Subscription.stripe_mode == bindparam("mode"),
        Subscription.ended_at.is_(None),
    )
    .order_by(Subscription.started_at.desc(), Subscription.id)
)
_LAST = (
    select(Subscription)
    .where(Subscription.account_id == bindparam("of_account"), Subscription.stripe_mode == bindparam("mode"))
    .order_by(Subscription.ended_at.is_not(None), Subscription.started_at.desc(), Subscription.id)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """The plan that decides what is open to an account, and its subscription, which may not count (any more)."""

    plan: Plan | None
    subscription: Subscription | None

    @property
    def is_subscribed(self) -> bool:
        """Whether the subscription is alive, whatever state it is in."""
        return self.subscription is not None and self.subscription.ended_at is None

    def renews(self, period: AllowancePeriod) -> bool:
        """Whether another period of the same allowance follows, so that what is left resets and doesn't just expire."""
        row = self.subscription
        if period.source == FREE_SOURCE:
            return not self.is_subscribed
        if row is None or row.item_id != period.source or row.ended_at is not None:
            return False
        return row.ends_at is None or row.ends_at > period.ends_at


def current_subscription(session: Session, account_id: int, *, stripe_mode: str) -> Subscription | None:
    """The account's subscription that has not ended, the newest where there are several by mistake."""
    return session.scalars(_CURRENT, {"of_account": account_id, "mode": stripe_mode}).first()


def plan_standing(session: Session, catalog: Catalog, account_id: int, *, stripe_mode: str) -> PlanStanding:
    """The plan an account is on, with its subscription or the last one it had. One query."""
    row = session.scalars(_LAST, {"of_account": account_id, "mode": stripe_mode}).first()
    plan = catalog.plan(row.plan_slug) if row is not None and counts(row) else None
    return PlanStanding(plan or catalog.default_plan, row)


def counts(row: Subscription) -> bool:
    """Whether a subscription opens what its plan opens.

    In a trial, paid, or with a payment that is being tried again; not while its payments are paused, not before the
    first payment, not when Stripe has given up.
    """
    return row.ended_at is None and row.status in ON_THE_PLAN and not row.is_paused


def refuse_while_renewing(session: Session, account_id: int, *, stripe_mode: str) -> None:
    """Raise StillSubscribed while a subscription of the account will be charged again. The account is locked."""
    row = current_subscription(session, account_id, stripe_mode=stripe_mode)
    if row is not None and row.ends_at is None:
        raise StillSubscribed(row.plan_slug)
