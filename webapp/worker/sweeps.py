"""The list of sweeps, and running one: what is due, how often, and a record of each run."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.web.logs import log
from webapp.web.metrics import SWEPT
from webapp.worker.models import SweepRun

# How many of its periods a sweep may miss before it is called late.
PERIODS_UNTIL_LATE = 5


@dataclass(frozen=True)
class Swept:
    """What one run of a sweep did."""

    settled: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Sweep:
    """A job that finds due rows and settles each in its own transaction; safe to run twice, and side by side."""

    name: str
    every_seconds: int
    run: Callable[[dt.datetime], Swept]


def run_sweep(sweep: Sweep, *, now: dt.datetime) -> Swept:
    """Run a sweep once and record it. A sweep that breaks is logged, and the others go on."""
    transact(lambda session: session.merge(SweepRun(name=sweep.name, started_at=now, settled=0, failed=0)))
    try:
        swept = sweep.run(now)
    except Exception as error:  # noqa: BLE001  # the loop must live: the next run tries again
        log.error("sweep broke", sweep=sweep.name, exc_info=error)
        swept = Swept(failed=1)
    _record(sweep, swept, started_at=now)
    return swept


def late_sweeps(session: Session, *, now: dt.datetime) -> dict[str, int | None]:
    """Seconds since the last finished run of each sweep that is late; None for one that has never run."""
    ages = sweep_ages(session, now=now)
    return {
        sweep.name: age
        for sweep in all_sweeps()
        if (age := ages[sweep.name]) is None or age > PERIODS_UNTIL_LATE * sweep.every_seconds
    }


def sweep_ages(session: Session, *, now: dt.datetime) -> dict[str, int | None]:
    """Seconds since each sweep last finished, or since it began if it never has; None if it has never run."""
    runs = {run.name: run.finished_at or run.started_at for run in session.scalars(select(SweepRun))}
    return {
        sweep.name: int((now - runs[sweep.name]).total_seconds()) if sweep.name in runs else None
        for sweep in all_sweeps()
    }


def all_sweeps() -> tuple[Sweep, ...]:
    """Every sweep of the worker."""
    from webapp.worker.alerts import sweep_alerts, sweep_expiring  # noqa: PLC0415  # they import us
    from webapp.worker.allowances import sweep_allowances, sweep_free_plan  # noqa: PLC0415
    from webapp.worker.expiry import sweep_expired  # noqa: PLC0415
    from webapp.worker.exports import sweep_exports  # noqa: PLC0415
    from webapp.worker.ledger import sweep_ledger  # noqa: PLC0415
    from webapp.worker.parked import sweep_parked  # noqa: PLC0415
    from webapp.worker.plans import sweep_plans  # noqa: PLC0415
    from webapp.worker.prices import sweep_prices  # noqa: PLC0415
    from webapp.worker.purchases import sweep_purchases  # noqa: PLC0415
    from webapp.worker.reconcile import sweep_reconcile  # noqa: PLC0415
    from webapp.worker.refunds import sweep_refund_orders  # noqa: PLC0415
    from webapp.worker.sign_ins import sweep_login_links, sweep_sign_in_failures  # noqa: PLC0415

    return (
        Sweep("alerts", 10, sweep_alerts),
        Sweep("purchases", 60, sweep_purchases),
        Sweep("plans", 60, sweep_plans),
        Sweep("allowances", 60, sweep_allowances),
        Sweep("parked events", 60, sweep_parked),
        Sweep("refund orders", 60, sweep_refund_orders),
        Sweep("expiry", 60, sweep_expired),
        Sweep("expiring credits", 3600, sweep_expiring),
        Sweep("reconcile", 3600, sweep_reconcile),
        Sweep("free plan", 3600, sweep_free_plan),
        Sweep("prices", 3600, sweep_prices),
        Sweep("sign-in failures", 3600, sweep_sign_in_failures),
        Sweep("login links", 3600, sweep_login_links),
        Sweep("exports", 3600, sweep_exports),
        Sweep("ledger", 86400, sweep_ledger),
    )


def _record(sweep: Sweep, swept: Swept, *, started_at: dt.datetime) -> None:
    SWEPT.labels(sweep.name, "settled").inc(swept.settled)
    SWEPT.labels(sweep.name, "failed").inc(swept.failed)
    run = SweepRun(
        name=sweep.name,
        started_at=started_at,
        finished_at=utc_now(),
        settled=swept.settled,
        failed=swept.failed,
    )
    transact(lambda session: session.merge(run))
