"""The tables of money that comes back: refunds and disputes as Stripe had them, refunds ordered and asked for."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.billing.stripe_objects import DISPUTE_ENDS, REFUND_FAILURES
from webapp.orm import Base, UtcDateTime

REQUEST_STATES = ("asked", "approved", "declined", "withdrawn", "refunded")


class PurchaseRefund(Base):
    """A refund of a purchase's payment, whoever asked for it: an operator here, or somebody in Stripe's dashboard.

    `state` is Stripe's word (pending, requires_action, succeeded, failed, canceled, or one that is new to us).
    """

    __tablename__ = "purchase_refunds"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "purchase_id"], ["purchases.account_id", "purchases.id"]),
        CheckConstraint("amount_minor >= 0", "amount_in_range"),
        Index("ix_purchase_refunds_purchase", "account_id", "purchase_id"),
        Index("ix_purchase_refunds_id", "id"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    purchase_id: Mapped[str] = mapped_column(String(40))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(255))
    made_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    @property
    def is_undone(self) -> bool:
        """Whether its money has not gone back after all."""
        return self.state in REFUND_FAILURES


class PurchaseDispute(Base):
    """A dispute of a purchase's payment. `is_withdrawn`: its money is with the bank now, taken and not given back.

    `state` is Stripe's word; those that begin with `warning_` are inquiries, which move no money. `due_by` is when
    the bank wants an answer.
    """

    __tablename__ = "purchase_disputes"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "purchase_id"], ["purchases.account_id", "purchases.id"]),
        CheckConstraint("amount_minor >= 0", "amount_in_range"),
        Index("ix_purchase_disputes_purchase", "account_id", "purchase_id"),
        Index("ix_purchase_disputes_id", "id"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    purchase_id: Mapped[str] = mapped_column(String(40))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(255))
    is_withdrawn: Mapped[bool]
    due_by: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    made_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state not in DISPUTE_ENDS


class RefundOrder(Base):
    """A refund that somebody ordered here, stored before Stripe hears of it, and what became of it.

    `number` counts the orders of a purchase and is part of the idempotency key sent to Stripe; `order_key` is the
    form's one-time key. `state` is `asked` until Stripe's answer is known, and one order of a purchase at most is in
    it; then `made`, with the refund, or `refused`, with Stripe's code as `reason`.
    """

    __tablename__ = "refund_orders"
    __table_args__ = (
        UniqueConstraint("account_id", "order_key"),
        ForeignKeyConstraint(["account_id", "purchase_id"], ["purchases.account_id", "purchases.id"]),
        CheckConstraint("amount_minor > 0", "amount_in_range"),
        CheckConstraint("state IN ('asked', 'made', 'refused')", "known_state"),
        CheckConstraint("(state = 'made') = (refund_id IS NOT NULL)", "made_means_refund"),
        Index(
            "uq_refund_orders_asked",
            "account_id",
            "purchase_id",
            unique=True,
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
        Index("ix_refund_orders_unfinished", "state", "ordered_at"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    purchase_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    order_key: Mapped[str] = mapped_column(String(300))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(12), default="asked")
    reason: Mapped[str] = mapped_column(String(255), default="")
    refund_id: Mapped[str | None] = mapped_column(String(255))
    ordered_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class MoneyBackChange(Base):
    """What a refund or dispute has changed in what is asked back of its purchase, when that was first seen.

    Here the history finds why credits were taken or given back. `number` counts a purchase's settlements;
    `returned_minor` and `disputed_minor` are the changes of the purchase's own sums, below zero where less is asked
    for. The account's entries that came of it at once are those after `after_seq`, up to `until_seq`; others, of
    credits that were on hold then, come later.
    """

    __tablename__ = "money_back_changes"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "purchase_id"], ["purchases.account_id", "purchases.id"]),
        CheckConstraint("about IN ('refund', 'dispute')", "known_about"),
        CheckConstraint("returned_minor <> 0 OR disputed_minor <> 0", "changes_something"),
        CheckConstraint("after_seq >= 0 AND until_seq >= after_seq", "entries_in_order"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    purchase_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    about_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    about: Mapped[str] = mapped_column(String(12))
    returned_minor: Mapped[int] = mapped_column(BigInteger)
    disputed_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    after_seq: Mapped[int] = mapped_column(BigInteger)
    until_seq: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class RefundRequest(Base):
    """A buyer's wish to have unused credits of a purchase refunded: what they were quoted, and what became of it.

    `state` is asked until an operator decides or the buyer withdraws it; approved while its refund is being made at
    Stripe, then refunded. A purchase has one that is asked or approved at most. `tries` counts the refunds ordered for
    it that Stripe refused. `reason` are the buyer's words, `answer` the operator's, both shown to both.
    """

    __tablename__ = "refund_requests"
    __table_args__ = (
        UniqueConstraint("account_id", "form_key"),
        ForeignKeyConstraint(["account_id", "purchase_id"], ["purchases.account_id", "purchases.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in REQUEST_STATES)})", "known_state"),
        CheckConstraint("credits > 0 AND amount_minor > 0", "quote_in_range"),
        CheckConstraint("tries >= 0", "tries_count"),
        CheckConstraint("(ended_at IS NULL) = (state IN ('asked', 'approved'))", "ended_says_when"),
        Index(
            "uq_refund_requests_open",
            "account_id",
            "purchase_id",
            unique=True,
            sqlite_where=text("state IN ('asked', 'approved')"),
            postgresql_where=text("state IN ('asked', 'approved')"),
        ),
        Index("ix_refund_requests_id", "id"),
        Index("ix_refund_requests_waiting", "state", "asked_at"),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    purchase_id: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    credits: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(12), default="asked")
    reason: Mapped[str] = mapped_column(String(500), default="")
    answer: Mapped[str] = mapped_column(String(500), default="")
    form_key: Mapped[str] = mapped_column(String(80))
    tries: Mapped[int] = mapped_column(default=0)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    quoted_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
