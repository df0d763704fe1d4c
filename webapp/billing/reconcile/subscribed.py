"""Whether a subscription at Stripe and our mirror of it say the same. Asks nobody: facts in, findings out."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.reconcile.findings import REPORTED, Finding, Kind
from webapp.billing.subscriptions.asking import PlanTold
from webapp.billing.subscriptions.models import Subscription
from webapp.billing.subscriptions.settling import settle_subscription
from webapp.catalog import Catalog
from webapp.ledger.operations import lock_account

MOST_ALIVE = 20_000


def alive(session: Session, stripe_mode: str) -> list[tuple[int, str]]:
    """The account and id of every subscription that hasn't ended here, the longest unread first."""
    found = select(Subscription.account_id, Subscription.id).where(
        Subscription.stripe_mode == stripe_mode, Subscription.ended_at.is_(None)
    )
    rows = session.execute(found.order_by(Subscription.read_at).limit(MOST_ALIVE))
    return [(row.account_id, row.id) for row in rows]


def stored(session: Session, subscription_id: str, *, stripe_mode: str) -> Subscription | None:
    """The mirror of a subscription."""
    ours = Subscription.id == subscription_id, Subscription.stripe_mode == stripe_mode
    return session.scalar(select(Subscription).where(*ours))


def is_ours(metadata: Mapping[str, str]) -> bool:
    """Whether we made a subscription: by what we wrote into it."""
    return metadata.get("type") == "plan" and bool(metadata.get("checkout_id"))


def settled(
    session: Session, catalog: Catalog, account_id: int, told: PlanTold, *, stripe_mode: str, now: dt.datetime
) -> list[Finding]:
    """Bring the mirror to what Stripe says, and tell if that was news. Locks the account; raises Overtaken."""
    lock_account(session, account_id)
    held = session.get(Subscription, (account_id, told.subscription.id), populate_existing=True)
    before = {} if held is None else facts(held)
    after = facts(settle_subscription(session, catalog, account_id, told, stripe_mode=stripe_mode, now=now))
    if before == after:
        return []
    kind: Kind = "differs" if before else "missing"
    return [Finding(kind, "subscription", told.subscription.id, after, before, "settled", account_id=account_id)]


def unknown(told: PlanTold) -> list[Finding]:
    """A live subscription that we made and know no account of: somebody pays, and gets nothing."""
    one = told.subscription
    if one.has_ended:
        return []
    expected = {
        "state": one.status,
        "plan": told.plan_slug,
        "customer": one.customer_id,
        "metadata": dict(one.metadata),
    }
    return [Finding("missing", "subscription", one.id, expected, {}, REPORTED, needs_person=True)]


def gone(row: Subscription) -> list[Finding]:
    """A live subscription of ours that Stripe doesn't know."""
    return [
        Finding("extra", "subscription", row.id, {}, facts(row), REPORTED, account_id=row.account_id, needs_person=True)
    ]


def _told(told: PlanTold) -> dict[str, Any]:
    return {"state": told.subscription.status, "plan": told.plan_slug}


def facts(row: Subscription) -> dict[str, Any]:
    """What counts of a subscription."""
    return {
        "state": row.status,
        "plan": row.plan_slug,
        "is_paused": row.is_paused,
        "period_ends_at": row.period_ends_at.isoformat(),
        "paid_until": row.paid_ends_at.isoformat() if row.paid_ends_at else None,
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "problem": row.problem,
    }
