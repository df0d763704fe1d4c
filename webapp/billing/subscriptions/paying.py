"""What paid invoices pay for: time on a plan, and the difference to a better one for the rest of a period.

Works from all paid invoices in the order they were made, so the order of events is no matter. An invoice that is over
nothing (a trial, a discount of all of it) is paid as well.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.billing.plan_objects import InvoiceLine
from webapp.billing.subscriptions.allowance import give_base_before, give_difference
from webapp.billing.subscriptions.asking import PlanTold
from webapp.billing.subscriptions.models import Subscription
from webapp.catalog import Catalog, Plan


@dataclass(frozen=True, slots=True)
class Switch:
    """A change to another plan in the middle of a period, invoiced for the time that was left."""

    at: dt.datetime
    old: Plan
    new: Plan


def take_payments(session: Session, catalog: Catalog, row: Subscription, told: PlanTold, *, now: dt.datetime) -> None:
    """Note the time that is paid, and give the differences of paid switches. The account is locked."""
    plans = {price_id: plan for price_id, slug in told.plans.items() if (plan := catalog.plan(slug)) is not None}
    for one in told.invoices:
        if not one.is_paid:
            continue
        lines = [line for line in one.lines if line.item_id == row.item_id and line.price_id in plans]
        for line in lines:
            if not line.is_proration:
                _take_span(row, line, plans[str(line.price_id)])
        for switch in _switches(lines, plans):
            _take_switch(session, catalog, row, switch, now=now)


def _take_span(row: Subscription, line: InvoiceLine, plan: Plan) -> None:
    """The newest span counts: one before it is over, or was cut short by it."""
    if line.starts_at >= line.ends_at:
        return
    if row.paid_starts_at is None or line.starts_at > row.paid_starts_at:
        row.paid_starts_at, row.paid_ends_at, row.paid_plan_slug = line.starts_at, line.ends_at, plan.slug


def _take_switch(session: Session, catalog: Catalog, row: Subscription, switch: Switch, *, now: dt.datetime) -> None:
    """A paid switch to a better plan gives the difference now, and lifts the months of a year that are to come."""
    give_base_before(session, catalog, row, switched_at=switch.at, now=now)
    give_difference(session, catalog, row, old=switch.old, new=switch.new, at=switch.at, now=now)
    paid = catalog.plan(row.paid_plan_slug)
    is_in_span = (
        row.paid_starts_at is not None
        and row.paid_ends_at is not None
        and row.paid_starts_at <= switch.at < row.paid_ends_at
    )
    if is_in_span and paid is not None and switch.new.allowance_credits > paid.allowance_credits:
        row.paid_plan_slug = switch.new.slug


def _switches(lines: list[InvoiceLine], plans: dict[str, Plan]) -> Iterator[Switch]:
    """The switches of one invoice: what was given back for the old plan beside what is asked for the new one.

    One invoice may have several, each at its own moment. Between the same two plans nothing was switched: that was a
    number of seats.
    """
    for moment in sorted({line.starts_at for line in lines if line.is_proration}):
        parts = [line for line in lines if line.is_proration and line.starts_at == moment]
        old = [plans[str(line.price_id)] for line in parts if line.amount_minor < 0]
        new = [plans[str(line.price_id)] for line in parts if line.amount_minor >= 0]
        if new:
            best_old = max((plan.allowance_credits, plan.slug) for plan in old) if old else None
            best_new = max((plan.allowance_credits, plan.slug) for plan in new)
            if best_old is not None:
                by_slug = {plan.slug: plan for plan in (*old, *new)}
                yield Switch(moment, by_slug[best_old[1]], by_slug[best_new[1]])
