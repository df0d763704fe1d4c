"""The tables of people: who may sign in, where they are signed in, what they failed at, and the keys of programs.

Apart from the ledger's accounts: a person has an account, an account needs no person.
"""

import datetime as dt
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from webapp.ledger.models import Account
from webapp.orm import Base, UtcDateTime

ROLES = ("user", "support", "billing", "admin")
THEMES = ("device", "light", "dark")
SCOPES = ("read", "spend", "manage")
NUMBER_STYLES = ("region", "comma_dot", "dot_comma", "space_comma", "apostrophe_dot")


class User(Base):
    """A person who signs in. Their credits are in `account_id`, which a team may share one day.

    The three `is_…` are what flask-login asks of whoever is signed in.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_email_begins", "email_key", postgresql_ops={"email_key": "varchar_pattern_ops"}),
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
    closed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    # Read with the user, in the same statement: every page shows times in the account's zone, and says it if nothing
    # can be spent.
    time_zone: Mapped[str] = column_property(
        select(Account.time_zone).where(Account.id == account_id).correlate_except(Account).scalar_subquery()
    )
    spending_paused_at: Mapped[dt.datetime | None] = column_property(
        select(Account.spending_paused_at).where(Account.id == account_id).correlate_except(Account).scalar_subquery()
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


class ApiKey(Base):
    """A key for programs: what it may do (`scopes`, in the order of SCOPES, with a space between), and for whom.

    Without an account it is a service key: the product's own, which acts for the account that a request names. The
    number is part of the account's history, so a key is revoked and never deleted, and keeps its number when its
    secret is renewed. `form_key` is the one-time key of the form that made it: a form sent again makes no other.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("account_id", "form_key"),
        CheckConstraint("scopes <> ''", "may_do_something"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(40))
    form_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class ApiKeySecret(Base):
    """One secret of a key, as its hash; while a key is being renewed the old one lives beside the new until `ends_at`.

    `prefix` are its first characters, by which people know it again; `form_key` as of the key itself.
    """

    __tablename__ = "api_key_secrets"
    __table_args__ = (UniqueConstraint("key_id", "form_key"),)

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"))
    prefix: Mapped[str] = mapped_column(String(16))
    form_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class HostAccount(Base):
    """An account by the host product's own id."""

    __tablename__ = "host_accounts"

    external_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class LoginLink(Base):
    """An address that signs its user in once, while it lives; here is only the hash of the secret in it."""

    __tablename__ = "login_links"
    __table_args__ = (Index("ix_login_links_age", "ends_at"),)

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    ends_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
