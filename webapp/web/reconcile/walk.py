"""One walk of a reconciliation: what it has counted so far, its patience, and how one thing is looked at."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session

from webapp.billing.errors import StripeUnreachable
from webapp.billing.gateway import Gateway
from webapp.billing.reconcile.findings import Finding, keep_findings
from webapp.extensions import end_reading, transact
from webapp.orm import utc_now
from webapp.web.logs import log

UNREACHABLE_UNTIL_STOP = 3

T = TypeVar("T")


class WalkStopped(Exception):
    """The walk can't go on now. `reason` is a word: `time`, or the name of what went wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Walk:
    """What one run shares: its Stripe, its row, its numbers, and `at` which moment it is.

    `tell` is called after each thing. `deadline` is on the monotonic clock.

    `seen` has the checkouts that Stripe has listed, `asked` the payments that were asked about whole. `is_whole` until
    something broke that the next run must look at again; an event that fails waits in the inbox.
    """

    gateway: Gateway
    reconciliation_id: int
    base_url: str
    at: dt.datetime
    tell: Callable[["Walk"], None]
    deadline: float | None = None
    counts: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    unreachable: int = 0
    is_whole: bool = True

    def each(
        self, kind: str, things: Iterable[T], look: Callable[["Walk", T], object], named: Callable[[T], str]
    ) -> None:
        """Look at each thing; one that breaks is counted and logged. Raises WalkStopped when it must end.

        Stripe's lists are asked page by page while this goes through them, so nothing is held between two things.
        """
        for thing in things:
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise WalkStopped("time")
            self.counts[kind] += 1
            try:
                look(self, thing)
                self.unreachable = 0
            except Exception as error:  # noqa: BLE001  # one thing must not keep the others from being made whole
                self._note_failure(kind, named(thing), error)
            finally:
                end_reading()
            self.tell(self)

    def settle(self, work: Callable[[Session, dt.datetime], list[Finding]]) -> None:
        """Do the work in one transaction, together with the rows of what it found."""
        now = utc_now()

        def whole(session: Session) -> list[Finding]:
            return keep_findings(session, work(session, now), reconciliation_id=self.reconciliation_id, now=now)

        self._log(transact(whole))

    def keep(self, findings: list[Finding]) -> None:
        """Store findings about which nothing is done here."""
        if findings:
            self.settle(lambda _session, _now: findings)

    def _log(self, findings: list[Finding]) -> None:
        self.counts["findings"] += len(findings)
        for finding in findings:
            log.warning(
                "stripe and we differed",
                kind=finding.kind,
                object=finding.object_kind,
                id=finding.object_id,
                purchase=finding.purchase_id,
                done=finding.done,
            )

    def _note_failure(self, kind: str, name: str, error: Exception) -> None:
        self.counts["failed"] += 1
        self.is_whole = self.is_whole and kind == "events"
        self.unreachable = self.unreachable + 1 if isinstance(error, StripeUnreachable) else 0
        log.error("not reconciled", kind=kind, id=name, exc_info=error)
        if self.unreachable >= UNREACHABLE_UNTIL_STOP:
            raise WalkStopped(type(error).__name__) from None
