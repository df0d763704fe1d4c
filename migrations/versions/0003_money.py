"""Money: purchases, prices and customers at Stripe, the inbox; and the runs of the sweeps."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "stripe_prices",
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("lookup_key", sa.String(length=200), nullable=False),
        sa.Column("price_id", sa.String(length=255), nullable=False),
        sa.Column("product_id", sa.String(length=255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stripe_mode", "lookup_key", name=op.f("pk_stripe_prices")),
    )

    op.create_table(
        "sweep_runs",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sweep_runs")),
    )

    op.create_table(
        "webhook_events",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("api_version", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("purchase_id", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('handled', 'ignored', 'failed', 'parked')", name=op.f("ck_webhook_events_known_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
    )
    with op.batch_alter_table("webhook_events", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_events_newest", ["received_at"], unique=False)
        batch_op.create_index("ix_webhook_events_object_id", ["object_id"], unique=False)
        batch_op.create_index("ix_webhook_events_unsettled", ["state", "received_at"], unique=False)

    op.create_table(
        "stripe_customers",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("customer_id", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_stripe_customers_account_id")),
        sa.PrimaryKeyConstraint("account_id", "stripe_mode", name=op.f("pk_stripe_customers")),
    )
    with op.batch_alter_table("stripe_customers", schema=None) as batch_op:
        batch_op.create_index("ix_stripe_customers_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "purchases",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("pack_slug", sa.String(length=64), nullable=False),
        sa.Column("pack_name", sa.String(length=100), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("takeback", sa.String(length=8), nullable=False),
        sa.Column("price_id", sa.String(length=255), nullable=False),
        sa.Column("open_key", sa.String(length=300), nullable=False),
        sa.Column("open_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("open_number", sa.Integer(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=True),
        sa.Column("session_id", sa.String(length=255), nullable=True),
        sa.Column("session_url", sa.Text(), nullable=True),
        sa.Column("payment_intent_id", sa.String(length=255), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("grant_seq", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'paid') = (grant_seq IS NOT NULL)", name=op.f("ck_purchases_paid_means_granted")),
        sa.CheckConstraint(
            "state IN ('open', 'processing', 'paid', 'failed', 'expired', 'quarantined')",
            name=op.f("ck_purchases_known_state"),
        ),
        sa.CheckConstraint("takeback IN ('debt', 'floor')", name=op.f("ck_purchases_known_takeback")),
        sa.CheckConstraint("credits > 0 AND amount_minor >= 0", name=op.f("ck_purchases_terms_in_range")),
        sa.CheckConstraint("total_minor IS NULL OR total_minor >= 0", name=op.f("ck_purchases_total_in_range")),
        sa.ForeignKeyConstraint(
            ["account_id", "grant_seq"],
            ["grants.account_id", "grants.seq"],
            name=op.f("fk_purchases_account_id_grant_seq"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_purchases_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_purchases_user_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_purchases")),
        sa.UniqueConstraint("account_id", "open_key", name=op.f("uq_purchases_account_id_open_key")),
        sa.UniqueConstraint("account_id", "session_id", name=op.f("uq_purchases_account_id_session_id")),
    )
    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.create_index("ix_purchases_id", ["id"], unique=False)
        batch_op.create_index("ix_purchases_newest", ["account_id", "opened_at"], unique=False)
        batch_op.create_index("ix_purchases_payment_intent_id", ["payment_intent_id"], unique=False)
        batch_op.create_index("ix_purchases_reference", ["reference"], unique=False)
        batch_op.create_index("ix_purchases_session_id", ["session_id"], unique=False)
        batch_op.create_index("ix_purchases_unsettled", ["state", "asked_at"], unique=False)


def downgrade() -> None:
    """Drop them, with their indexes."""
    op.drop_table("purchases")
    op.drop_table("stripe_customers")
    op.drop_table("webhook_events")
    op.drop_table("sweep_runs")
    op.drop_table("stripe_prices")
