"""Letting a payment out of quarantine, after a person has looked at what differs."""

import datetime as dt

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp.billing.fulfil import grant_purchase
from webapp.billing.models import Purchase
from webapp.ledger.models import Grant

# The key under which operators granted by hand, before there was a page for it.
BY_HAND = "quarantine:{}"


def settle_quarantined(session: Session, purchase: Purchase, *, now: dt.datetime) -> Purchase:
    """Grant a quarantined purchase the credits it was opened for, and call it paid. The account is locked.

    What differed stays written in the purchase. Refunds and disputes told before take their share at once.
    """
    if purchase.state != "quarantined":
        raise RuntimeError(f"purchase {purchase.id} is {purchase.state}")
    grant_purchase(session, purchase, actor_kind="operator", now=now)
    session.flush()
    return purchase


def was_granted_by_hand(session: Session, purchase: Purchase) -> bool:
    """Whether somebody has given the credits of a quarantined purchase by hand."""
    by_hand = Grant.source_kind == "cli", Grant.source_id == BY_HAND.format(purchase.id)
    return bool(session.scalar(select(exists().where(Grant.account_id == purchase.account_id, *by_hand))))
