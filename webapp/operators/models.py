"""The table of what operators did. Append-only: an act is undone by another one."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.orm import Base, UtcDateTime


class OperatorAct(Base):
    """One act of an operator on one account: who, what, why, and what it changed. Never changed or deleted.

    `facts` is what was asked for; `before` and `after` are the same words with what the account had, and has since.
    `entry_seqs` are the entries of the ledger it wrote. `form_key` is the one-time key of the form that was sent: a
    form sent again does nothing more.
    """

    __tablename__ = "operator_acts"
    __table_args__ = (
        UniqueConstraint("account_id", "form_key"),
        CheckConstraint("reason <> ''", "has_reason"),
        Index("ix_operator_acts_id", "id"),
        Index("ix_operator_acts_newest", "acted_at", "id"),
        Index("ix_operator_acts_of_account", "account_id", "acted_at", "id"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    act: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(500))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    entry_seqs: Mapped[list[int]] = mapped_column(JSON)
    form_key: Mapped[str] = mapped_column(String(64))
    acted_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
