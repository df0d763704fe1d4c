"""When each sweep last ran: what `/readyz`, `/metrics` and the doctor read to see whether the worker lives."""

import datetime as dt

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.orm import Base, UtcDateTime


class SweepRun(Base):
    """The last run of one sweep: when it began and ended, how many rows it settled and how many failed."""

    __tablename__ = "sweep_runs"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    settled: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
