"""Checks of the database and of the worker: migrations, sweeps, the ledger against itself."""

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.doctor.check import Look, State, age_text, counted
from webapp.ledger.models import accounts
from webapp.ledger.verify import Report, read_at_one_instant, verify
from webapp.web.migration import migration_head
from webapp.worker.models import SweepRun
from webapp.worker.sweeps import late_sweeps

Found = tuple[State, str] | tuple[State, str, Mapping[str, Any]]

LEDGER_SWEEP = "ledger"
MONEY_SWEEPS = frozenset({"purchases", "expiry", "reconcile"})
LEDGER_SECONDS = 5.0
ACCOUNTS_AT_ONCE = 100


def migrations(look: Look) -> Found:
    """Whether the database is at the migration that the code knows."""
    head = migration_head()
    found = MigrationContext.configure(look.session.connection()).get_current_revision()
    if found == head:
        return "ok", f"The database is at migration {head}.", {"found": found, "head": head}
    return (
        "bad",
        f"The database is at migration {found}, the code at {head}: run `flask db upgrade`.",
        {
            "found": found,
            "head": head,
        },
    )


def worker(look: Look) -> Found:
    """Whether every sweep of the worker runs at its period."""
    late = late_sweeps(look.session, now=look.now)
    if not late:
        return "ok", "The worker runs: no sweep is late."
    words = ", ".join(name if age is None else f"{name} ({age // 60} min)" for name, age in late.items())
    is_never = all(age is None for age in late.values())
    what = "The worker has never run" if is_never else f"Sweeps are late: {words}"
    return "bad" if MONEY_SWEEPS & late.keys() else "warn", f"{what}. Start `flask worker`.", {"late": late}


def ledger(look: Look) -> Found:
    """Whether the ledger agrees with itself: all of it if it may take its time, else as much as five seconds allow."""
    read_at_one_instant(look.session)
    if look.is_deep:
        report, is_all = verify(look.session, now=look.now), True
    else:
        report, is_all = sampled(look.session, look=look, seconds=LEDGER_SECONDS)
    return _of_report(report, is_all=is_all)


def ledger_as_swept(look: Look) -> Found:
    """What the worker's daily look at the ledger said; for a page, which can't wait for another one."""
    run = look.session.get(SweepRun, LEDGER_SWEEP)
    if run is None or run.finished_at is None:
        return "warn", "The ledger was never checked: `flask credits verify` does it now, `flask worker` every day."
    ago = age_text(look.now - run.finished_at)
    if run.failed:
        faults = counted(run.failed, "fault", "faults")
        return (
            "bad",
            f"The ledger has {faults}, found {ago} ago: `flask credits verify` names them.",
            {"faults": run.failed},
        )
    return (
        "ok",
        f"{counted(run.settled, 'balance matches', 'balances match')}, checked {ago} ago.",
        {"accounts": run.settled},
    )


def sampled(session: Session, *, look: Look, seconds: float) -> tuple[Report, bool]:
    """Check accounts from a random one on until the time is over; what was seen, and whether that was all.

    The session must see one instant (`read_at_one_instant`).
    """
    ends_at, report, start = time.monotonic() + seconds, Report(look.now, 0, 0, (), is_complete=True), 0
    first = random.randrange(2**53)  # noqa: S311  # a sample, not a secret
    for low, high in ((first, 2**63 - 1), (0, first - 1)):
        start = low
        while ids := _ids(session, start, high):
            for account_id in ids:
                if time.monotonic() > ends_at:
                    return report, False
                report = _added(report, verify(session, account_id, now=look.now))
            start = ids[-1] + 1
    return report, True


def _ids(session: Session, low: int, high: int) -> list[int]:
    between = select(accounts.c.id).where(accounts.c.id >= low, accounts.c.id <= high)
    return list(session.scalars(between.order_by(accounts.c.id).limit(ACCOUNTS_AT_ONCE)))


def _added(one: Report, other: Report) -> Report:
    return replace(
        one,
        accounts=one.accounts + other.accounts,
        entries=one.entries + other.entries,
        faults=(*one.faults, *other.faults),
        is_complete=one.is_complete and other.is_complete,
    )


def _of_report(report: Report, *, is_all: bool) -> Found:
    facts = {"accounts": report.accounts, "entries": report.entries, "faults": len(report.faults), "is_all": is_all}
    if report.faults:
        faults = counted(len(report.faults), "fault", "faults")
        return "bad", f"The ledger has {faults}. {report.faults[0].sentence} `flask credits verify` names all.", facts
    which = "All" if is_all else "A sample of"
    rest = "" if is_all else " `flask doctor --deep` checks all."
    return "ok", f"{which} {counted(report.accounts, 'balance matches', 'balances match')}.{rest}", facts
