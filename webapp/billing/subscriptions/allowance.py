"""The allowance: one grant for each period that is paid, the difference to a better plan, what rolls over.

Each period of each subscription item has a row, which says how much of the highest plan's allowance was given; that it
never gives more is a constraint of the table. The grants expire when the period ends, and each has a source that the
ledger takes once. The account is locked by whoever calls.
"""

import datetime as dt

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.errors import PlanMissing
from webapp.billing.subscriptions.models import FREE_SOURCE, AllowancePeriod, Subscription
from webapp.billing.subscriptions.periods import Period, period_at, share_left
from webapp.catalog import Catalog, Plan
from webapp.ledger.operations import expire, grant
from webapp.ledger.queries import expired_of_sources

SOURCE = "allowance"
ROLLOVER = "rollover"
SECOND = dt.timedelta(seconds=1)

log = structlog.get_logger("refill")


def give_due(session: Session, catalog: Catalog, row: Subscription, *, now: dt.datetime) -> None:
    """Give what is due of the time that is paid, and note when there is more to give.

    That is the allowance of the present period: of the whole span, or of this month where a year was paid and the plan
    gives each month. Months that nobody gave in time are over: their credits would have expired.
    """
    row.next_step_at = None
    step = _present_step(catalog, row, now=now)
    if step is None:
        return
    plan = _plan_of_step(catalog, row, step)
    held = _row(session, row.account_id, row.item_id, step, plan)
    _give_base(session, held, plan, now=now)
    rolls_at = _roll_over(session, held, plan, now=now)
    following = step.ends_at if step.ends_at < _span(row)[1] and row.ended_at is None else None
    row.next_step_at = min((at for at in (rolls_at, following) if at is not None), default=None)
    session.flush()


def give_base_before(
    session: Session, catalog: Catalog, row: Subscription, *, switched_at: dt.datetime, now: dt.datetime
) -> None:
    """Give the present period's own allowance if it began before a switch: that is what the switch adds to."""
    step = _present_step(catalog, row, now=now)
    if step is not None and step.starts_at <= switched_at:
        plan = _plan_of_step(catalog, row, step)
        _give_base(session, _row(session, row.account_id, row.item_id, step, plan), plan, now=now)


def give_difference(
    session: Session, catalog: Catalog, row: Subscription, *, old: Plan, new: Plan, at: dt.datetime, now: dt.datetime
) -> None:
    """Give `new` − `old` for what was left of the period when the switch was made, rounded down; each step up once.

    Only above the highest plan that the period has had already: whoever goes down and up again gets nothing twice.
    """
    step = _step_at(session, catalog, row, at)
    if step is None or step.ends_at <= now:
        return
    held = _row(session, row.account_id, row.item_id, step, new)
    floor_credits = max(old.allowance_credits, held.highest_credits)
    wanted = share_left(step, at, new.allowance_credits - floor_credits)
    if new.allowance_credits > floor_credits:
        held.highest_credits, held.plan_slug = new.allowance_credits, new.slug
        _give(
            session,
            held,
            wanted,
            what=f"to:{new.allowance_credits}",
            description=f"{new.name} allowance, upgrade",
            now=now,
        )


def give_free(session: Session, account_id: int, plan: Plan, step: Period, *, now: dt.datetime) -> None:
    """Give the allowance of the plan that costs nothing for one of its months."""
    held = _row(session, account_id, FREE_SOURCE, step, plan)
    _give_base(session, held, plan, now=now)
    _roll_over(session, held, plan, now=now)


def _present_step(catalog: Catalog, row: Subscription, *, now: dt.datetime) -> Period | None:
    """The period of the allowance that it is, None outside the time that is paid.

    Of a subscription that has ended it is the one in which it ended: what was due while it lived is given, however late
    we hear of it, and nothing that would have come after.
    """
    if row.paid_starts_at is None or row.paid_ends_at is None:
        return None
    moment = max(now, row.paid_starts_at)  # Stripe's clock may be a little ahead of ours
    if row.ended_at is not None:
        moment = min(moment, max(row.ended_at - SECOND, row.paid_starts_at))
    return _step_of(catalog, row, moment) if moment < row.paid_ends_at else None


def _step_of(catalog: Catalog, row: Subscription, moment: dt.datetime) -> Period:
    """The step in which an instant of the paid span lies: the whole span, or a month of it."""
    starts_at, ends_at = _span(row)
    every = _paid_plan(catalog, row).allowance_every
    if every in {row.billed_every, "year"}:
        return Period(0, starts_at, ends_at)
    step = period_at(starts_at, moment, every)
    return Period(step.number, step.starts_at, min(step.ends_at, ends_at))


def _paid_plan(catalog: Catalog, row: Subscription) -> Plan:
    plan = catalog.plan(row.paid_plan_slug)
    if plan is None:
        raise PlanMissing(row.paid_plan_slug)
    return plan


def _plan_of_step(catalog: Catalog, row: Subscription, step: Period) -> Plan:
    """The plan whose allowance a step gives: the one that is paid.

    In the later months of a paid year not more than what they are on now: whoever went down has got money back.
    """
    paid, present = _paid_plan(catalog, row), catalog.plan(row.plan_slug)
    if step.number == 0 or present is None:
        return paid
    return min(paid, present, key=lambda plan: plan.allowance_credits)


def _step_at(session: Session, catalog: Catalog, row: Subscription, at: dt.datetime) -> Period | None:
    """The step in which a switch was made: of the paid span, else one that has begun to be given, else Stripe's."""
    if row.paid_starts_at is not None and row.paid_ends_at is not None and row.paid_starts_at <= at < row.paid_ends_at:
        return _step_of(catalog, row, at)
    given = session.scalar(
        select(AllowancePeriod).where(
            AllowancePeriod.account_id == row.account_id,
            AllowancePeriod.source == row.item_id,
            AllowancePeriod.starts_at <= at,
            AllowancePeriod.ends_at > at,
        )
    )
    if given is not None:
        return Period(0, given.starts_at, given.ends_at)
    if row.period_starts_at <= at < row.period_ends_at:
        return Period(0, row.period_starts_at, row.period_ends_at)
    return None


def _span(row: Subscription) -> tuple[dt.datetime, dt.datetime]:
    if row.paid_starts_at is None or row.paid_ends_at is None:
        raise RuntimeError(f"subscription {row.id} has no paid time")
    return row.paid_starts_at, row.paid_ends_at


def _row(session: Session, account_id: int, source: str, step: Period, plan: Plan) -> AllowancePeriod:
    held = session.get(AllowancePeriod, (account_id, source, step.starts_at))
    if held is None:
        held = AllowancePeriod(
            account_id=account_id,
            source=source,
            starts_at=step.starts_at,
            ends_at=step.ends_at,
            plan_slug=plan.slug,
            highest_credits=0,
            given_credits=0,
            is_base_given=False,
        )
        session.add(held)
        session.flush()
    return held


def _give_base(session: Session, held: AllowancePeriod, plan: Plan, *, now: dt.datetime) -> None:
    if held.is_base_given:
        return
    held.is_base_given = True
    held.highest_credits = max(held.highest_credits, plan.allowance_credits)
    _give(session, held, plan.allowance_credits, what="base", description=f"{plan.name} allowance", now=now)


def _give(
    session: Session, held: AllowancePeriod, wanted: int, *, what: str, description: str, now: dt.datetime
) -> None:
    """Grant so many credits, but never more in the period than its highest plan gives."""
    given = min(wanted, held.highest_credits - held.given_credits)
    if given <= 0 or held.ends_at <= now:
        return
    held.given_credits += given
    _grant(session, held, SOURCE, given, what=what, description=description, now=now)


def _roll_over(session: Session, held: AllowancePeriod, plan: Plan, *, now: dt.datetime) -> dt.datetime | None:
    """Give again what expired unused of the period before, up to the plan's cap; when that is, if not yet.

    What rolled over itself doesn't roll over again, and credits that were on hold when the period ended don't either.
    """
    if held.rolled_credits is not None:
        return None
    before = _period_before(session, held) if plan.rollover_credits else None
    if before is not None and before.ends_at > now:
        return before.ends_at
    held.rolled_credits = 0
    if before is None or before.ends_at < held.starts_at:
        return None
    expire(session, held.account_id, now=now)
    unused = expired_of_sources(session, held.account_id, source_kind=SOURCE, source_id_begins=_source_id(before, ""))
    held.rolled_credits = min(unused, plan.rollover_credits)
    if held.rolled_credits and held.ends_at > now:
        text = f"{plan.name} allowance, rolled over"
        _grant(session, held, ROLLOVER, held.rolled_credits, what="", description=text, now=now)
    return None


def _period_before(session: Session, held: AllowancePeriod) -> AllowancePeriod | None:
    return session.scalar(
        select(AllowancePeriod)
        .where(
            AllowancePeriod.account_id == held.account_id,
            AllowancePeriod.source == held.source,
            AllowancePeriod.starts_at < held.starts_at,
        )
        .order_by(AllowancePeriod.starts_at.desc())
        .limit(1)
    )


def _grant(
    session: Session,
    held: AllowancePeriod,
    source_kind: str,
    credits: int,
    *,
    what: str,
    description: str,
    now: dt.datetime,
) -> None:
    source_id = _source_id(held, what)
    grant(
        session,
        held.account_id,
        kind="allowance",
        credits=credits,
        key=f"{source_kind}:{source_id}",
        source_kind=source_kind,
        source_id=source_id,
        description=description,
        expires_at=held.ends_at,
        actor_kind="stripe" if held.source != FREE_SOURCE else "system",
        now=now,
    )
    log.info("allowance given", account_id=held.account_id, source=source_id, credits=credits, plan=held.plan_slug)


def _source_id(held: AllowancePeriod, what: str) -> str:
    """The period, and what of it: `si_…:1767225600:base`."""
    return f"{held.source}:{int(held.starts_at.timestamp())}:{what}"
