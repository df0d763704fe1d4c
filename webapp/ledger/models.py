"""The ledger's tables. Integers only; what matters is a constraint. The only writers are in this package.

Every table carries `account_id` first in its key, so that accounts can be spread over machines; nothing but
append-only relies on triggers. Entries and postings are never changed or deleted (triggers of the first migration).
"""

import datetime as dt
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
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
# Every way credits can move; whatever is not listed (expired → available, …) the database refuses.
MOVES = (
    ("issued", "available"),
    ("available", "spent"),
    ("available", "held"),
    ("available", "frozen"),
    ("available", "expired"),
    ("available", "voided"),
    ("available", "owed"),
    ("held", "spent"),
    ("held", "available"),
    ("frozen", "available"),
    ("frozen", "voided"),
    ("spent", "available"),
    ("voided", "available"),
    ("voided", "owed"),
    ("owed", "available"),
    ("owed", "voided"),
)
HOLD_STATES = ("open", "captured", "released", "expired")
# Kinds by their `credits`, the change of the balance: more than 0, less than 0, exactly 0. A capture's are 0 or less.
RAISES = ("grant", "reverse", "giveback")
LOWERS = ("spend", "expire", "void", "takeback")
KEEPS = ("hold", "release", "freeze", "unfreeze")
USES = ("spend", "capture", "reverse")
# Kinds that are told apart from the frequent ones (spends, holds, releases, captures) in the history.
GIVES = ("grant",)
TAKES_BACK = ("takeback", "giveback", "void", "freeze", "unfreeze")
ENDS = ("expire",)
LIMIT_PERIODS = ("day", "week", "month")
ACTOR_KINDS = ("system", "user", "operator", "key", "stripe")

# Burn order, first part: what expires by itself goes first, what was paid for goes last.
PRIORITIES = {"allowance": 10, "bonus": 20, "gift": 20, "adjustment": 30, "purchased": 30}

MAX_OPERATION_CREDITS = 10**9
MAX_BALANCE_CREDITS = 2**53
MAX_ACCOUNT_ID = 2**53 - 1
# Times the largest grant it still fits a 64-bit number, so that shares can be counted in SQL.
MAX_CLAIM_MINOR = 9 * 10**9


def _among(words: tuple[str, ...]) -> str:
    return f"IN ({', '.join(repr(word) for word in words)})"


# History filtered by what is rare must not walk through a million spends, and spends must not pay for it. Each filter
# has an index of its own, so that one that finds nothing doesn't walk through the others' entries either.
IS_GRANT, IS_TAKEBACK, IS_EXPIRY = (f"kind {_among(kinds)}" for kinds in (GIVES, TAKES_BACK, ENDS))


def _one_of(column: str, words: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} {_among(words)}", name)


def _index_where(name: str, columns: tuple[str, ...], condition: str) -> Index:
    return Index(name, *columns, postgresql_where=text(condition), sqlite_where=text(condition))


class Account(Base):
    """A holder of credits: the cached balance, the counter of its entries, and the only lock.

    Spending is paused by an operator (`spending_paused_at`), by its owner (`owner_paused_at`), or both. `limits` counts
    its spend limits, so that a spend need not look where there are none. `has_changed`: since it was last looked at by
    what watches thresholds; a flag, so that the spends of a busy account leave its index alone.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(f"id BETWEEN 1 AND {MAX_ACCOUNT_ID}", "id_in_range"),
        CheckConstraint("available >= 0 AND held >= 0 AND frozen >= 0 AND debt >= 0", "not_negative"),
        CheckConstraint("available = 0 OR debt = 0", "no_debt_beside_credits"),
        CheckConstraint(f"available + held + frozen <= {MAX_BALANCE_CREDITS}", "largest_balance"),
        CheckConstraint("seq >= 0", "seq_counts"),
        CheckConstraint("limits >= 0", "limits_counts"),
        _index_where("ix_accounts_changed", ("id",), "has_changed"),
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
    owner_paused_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    limits: Mapped[int] = mapped_column(default=0, server_default="0")
    has_changed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Entry(Base):
    """One dated line of an account's history. Append-only.

    `credits` is the change of the balance; `available_after` and `held_after` are the account's at the end of the
    whole operation, so that a repeated key can be answered from the entry. `reverses_seq` is the spend or capture a
    reverse undoes, `hold_seq` the hold a capture or release settles, `used_on` the day a use counts in.
    """

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        ForeignKeyConstraint(["account_id", "reverses_seq"], ["entries.account_id", "entries.seq"]),
        ForeignKeyConstraint(["account_id", "hold_seq"], ["entries.account_id", "entries.seq"]),
        _one_of("kind", ENTRY_KINDS, "known_kind"),
        _one_of("actor_kind", ACTOR_KINDS, "known_actor"),
        CheckConstraint("seq > 0", "seq_from_one"),
        CheckConstraint("available_after >= 0 AND held_after >= 0", "not_negative"),
        CheckConstraint("key <> ''", "has_key"),
        CheckConstraint("quantity >= 0", "quantity_in_range"),
        CheckConstraint(f"credits > 0 OR kind NOT {_among(RAISES)}", "raises_balance"),
        CheckConstraint(f"credits < 0 OR kind NOT {_among(LOWERS)}", "lowers_balance"),
        CheckConstraint(f"credits = 0 OR kind NOT {_among(KEEPS)}", "keeps_balance"),
        CheckConstraint("credits <= 0 OR kind <> 'capture'", "capture_takes"),
        CheckConstraint("(reverses_seq IS NOT NULL) = (kind = 'reverse')", "reverse_says_what"),
        CheckConstraint("(hold_seq IS NOT NULL) = (kind IN ('capture', 'release'))", "settles_a_hold"),
        CheckConstraint(f"(used_on IS NOT NULL) = (kind {_among(USES)})", "use_has_a_day"),
        _index_where("ix_entries_grants", ("account_id", "seq"), IS_GRANT),
        _index_where("ix_entries_takebacks", ("account_id", "seq"), IS_TAKEBACK),
        _index_where("ix_entries_expiries", ("account_id", "seq"), IS_EXPIRY),
        _index_where("ix_entries_reverses", ("account_id", "reverses_seq"), "reverses_seq IS NOT NULL"),
        _index_where("ix_entries_hold", ("account_id", "hold_seq"), "hold_seq IS NOT NULL"),
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
    hold_seq: Mapped[int | None] = mapped_column(BigInteger)
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
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


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
        CheckConstraint("owed + spent >= 0", "owes_at_most_what_was_spent"),
        CheckConstraint("voided_by_operator BETWEEN 0 AND voided", "operator_part_of_voided"),
        CheckConstraint("is_used_up = (available = 0 AND held = 0 AND frozen = 0)", "used_up_means_nothing_left"),
        # A flag, not `available > 0`: with the latter every change of a lot would have to touch the index.
        _index_where("ix_grants_burn_order", ("account_id", "priority", "expires_at", "seq"), "NOT is_used_up"),
        _index_where("ix_grants_due", ("expires_at",), "NOT is_used_up"),
        _index_where("ix_grants_owing", ("account_id",), "owed <> 0"),
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


class PaymentClaim(Base):
    """What refunds and disputes ask back of the payment behind a source, in minor units; the latest facts told.

    It may be told before the source is granted. `is_floor` spares credits that were already spent.
    """

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint(f"total_minor BETWEEN 0 AND {MAX_CLAIM_MINOR}", "total_in_range"),
        CheckConstraint(
            f"returned_minor BETWEEN 0 AND {MAX_CLAIM_MINOR} AND disputed_minor BETWEEN 0 AND {MAX_CLAIM_MINOR}",
            "parts_in_range",
        ),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    source_kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    returned_minor: Mapped[int] = mapped_column(BigInteger)
    disputed_minor: Mapped[int] = mapped_column(BigInteger)
    is_floor: Mapped[bool]
    told_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Posting(Base):
    """Credits moved from one book to another, for one lot, inside an entry. Append-only."""

    __tablename__ = "postings"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "entry_seq"], ["entries.account_id", "entries.seq"]),
        ForeignKeyConstraint(["account_id", "grant_seq"], ["grants.account_id", "grants.seq"]),
        CheckConstraint(f"from_book || ' ' || to_book {_among(tuple(map(' '.join, MOVES)))}", "known_move"),
        CheckConstraint("credits > 0", "positive"),
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
        _index_where("ix_holds_due", ("expires_at",), "state = 'open'"),
        _index_where("ix_holds_open", ("account_id", "expires_at"), "state = 'open'"),
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

    There are no NULLs in its key: meter '' and key_id 0 mean none. `count` counts spends and captures, each once: in
    the row of the kind its first credits (in burn order) came from, so that the counts of a day add up to its uses.
    """

    __tablename__ = "usage_daily"
    __table_args__ = (
        _one_of("grant_kind", GRANT_KINDS, "known_kind"),
        CheckConstraint("credits >= 0 AND count >= 0", "not_negative"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    used_on: Mapped[dt.date] = mapped_column(primary_key=True)
    meter: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    key_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, default=0, autoincrement=False)
    grant_kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    credits: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(BigInteger)


class SpendLimit(Base):
    """At most so many credits in each day, week or month, by the whole account (`key_id` 0) or by one API key.

    One that `pauses` refuses what would go above it; the others only tell. `is_money` says that it was set as money,
    and is shown so.
    """

    __tablename__ = "spend_limits"
    __table_args__ = (
        _one_of("period", LIMIT_PERIODS, "known_period"),
        CheckConstraint(f"credits BETWEEN 1 AND {MAX_OPERATION_CREDITS}", "credits_in_range"),
        CheckConstraint("key_id >= 0", "key_or_none"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    key_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, default=0, autoincrement=False)
    period: Mapped[str] = mapped_column(String(8), primary_key=True)
    credits: Mapped[int] = mapped_column(BigInteger)
    pauses: Mapped[bool]
    is_money: Mapped[bool]
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class LimitWindow(Base):
    """What a spend limit has counted from `starts_at` until before `ends_at`. Changed under the account's lock.

    Rebuildable from entries: a window without a row is counted from them when it is needed. `used` are credits spent
    and not returned, `held` those of open holds; each counts in the window in which its spend or hold was written.
    """

    __tablename__ = "limit_windows"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "key_id", "period"],
            ["spend_limits.account_id", "spend_limits.key_id", "spend_limits.period"],
        ),
        CheckConstraint("used >= 0 AND held >= 0", "not_negative"),
        CheckConstraint("starts_at < ends_at", "lasts"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    key_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    period: Mapped[str] = mapped_column(String(8), primary_key=True)
    starts_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, primary_key=True)
    ends_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    used: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)


# The hot statements are written on the tables themselves, without ORM objects.
accounts = cast("Table", Account.__table__)
entries = cast("Table", Entry.__table__)
entry_details = cast("Table", EntryDetails.__table__)
grants = cast("Table", Grant.__table__)
postings = cast("Table", Posting.__table__)
claims = cast("Table", PaymentClaim.__table__)
holds = cast("Table", Hold.__table__)
usage_daily = cast("Table", UsageDaily.__table__)
spend_limits = cast("Table", SpendLimit.__table__)
limit_windows = cast("Table", LimitWindow.__table__)
