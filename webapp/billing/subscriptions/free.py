"""The allowance of the plan that costs nothing: each month, counted from the day on which the account was made.

Months go by the clocks of the account's zone. They are given by their number, so that another zone, in which a month
begins at another instant, gives none twice; of months that nobody gave in time only the present one is.
"""

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.billing.subscriptions.allowance import give_free
from webapp.billing.subscriptions.models import FreeAllowance, Subscription
from webapp.billing.subscriptions.periods import period, period_at
from webapp.billing.subscriptions.standing import counts, plan_standing
from webapp.billing.upserts import insert_missing
from webapp.catalog import Catalog, Plan
from webapp.ledger.models import Account
from webapp.ledger.operations import lock_account


def giving_plan(catalog: Catalog) -> Plan | None:
    """The plan that costs nothing, if it gives an allowance."""
    plan = catalog.default_plan
    return plan if plan is not None and plan.allowance_credits else None


def give_free_due(session: Session, catalog: Catalog, account_id: int, *, stripe_mode: str, now: dt.datetime) -> None:
    """Give an account its month of now, unless it has had it or a paid plan counts. Locks the account.

    Notes when to look again: at the next month, or sooner where a paid plan ends (`look_again`).
    """
    plan = giving_plan(catalog)
    if plan is None:
        return
    account = lock_account(session, account_id)
    made_at, zone = account.created_at, account.time_zone
    step = period_at(made_at, max(now, made_at), "month", zone=zone)
    row = session.get(FreeAllowance, account_id, populate_existing=True)
    if row is None:
        row = FreeAllowance(account_id=account_id, next_number=step.number, next_at=step.starts_at)
        session.add(row)
    if row.next_number > step.number:
        row.next_at = period(made_at, row.next_number, "month", zone=zone).starts_at
    elif plan_standing(session, catalog, account_id, stripe_mode=stripe_mode).plan != plan:
        row.next_at = step.ends_at
    else:
        row.next_number, row.next_at = step.number + 1, step.ends_at
        session.flush()
        give_free(session, account_id, plan, step, now=now)
    session.flush()


def look_again(session: Session, catalog: Catalog, row: Subscription, *, now: dt.datetime) -> None:
    """Let the worker look at the free month where a subscription doesn't count (any more). The account is locked."""
    if giving_plan(catalog) is None or counts(row):
        return
    later = FreeAllowance.account_id == row.account_id, FreeAllowance.next_at > now
    session.execute(update(FreeAllowance).where(*later).values(next_at=now))


def note_accounts(session: Session, *, limit: int, now: dt.datetime) -> int:
    """Let the worker look at accounts that it knows nothing of yet; how many. Two who do it at once do it once."""
    missing = (
        select(Account.id)
        .where(~select(FreeAllowance.account_id).where(FreeAllowance.account_id == Account.id).exists())
        .limit(limit)
    )
    found = [{"account_id": account_id, "next_number": 0, "next_at": now} for account_id in session.scalars(missing)]
    return insert_missing(session, FreeAllowance, found) if found else 0
