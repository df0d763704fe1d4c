"""The tables of money: purchases, what we know of Stripe's customers and prices, and the inbox of events."""

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
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from webapp.orm import Base, UtcDateTime

PURCHASE_STATES = ("open", "processing", "paid", "failed", "expired", "quarantined")
EVENT_STATES = ("handled", "ignored", "failed", "parked")
EVENT_WAYS = ("webhook", "reconcile", "replay")


class OpenedCheckout:
    """What a purchase and the checkout of a plan share: one Checkout Session, opened by somebody under a key.

    `params` freezes every parameter of the Checkout Session before the call, so that a retry sends the same.
    `open_key` is the form's one-time key (`form:…`) or the API client's (`api:…`).
    `open_number` counts the sets of parameters sent: part of the idempotency key sent to Stripe.
    `reason` is a word: why it failed. `asked_at` is when Stripe was last asked, 1970 if never.
    """

    id: Mapped[str] = mapped_column(String(40), primary_key=True, sort_order=-1)
    stripe_mode: Mapped[str] = mapped_column(String(12))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    price_id: Mapped[str] = mapped_column(String(255))

    open_key: Mapped[str] = mapped_column(String(300))
    open_fingerprint: Mapped[str] = mapped_column(String(64))
    open_number: Mapped[int] = mapped_column(default=1)
    params: Mapped[dict[str, Any]] = mapped_column(JSON)

    state: Mapped[str] = mapped_column(String(12), default="open")
    reason: Mapped[str] = mapped_column(String(255), default="")
    session_id: Mapped[str | None] = mapped_column(String(255))
    session_url: Mapped[str | None] = mapped_column(Text)

    opened_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    @declared_attr
    def account_id(cls) -> Mapped[int]:  # noqa: N805  # SQLAlchemy calls it with the class
        """Whose it is."""
        return mapped_column(ForeignKey("accounts.id"), primary_key=True, sort_order=-2)

    @declared_attr
    def user_id(cls) -> Mapped[int]:  # noqa: N805
        """Who opened it."""
        return mapped_column(ForeignKey("users.id"))


class Purchase(OpenedCheckout, Base):
    """Our record of one checkout of a pack.

    Price, credits and currency are never read from anywhere else. `reason` is a word: why it failed, or the first
    thing that differs where it is quarantined; `differences` has all of them, `{what: {expected, found}}`.
    `refund_days` is for how long after the payment a refund of unused credits may be asked for; 0: it may not.
    `returned_minor` is the money of its refunds and withdrawn disputes, `disputed_minor` that of its other open
    disputes; `money_read_at` is when Stripe was asked for them, None if never.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        UniqueConstraint("account_id", "open_key"),
        UniqueConstraint("account_id", "session_id"),
        ForeignKeyConstraint(["account_id", "grant_seq"], ["grants.account_id", "grants.seq"]),
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in PURCHASE_STATES)})", "known_state"),
        CheckConstraint("(state = 'paid') = (grant_seq IS NOT NULL)", "paid_means_granted"),
        CheckConstraint("takeback IN ('debt', 'floor')", "known_takeback"),
        CheckConstraint("credits > 0 AND amount_minor >= 0", "terms_in_range"),
        CheckConstraint("total_minor IS NULL OR total_minor >= 0", "total_in_range"),
        CheckConstraint("refund_days >= 0", "refund_days_in_range"),
        CheckConstraint("returned_minor >= 0 AND disputed_minor >= 0", "money_back_in_range"),
        Index("ix_purchases_id", "id"),
        Index("ix_purchases_session_id", "session_id"),
        Index("ix_purchases_payment_intent_id", "payment_intent_id"),
        Index("ix_purchases_reference", "reference"),
        Index("ix_purchases_newest", "account_id", "opened_at"),
        Index("ix_purchases_opened", "opened_at", "id"),
        Index("ix_purchases_unsettled", "state", "asked_at"),
    )

    reference: Mapped[str] = mapped_column(String(12))

    pack_slug: Mapped[str] = mapped_column(String(64))
    pack_name: Mapped[str] = mapped_column(String(100))
    credits: Mapped[int] = mapped_column(BigInteger)
    takeback: Mapped[str] = mapped_column(String(8))
    refund_days: Mapped[int] = mapped_column(default=0, server_default="0")

    differences: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    payment_intent_id: Mapped[str | None] = mapped_column(String(255))
    total_minor: Mapped[int | None] = mapped_column(BigInteger)
    grant_seq: Mapped[int | None] = mapped_column(BigInteger)
    returned_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    disputed_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    money_read_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class StripeCustomer(Base):
    """The Stripe customer of an account, in each mode."""

    __tablename__ = "stripe_customers"
    __table_args__ = (Index("ix_stripe_customers_customer_id", "customer_id"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    stripe_mode: Mapped[str] = mapped_column(String(12), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class StripePrice(Base):
    """What Stripe said of a Price the last time it was asked, by lookup key; compared with the catalogue."""

    __tablename__ = "stripe_prices"

    stripe_mode: Mapped[str] = mapped_column(String(12), primary_key=True)
    lookup_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    price_id: Mapped[str] = mapped_column(String(255))
    product_id: Mapped[str] = mapped_column(String(255))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    is_active: Mapped[bool]
    checked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class WebhookEvent(Base):
    """The inbox: each event Stripe told us, with what became of it. Commits together with its effects.

    `came_by` is how we first heard of it: the webhook, a reconciliation that found it in Stripe's list, or a replay.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in EVENT_STATES)})", "known_state"),
        CheckConstraint(f"came_by IN ({', '.join(repr(way) for way in EVENT_WAYS)})", "known_way"),
        Index("ix_webhook_events_newest", "received_at"),
        Index("ix_webhook_events_unsettled", "state", "received_at"),
        Index("ix_webhook_events_object_id", "object_id"),
    )

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    stripe_mode: Mapped[str] = mapped_column(String(12))
    type: Mapped[str] = mapped_column(String(100))
    api_version: Mapped[str] = mapped_column(String(40), default="")
    object_id: Mapped[str] = mapped_column(String(255), default="")
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    purchase_id: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(255), default="")
    attempts: Mapped[int] = mapped_column(default=1)
    body: Mapped[str] = mapped_column(Text)
    came_by: Mapped[str] = mapped_column(String(12), default="webhook", server_default="webhook")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    handled_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
