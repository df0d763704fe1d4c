"""Which Stripe customer an account is, in each mode."""

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.billing.models import StripeCustomer


def customer_of(session: Session, account_id: int, stripe_mode: str) -> str | None:
    """The account's customer id, if it ever paid in this mode."""
    found = session.get(StripeCustomer, (account_id, stripe_mode))
    return found.customer_id if found else None


def remember_customer(
    session: Session, account_id: int, *, stripe_mode: str, customer_id: str, now: dt.datetime
) -> None:
    """Store the account's customer. The caller holds the account's lock.

    The first one stays: two checkouts paid side by side make two customers, and later ones must agree on one.
    """
    if customer_of(session, account_id, stripe_mode) is None:
        session.add(
            StripeCustomer(account_id=account_id, stripe_mode=stripe_mode, customer_id=customer_id, created_at=now)
        )


def forget_customer(session: Session, account_id: int, *, stripe_mode: str, customer_id: str) -> None:
    """Forget a customer that was deleted at Stripe: the next payment makes a new one."""
    session.execute(
        delete(StripeCustomer).where(
            StripeCustomer.account_id == account_id,
            StripeCustomer.stripe_mode == stripe_mode,
            StripeCustomer.customer_id == customer_id,
        )
    )


def account_of_customer(session: Session, customer_id: str, *, stripe_mode: str) -> int | None:
    """The account that a customer is of, if we know."""
    return session.scalar(
        select(StripeCustomer.account_id).where(
            StripeCustomer.stripe_mode == stripe_mode, StripeCustomer.customer_id == customer_id
        )
    )
