"""Reading checkouts of plans and subscriptions: always through the account."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.events import OBJECT_ID
from webapp.billing.subscriptions.models import PlanCheckout, Subscription


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
