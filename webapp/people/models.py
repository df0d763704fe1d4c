"""The tables of people: who may sign in, where they are signed in, and what they failed at.

Apart from the ledger's accounts: a person has an account, an account needs no person.
"""

import datetime as dt
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from webapp.ledger.models import Account
from webapp.orm import Base, UtcDateTime

ROLES = ("user", "support", "billing", "admin")
THEMES = ("device", "light", "dark")
NUMBER_STYLES = ("region", "comma_dot", "dot_comma", "space_comma", "apostrophe_dot")


class User(Base):
    """A person who signs in. Their credits are in `account_id`, which a team may share one day.

    The three `is_…` are what flask-login asks of whoever is signed in.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"role IN ({', '.join(repr(role) for role in ROLES)})", "known_role"),
        CheckConstraint(f"theme IN ({', '.join(repr(theme) for theme in THEMES)})", "known_theme"),
        CheckConstraint(f"number_style IN ({', '.join(repr(style) for style in NUMBER_STYLES)})", "known_number_style"),
    )
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(12), default="user")
    theme: Mapped[str] = mapped_column(String(12), default="device")
    locale: Mapped[str] = mapped_column(String(20), default="en_US")
    number_style: Mapped[str] = mapped_column(String(16), default="region", server_default="region")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    signed_in_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    # Read with the user, in the same statement: every page shows times in the account's zone.
    time_zone: Mapped[str] = column_property(
        select(Account.time_zone).where(Account.id == account_id).correlate_except(Account).scalar_subquery()
    )


class SignedInBrowser(Base):
    """One browser, from sign-in to sign-out. Its cookie carries a secret; here is only the secret's hash.

    Without the row the cookie is worth nothing: so sign-out, a changed password and the end of its time hold for
    copies of the cookie too.
    """

    __tablename__ = "signed_in_browsers"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    signed_in_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


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
