"""The tables of reconciliations: each run with what it looked at, and each difference it found."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.orm import Base, UtcDateTime


class Reconciliation(Base):
    """One run over what Stripe has since `since_at`.

    `reached_at` is how far everything was looked at without a failure, None while nothing was: the next run begins
    there. `reason` is a word: why a run stopped. The numbers are of things looked at; `findings` is of new ones.
    `noted_at` is when the run last said something: one that is `running` and has long said nothing was ended.
    """

    __tablename__ = "reconciliations"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'finished', 'stopped')", "known_state"),
        Index("ix_reconciliations_reached", "stripe_mode", "reached_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_mode: Mapped[str] = mapped_column(String(12))
    started_by: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12), default="running")
    reason: Mapped[str] = mapped_column(String(255), default="")
    since_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    reached_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    noted_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    checkouts: Mapped[int] = mapped_column(default=0)
    purchases: Mapped[int] = mapped_column(default=0)
    refunds: Mapped[int] = mapped_column(default=0)
    disputes: Mapped[int] = mapped_column(default=0)
    subscriptions: Mapped[int] = mapped_column(default=0, server_default="0")
    events: Mapped[int] = mapped_column(default=0)
    findings: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)


class ReconciliationFinding(Base):
    """One difference between Stripe (`expected`) and us (`found`), and what was done about it.

    The fingerprint is of all of that, so that what was reported once and can't be healed isn't reported by every run.
    `needs_person`: nothing was done, somebody has to look; `closed_at` is when somebody has, `closed_by` who, and
    `closed_reason` what they found.
    """

    __tablename__ = "reconciliation_findings"
    __table_args__ = (
        CheckConstraint("kind IN ('missing', 'extra', 'differs')", "known_kind"),
        Index("ix_reconciliation_findings_report", "reconciliation_id"),
        Index("ix_reconciliation_findings_newest", "found_at"),
        Index("ix_reconciliation_findings_waiting", "needs_person", "closed_at"),
    )

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey("reconciliations.id"))
    kind: Mapped[str] = mapped_column(String(12))
    object_kind: Mapped[str] = mapped_column(String(24))
    object_id: Mapped[str] = mapped_column(String(255))
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    purchase_id: Mapped[str | None] = mapped_column(String(40))
    expected: Mapped[dict[str, Any]] = mapped_column(JSON)
    found: Mapped[dict[str, Any]] = mapped_column(JSON)
    done: Mapped[str] = mapped_column(String(255))
    needs_person: Mapped[bool]
    found_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_reason: Mapped[str | None] = mapped_column(String(500))
