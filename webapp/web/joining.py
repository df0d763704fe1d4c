"""What a new account is given besides its welcome credits, in the transaction that makes it or right after it."""

import datetime as dt

from sqlalchemy.orm import Session

from webapp.billing.subscriptions.free import give_free_due
from webapp.extensions import parts


def give_first_month(session: Session, account_id: int, *, now: dt.datetime) -> None:
    """Give the first month of the free plan's allowance, if it has one. Locks the account."""
    known = parts()
    give_free_due(session, known.catalog, account_id, stripe_mode=known.settings.payments, now=now)
