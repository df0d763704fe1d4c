"""Subscriptions: checkouts of plans, the mirror of Stripe's subscriptions, invoices, and the periods of allowances."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "allowance_periods",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plan_slug", sa.String(length=64), nullable=False),
        sa.Column("highest_credits", sa.BigInteger(), nullable=False),
        sa.Column("given_credits", sa.BigInteger(), nullable=False),
        sa.Column("is_base_given", sa.Boolean(), nullable=False),
        sa.Column("rolled_credits", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "given_credits >= 0 AND given_credits <= highest_credits",
            name=op.f("ck_allowance_periods_never_above_the_highest_plan"),
        ),
        sa.CheckConstraint(
            "rolled_credits IS NULL OR rolled_credits >= 0", name=op.f("ck_allowance_periods_rolled_in_range")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_allowance_periods_has_length")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_allowance_periods_account_id")),
        sa.PrimaryKeyConstraint("account_id", "source", "starts_at", name=op.f("pk_allowance_periods")),
    )
    op.create_table(
        "free_allowances",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_free_allowances_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_free_allowances")),
    )
    op.create_index("ix_free_allowances_due", "free_allowances", ["next_at"])
    op.create_table(
        "plan_invoices",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("subscription_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_plan_invoices_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_plan_invoices")),
    )
    op.create_index("ix_plan_invoices_newest", "plan_invoices", ["account_id", "made_at"])
    op.create_table(
        "subscriptions",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=False),
        sa.Column("plan_slug", sa.String(length=64), nullable=False),
        sa.Column("next_plan_slug", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("billed_every", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("resumes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("card_brand", sa.String(length=40), nullable=False),
        sa.Column("card_last4", sa.String(length=4), nullable=False),
        sa.Column("problem", sa.String(length=12), nullable=False),
        sa.Column("problem_attempt", sa.String(length=280), nullable=False),
        sa.Column("problem_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retries_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoice_url", sa.Text(), nullable=False),
        sa.Column("paid_plan_slug", sa.String(length=64), nullable=False),
        sa.Column("paid_starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.String(length=64), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("billed_every IN ('month', 'year')", name=op.f("ck_subscriptions_known_interval")),
        sa.CheckConstraint("problem IN ('', 'failed', 'action')", name=op.f("ck_subscriptions_known_problem")),
        sa.CheckConstraint(
            "(paid_starts_at IS NULL) = (paid_ends_at IS NULL)", name=op.f("ck_subscriptions_paid_from_and_to")
        ),
        sa.CheckConstraint(
            "paid_starts_at IS NULL OR paid_starts_at < paid_ends_at",
            name=op.f("ck_subscriptions_paid_span_has_length"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_subscriptions_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_customer", "subscriptions", ["customer_id"])
    op.create_index("ix_subscriptions_due", "subscriptions", ["stripe_mode", "next_step_at"])
    op.create_index("ix_subscriptions_id", "subscriptions", ["id"])
    op.create_index("ix_subscriptions_renewing", "subscriptions", ["stripe_mode", "period_ends_at"])
    op.create_table(
        "plan_checkouts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("plan_slug", sa.String(length=64), nullable=False),
        sa.Column("subscription_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_id", sa.String(length=255), nullable=False),
        sa.Column("open_key", sa.String(length=300), nullable=False),
        sa.Column("open_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("open_number", sa.Integer(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("session_id", sa.String(length=255), nullable=True),
        sa.Column("session_url", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'complete') = (subscription_id IS NOT NULL)",
            name=op.f("ck_plan_checkouts_complete_means_subscribed"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'complete', 'failed', 'expired')", name=op.f("ck_plan_checkouts_known_state")
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_plan_checkouts_terms_in_range")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_plan_checkouts_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_plan_checkouts_user_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_plan_checkouts")),
        sa.UniqueConstraint("account_id", "open_key", name=op.f("uq_plan_checkouts_account_id_open_key")),
        sa.UniqueConstraint("account_id", "session_id", name=op.f("uq_plan_checkouts_account_id_session_id")),
    )
    op.create_index("ix_plan_checkouts_id", "plan_checkouts", ["id"])
    op.create_index("ix_plan_checkouts_session_id", "plan_checkouts", ["session_id"])
    op.create_index("ix_plan_checkouts_unsettled", "plan_checkouts", ["state", "asked_at"])
    op.add_column("reconciliations", sa.Column("subscriptions", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("reconciliations", "subscriptions")
    for name in ("plan_checkouts", "subscriptions", "plan_invoices", "free_allowances", "allowance_periods"):
        op.drop_table(name)
