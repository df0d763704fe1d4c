"""The tables of alerts: each crossing that was seen, once, and what an account wants to be told of."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.ledger.models import MAX_OPERATION_CREDITS
from webapp.orm import Base, UtcDateTime

KINDS = ("allowance", "low", "depleted", "recovered", "expiring", "limit", "payment")
OPEN = "ended_at IS NULL"
UNTOLD = "told_at IS NULL"


class RaisedAlert(Base):
    """A crossing that was seen. Its key is what makes it one: kind, subject, occasion and threshold of the account.

    `subject` is what it is about (a grant, a limit, a subscription; '' for the balance), `occasion` the period or
    episode in which it happened, `threshold` what was crossed: percent, days, credits, or 0. `id` names the same in
    one word. `ends_at` is when the occasion will be over, None where nobody knows; `ended_at` when it was.
    `told_at` is for who sends: None until somebody has been told outside the pages. `facts` are the numbers of then.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("account_id", "id"),
        CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in KINDS)})", "known_kind"),
        CheckConstraint("threshold >= 0", "threshold_in_range"),
        Index("ix_alerts_open", "account_id", postgresql_where=text(OPEN), sqlite_where=text(OPEN)),
        Index("ix_alerts_untold", "raised_at", postgresql_where=text(UNTOLD), sqlite_where=text(UNTOLD)),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    occasion: Mapped[str] = mapped_column(String(255), primary_key=True)
    threshold: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(20))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    raised_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    dismissed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class AlertChoices(Base):
    """What an account wants to be told of. No row: what is told of by default.

    `low_credits` is the line under which a balance is low; 0 for none.
    """

    __tablename__ = "alert_choices"
    __table_args__ = (CheckConstraint(f"low_credits BETWEEN 0 AND {MAX_OPERATION_CREDITS}", "low_credits_in_range"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    allowance_50: Mapped[bool]
    allowance_80: Mapped[bool]
    allowance_100: Mapped[bool]
    low_credits: Mapped[int] = mapped_column(BigInteger)
    expiring: Mapped[bool]
    limits: Mapped[bool]
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
