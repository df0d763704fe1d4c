"""The ledger's tables. Integers only; what matters is a constraint. The only writers are in this package.

Every table carries `account_id` first in its key, so that accounts can be spread over machines; nothing but
append-only relies on triggers. Entries and postings are never changed or deleted (triggers of the first migration).
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.orm import Base, UtcDateTime

GRANT_KINDS = ("allowance", "purchased", "bonus", "gift", "adjustment")
ENTRY_KINDS = (
    "grant",
    "spend",
    "hold",
    "release",
    "capture",
    "reverse",
    "expire",
    "void",
    "freeze",
    "unfreeze",
    "takeback",
    "giveback",
)
BOOKS = ("available", "held", "frozen", "spent", "expired", "voided", "owed")
HOLD_STATES = ("open", "captured", "released", "expired")
ACTOR_KINDS = ("system", "user", "operator", "key", "stripe")

# Burn order, first part: what expires by itself goes first, what was paid for goes last.
PRIORITIES = {"allowance": 10, "bonus": 20, "gift": 20, "adjustment": 30, "purchased": 30}

MAX_OPERATION_CREDITS = 10**9
MAX_BALANCE_CREDITS = 2**53


def _one_of(column: str, words: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name)


class Account(Base):
    """A holder of credits: the cached balance, the counter of its entries, and the only lock."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("available >= 0 AND held >= 0 AND frozen >= 0 AND debt >= 0", "not_negative"),
        CheckConstraint("available = 0 OR debt = 0", "no_debt_beside_credits"),
        CheckConstraint(f"available + held + frozen <= {MAX_BALANCE_CREDITS}", "largest_balance"),
        CheckConstraint("seq >= 0", "seq_counts"),
        {"postgresql_with": {"fillfactor": 60}},
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    available: Mapped[int] = mapped_column(BigInteger, default=0)
    held: Mapped[int] = mapped_column(BigInteger, default=0)
    frozen: Mapped[int] = mapped_column(BigInteger, default=0)
    debt: Mapped[int] = mapped_column(BigInteger, default=0)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    spending_paused_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Entry(Base):
    """One dated line of an account's history. Append-only.

    `credits` is the change of the balance; `available_after` and `held_after` are the account's at the end of the
    whole operation, so that a repeated key can be answered from the entry.
    """

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        _one_of("kind", ENTRY_KINDS, "known_kind"),
        _one_of("actor_kind", ACTOR_KINDS, "known_actor"),
        CheckConstraint("seq > 0", "seq_from_one"),
        CheckConstraint("available_after >= 0 AND held_after >= 0", "not_negative"),
        CheckConstraint("key <> ''", "has_key"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(12))
    credits: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    available_after: Mapped[int] = mapped_column(BigInteger)
    held_after: Mapped[int] = mapped_column(BigInteger)
    meter: Mapped[str] = mapped_column(String(64), default="")
    quantity: Mapped[int | None] = mapped_column(BigInteger)
    key_id: Mapped[int] = mapped_column(BigInteger, default=0)
    used_on: Mapped[dt.date | None]
    reverses_seq: Mapped[int | None] = mapped_column(BigInteger)
    source_kind: Mapped[str] = mapped_column(String(32), default="")
    source_id: Mapped[str] = mapped_column(String(255), default="")
    actor_kind: Mapped[str] = mapped_column(String(12), default="system")
    key: Mapped[str] = mapped_column(String(300))
    fingerprint: Mapped[str] = mapped_column(String(64))
    occurred_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class EntryDetails(Base):
    """The caller's free text and JSON for an entry, apart from it so that personal data can be erased."""

    __tablename__ = "entry_details"
    __table_args__ = (ForeignKeyConstraint(["account_id", "seq"], ["entries.account_id", "entries.seq"]),)

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    description: Mapped[str] = mapped_column(Text, default="")
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Grant(Base):
    """Credits given (immutable facts) and its lot: what is in each book now. `seq` is the entry that made it."""

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "seq"], ["entries.account_id", "entries.seq"]),
        UniqueConstraint("account_id", "source_kind", "source_id"),
        _one_of("kind", GRANT_KINDS, "known_kind"),
        CheckConstraint(f"granted BETWEEN 1 AND {MAX_OPERATION_CREDITS}", "granted_in_range"),
        CheckConstraint(
            "available + held + frozen + spent + expired + voided + owed = granted", "books_sum_to_granted"
        ),
        *(CheckConstraint(f"{book} BETWEEN 0 AND granted", f"{book}_in_range") for book in BOOKS if book != "owed"),
        CheckConstraint("voided_by_operator BETWEEN 0 AND voided", "operator_part_of_voided"),
        CheckConstraint("is_used_up = (available = 0 AND held = 0 AND frozen = 0)", "used_up_means_nothing_left"),
        # A flag, not `available > 0`: with the latter every change of a lot would have to touch the index.
        Index(
            "ix_grants_burn_order",
            "account_id",
            "priority",
            "expires_at",
            "seq",
            postgresql_where=text("NOT is_used_up"),
            sqlite_where=text("NOT is_used_up"),
        ),
        Index(
            "ix_grants_due",
            "expires_at",
            postgresql_where=text("NOT is_used_up"),
            sqlite_where=text("NOT is_used_up"),
        ),
        {"postgresql_with": {"fillfactor": 70}},
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(12))
    priority: Mapped[int]
    granted: Mapped[int] = mapped_column(BigInteger)
    available: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger, default=0)
    frozen: Mapped[int] = mapped_column(BigInteger, default=0)
    spent: Mapped[int] = mapped_column(BigInteger, default=0)
    expired: Mapped[int] = mapped_column(BigInteger, default=0)
    voided: Mapped[int] = mapped_column(BigInteger, default=0)
    owed: Mapped[int] = mapped_column(BigInteger, default=0)
    voided_by_operator: Mapped[int] = mapped_column(BigInteger, default=0)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    source_kind: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[str] = mapped_column(String(255))
    is_used_up: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Posting(Base):
    """Credits moved from one book to another, for one lot, inside an entry. Append-only."""

    __tablename__ = "postings"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "entry_seq"], ["entries.account_id", "entries.seq"]),
        ForeignKeyConstraint(["account_id", "grant_seq"], ["grants.account_id", "grants.seq"]),
        _one_of("from_book", ("issued", *BOOKS), "known_source"),
        _one_of("to_book", BOOKS, "known_target"),
        CheckConstraint("from_book <> to_book", "moves"),
        CheckConstraint("credits > 0", "positive"),
        Index("ix_postings_lot", "account_id", "grant_seq"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    grant_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_book: Mapped[str] = mapped_column(String(12), primary_key=True)
    to_book: Mapped[str] = mapped_column(String(12), primary_key=True)
    credits: Mapped[int] = mapped_column(BigInteger)


class Hold(Base):
    """Credits reserved for work in progress. `seq` is the entry that made it; postings say which lots it holds."""

    __tablename__ = "holds"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "seq"], ["entries.account_id", "entries.seq"]),
        _one_of("state", HOLD_STATES, "known_state"),
        CheckConstraint(f"credits BETWEEN 1 AND {MAX_OPERATION_CREDITS}", "credits_in_range"),
        CheckConstraint("captured >= 0 AND (captured = 0 OR state = 'captured')", "captured_when_closed"),
        Index(
            "ix_holds_due",
            "expires_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index(
            "ix_holds_open",
            "account_id",
            "expires_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    credits: Mapped[int] = mapped_column(BigInteger)
    captured: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(12), default="open")
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class UsageDaily(Base):
    """Credits used by day, meter, key and kind of grant: upserted with each spend, rebuildable from entries.

    There are no NULLs in its key: meter '' and key_id 0 mean none.
    """

    __tablename__ = "usage_daily"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    used_on: Mapped[dt.date] = mapped_column(primary_key=True)
    meter: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    key_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, default=0, autoincrement=False)
    grant_kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    credits: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(BigInteger)


class LimitWindow(Base):
    """What a spend limit has counted in one of its windows. Changed under the account's lock."""

    __tablename__ = "limit_windows"
    __table_args__ = (CheckConstraint("used >= 0 AND held >= 0", "not_negative"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    limit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    starts_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger, default=0)
    held: Mapped[int] = mapped_column(BigInteger, default=0)
