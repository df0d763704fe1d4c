"""Alerts: crossings of thresholds, each once, and what an account wants to be told of."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KINDS = "'allowance', 'low', 'depleted', 'recovered', 'expiring', 'limit', 'payment'"
INDEXES = {"ix_alerts_open": ("account_id", "ended_at IS NULL"), "ix_alerts_untold": ("raised_at", "told_at IS NULL")}


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alerts",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("occasion", sa.String(length=255), nullable=False),
        sa.Column("threshold", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_alerts_known_kind")),
        sa.CheckConstraint("threshold >= 0", name=op.f("ck_alerts_threshold_in_range")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_alerts_account_id")),
        sa.PrimaryKeyConstraint("account_id", "kind", "subject", "occasion", "threshold", name=op.f("pk_alerts")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_alerts_account_id_id")),
    )
    for name, (column, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, "alerts", [column], postgresql_where=where, sqlite_where=where)
    op.create_table(
        "alert_choices",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("allowance_50", sa.Boolean(), nullable=False),
        sa.Column("allowance_80", sa.Boolean(), nullable=False),
        sa.Column("allowance_100", sa.Boolean(), nullable=False),
        sa.Column("low_credits", sa.BigInteger(), nullable=False),
        sa.Column("expiring", sa.Boolean(), nullable=False),
        sa.Column("limits", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("low_credits BETWEEN 0 AND 1000000000", name=op.f("ck_alert_choices_low_credits_in_range")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_alert_choices_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_alert_choices")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("alert_choices")
    for name in INDEXES:
        op.drop_index(name, "alerts")
    op.drop_table("alerts")
