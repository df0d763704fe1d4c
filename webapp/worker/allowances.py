"""Give allowances that no payment gives: the months of a paid year, what rolls over, the plan that costs nothing."""

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.billing.subscriptions.allowance import give_due
from webapp.billing.subscriptions.free import give_free_due, giving_plan, note_accounts
from webapp.billing.subscriptions.models import FreeAllowance, Subscription
from webapp.catalog import Catalog
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger.operations import lock_account
from webapp.people.links import PLAIN_ROLE
from webapp.people.models import User
from webapp.worker.rounds import each
from webapp.worker.sweeps import Swept

ACCOUNTS_PER_RUN = 500
NOTED_AT_ONCE = 1000
NOTED_PER_RUN = 100_000

Key = tuple[int, str]


def sweep_allowances(now: dt.datetime) -> Swept:
    """Give what is due of each due account in a transaction of its own; one that fails doesn't stop the others."""
    catalog, mode = parts().catalog, parts().settings.payments
    steps = due_steps(db.session(), mode, now=now)
    months = due_months(db.session(), now=now) if giving_plan(catalog) else []
    end_reading()
    given = each(steps, lambda key: _give_step(catalog, key, now=now), what="allowance", named=lambda key: key[1])
    free = each(months, lambda one: _give_month(catalog, one, mode, now=now), what="free allowance", named=str)
    return Swept(settled=given.settled + free.settled, failed=given.failed + free.failed)


def sweep_free_plan(now: dt.datetime) -> Swept:
    """Note accounts that were made before the free plan gave an allowance; the sweep of allowances gives it."""
    noted, more = 0, giving_plan(parts().catalog) is not None
    while more and noted < NOTED_PER_RUN:
        found = transact(lambda session: note_accounts(session, limit=NOTED_AT_ONCE, now=now))
        noted, more = noted + found, found == NOTED_AT_ONCE
    return Swept(settled=noted)


def due_steps(session: Session, stripe_mode: str, *, now: dt.datetime) -> list[Key]:
    """The subscriptions of this mode of which more is to be given by now, the longest due first."""
    due = Subscription.stripe_mode == stripe_mode, Subscription.next_step_at <= now
    chosen = select(Subscription.account_id, Subscription.id).where(*due).order_by(Subscription.next_step_at)
    return [(row.account_id, row.id) for row in session.execute(chosen.limit(ACCOUNTS_PER_RUN))]


def due_months(session: Session, *, now: dt.datetime) -> list[int]:
    """The accounts whose free month is due, the longest due first; not those of operators, nor closed ones."""
    without = select(User.id).where(
        User.account_id == FreeAllowance.account_id, or_(User.closed_at.is_not(None), User.role != PLAIN_ROLE)
    )
    due = select(FreeAllowance.account_id).where(FreeAllowance.next_at <= now, ~without.exists())
    return list(session.scalars(due.order_by(FreeAllowance.next_at).limit(ACCOUNTS_PER_RUN)))


def _give_step(catalog: Catalog, key: Key, *, now: dt.datetime) -> bool:
    def give(session: Session) -> None:
        lock_account(session, key[0])
        give_due(session, catalog, session.get_one(Subscription, key, populate_existing=True), now=now)

    transact(give)
    return True


def _give_month(catalog: Catalog, account_id: int, stripe_mode: str, *, now: dt.datetime) -> bool:
    transact(lambda session: give_free_due(session, catalog, account_id, stripe_mode=stripe_mode, now=now))
    return True
