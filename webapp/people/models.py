"""The tables of people: who may sign in, and what they failed at. Apart from the ledger's accounts."""

import datetime as dt

from flask_login import UserMixin
from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.orm import Base, UtcDateTime

ROLES = ("user", "support", "billing", "admin")
THEMES = ("device", "light", "dark")


class User(Base, UserMixin):
    """A person who signs in. Their credits are in `account_id`, which a team may share one day.

    `session_token` is part of what a session carries: a new one ends every other session.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'support', 'billing', 'admin')", "known_role"),
        CheckConstraint("theme IN ('device', 'light', 'dark')", "known_theme"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    password_hash: Mapped[str] = mapped_column(String(255))
    session_token: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(12), default="user")
    theme: Mapped[str] = mapped_column(String(12), default="device")
    locale: Mapped[str] = mapped_column(String(20), default="en_US")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    signed_in_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    def get_id(self) -> str:
        """What the session carries: the user and the token that a password change replaces."""
        return f"{self.id}.{self.session_token}"


class SignInFailure(Base):
    """One failed sign-in, by keyed hashes of the e-mail and the address, so that limits hold across processes."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("ix_sign_in_failures_email", "email_hash", "failed_at"),
        Index("ix_sign_in_failures_address", "address_hash", "failed_at"),
        Index("ix_sign_in_failures_age", "failed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email_hash: Mapped[str] = mapped_column(String(64))
    address_hash: Mapped[str] = mapped_column(String(64))
    failed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
