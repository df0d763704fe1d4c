"""The tables of plans: checkouts of plans, the mirror of Stripe's subscriptions, and the periods of allowances."""

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.billing.models import OpenedCheckout
from webapp.orm import Base, UtcDateTime

CHECKOUT_STATES = ("open", "complete", "failed", "expired")
FREE_SOURCE = "free"  # of the allowance of the plan that costs nothing
PAYMENT_PROBLEMS = ("", "failed", "action")


class PlanCheckout(OpenedCheckout, Base):
    """Our record of one checkout of a plan. `subscription_id` is what came of it."""

    __tablename__ = "plan_checkouts"
    __table_args__ = (
        UniqueConstraint("account_id", "open_key"),
        UniqueConstraint("account_id", "session_id"),
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in CHECKOUT_STATES)})", "known_state"),
        CheckConstraint("(state = 'complete') = (subscription_id IS NOT NULL)", "complete_means_subscribed"),
        CheckConstraint("amount_minor >= 0", "terms_in_range"),
        Index("ix_plan_checkouts_id", "id"),
        Index("ix_plan_checkouts_session_id", "session_id"),
        Index("ix_plan_checkouts_unsettled", "state", "asked_at"),
    )

    plan_slug: Mapped[str] = mapped_column(String(64))
    subscription_id: Mapped[str | None] = mapped_column(String(255))


class Subscription(Base):
    """What Stripe said of a subscription the last time it was asked, and what of it is paid.

    `plan_slug` is '' where somebody at Stripe moved it to a Price that is none of ours; `next_plan_slug` is the plan
    that the next period brings, '' for the same. `status` is Stripe's word. `ends_at` is when it will end if nobody
    changes that, `ended_at` when it did: such a row never changes again.
    `paid_…` is the last time span that was paid, with its plan: the allowance is stepped through it. `problem` is what
    keeps the last invoice from being paid: the payment "failed", or the bank wants "action"; `invoice_url` is where
    that is put right. `problem_attempt` names the invoice and the try. `read_at` moves with each answer of Stripe's
    that is stored, `told` is that answer's fingerprint.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint(f"problem IN ({', '.join(repr(problem) for problem in PAYMENT_PROBLEMS)})", "known_problem"),
        CheckConstraint("billed_every IN ('month', 'year')", "known_interval"),
        CheckConstraint("(paid_starts_at IS NULL) = (paid_ends_at IS NULL)", "paid_from_and_to"),
        CheckConstraint("paid_starts_at IS NULL OR paid_starts_at < paid_ends_at", "paid_span_has_length"),
        Index("ix_subscriptions_id", "id"),
        Index("ix_subscriptions_customer", "customer_id"),
        Index("ix_subscriptions_due", "stripe_mode", "next_step_at"),
        Index("ix_subscriptions_renewing", "stripe_mode", "period_ends_at"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    stripe_mode: Mapped[str] = mapped_column(String(12))
    customer_id: Mapped[str] = mapped_column(String(255))
    plan_slug: Mapped[str] = mapped_column(String(64))
    next_plan_slug: Mapped[str] = mapped_column(String(64), default="")
    item_id: Mapped[str] = mapped_column(String(255))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    billed_every: Mapped[str] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(40))
    is_paused: Mapped[bool] = mapped_column(default=False)
    resumes_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    trial_ends_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    period_starts_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    period_ends_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    card_brand: Mapped[str] = mapped_column(String(40), default="")
    card_last4: Mapped[str] = mapped_column(String(4), default="")
    problem: Mapped[str] = mapped_column(String(12), default="")
    problem_attempt: Mapped[str] = mapped_column(String(280), default="")
    problem_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    retries_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    invoice_url: Mapped[str] = mapped_column(Text, default="")
    paid_plan_slug: Mapped[str] = mapped_column(String(64), default="")
    paid_starts_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    paid_ends_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    next_step_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    told: Mapped[str] = mapped_column(String(64))
    read_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class PlanInvoice(Base):
    """An invoice of a subscription, for the people who paid it. `url` is Stripe's page of it."""

    __tablename__ = "plan_invoices"
    __table_args__ = (Index("ix_plan_invoices_newest", "account_id", "made_at"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(String(255))
    number: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(20))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    url: Mapped[str] = mapped_column(Text)
    made_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class AllowancePeriod(Base):
    """One period of an allowance: what was given in it, of what the highest plan paid in it gives.

    `source` is the subscription's item, or "free". That no more than the highest plan's allowance is ever given is
    a constraint. `rolled_credits` came over from the period before, None while that isn't known yet.
    """

    __tablename__ = "allowance_periods"
    __table_args__ = (
        CheckConstraint("given_credits >= 0 AND given_credits <= highest_credits", "never_above_the_highest_plan"),
        CheckConstraint("rolled_credits IS NULL OR rolled_credits >= 0", "rolled_in_range"),
        CheckConstraint("starts_at < ends_at", "has_length"),
    )

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(255), primary_key=True)
    starts_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, primary_key=True)
    ends_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    plan_slug: Mapped[str] = mapped_column(String(64))
    highest_credits: Mapped[int] = mapped_column(BigInteger)
    given_credits: Mapped[int] = mapped_column(BigInteger)
    is_base_given: Mapped[bool] = mapped_column(default=False)
    rolled_credits: Mapped[int | None] = mapped_column(BigInteger)


class FreeAllowance(Base):
    """When the next allowance of the plan that costs nothing is due to an account, and the number of that month."""

    __tablename__ = "free_allowances"
    __table_args__ = (Index("ix_free_allowances_due", "next_at"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    next_number: Mapped[int]
    next_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
