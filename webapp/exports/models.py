"""The table of exports: a row for each, kept for a day."""

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.orm import Base, UtcDateTime

STATES = ("running", "finished", "stopped")


class Export(Base):
    """One export of an account's history.

    `looked` of `total` entries have been looked through, and `lines` of them written: of a search, those it found.
    `noted_at` is when that was last said.
    """

    __tablename__ = "exports"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", "known_state"),
        CheckConstraint("total >= 0 AND looked >= 0 AND lines >= 0", "not_negative"),
        Index("ix_exports_noted_at", "noted_at"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), default="running")
    is_search: Mapped[bool]
    total: Mapped[int] = mapped_column(BigInteger)
    looked: Mapped[int] = mapped_column(BigInteger, default=0)
    lines: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    noted_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
