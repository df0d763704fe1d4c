"""Money that comes back: refunds and disputes of purchases; reconciliations and what they found."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IN_RANGE = "returned_minor >= 0 AND disputed_minor >= 0"


def upgrade() -> None:
    """Create the tables, and the sums beside each purchase."""
    with op.batch_alter_table("purchases") as batch:
        batch.add_column(sa.Column("returned_minor", sa.BigInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("disputed_minor", sa.BigInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("money_read_at", sa.DateTime(timezone=True), nullable=True))
        batch.create_check_constraint(op.f("ck_purchases_money_back_in_range"), IN_RANGE)
    _table("purchase_refunds")
    _table(
        "purchase_disputes",
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("due_by", sa.DateTime(timezone=True), nullable=True),
    )
    _reconciliations()


def downgrade() -> None:
    """Drop them."""
    _no_reconciliations()
    for name in ("purchase_disputes", "purchase_refunds"):
        op.drop_table(name)
    with op.batch_alter_table("purchases") as batch:
        batch.drop_constraint(op.f("ck_purchases_money_back_in_range"), type_="check")
        for column in ("money_read_at", "disputed_minor", "returned_minor"):
            batch.drop_column(column)


def _table(name: str, *more: sa.Column) -> None:
    op.create_table(
        name,
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("purchase_id", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        *more,
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f(f"ck_{name}_amount_in_range")),
        sa.ForeignKeyConstraint(
            ["account_id", "purchase_id"],
            ["purchases.account_id", "purchases.id"],
            name=op.f(f"fk_{name}_account_id_purchase_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f(f"pk_{name}")),
    )
    op.create_index(f"ix_{name}_purchase", name, ["account_id", "purchase_id"])
    op.create_index(f"ix_{name}_id", name, ["id"])


def _reconciliations() -> None:
    with op.batch_alter_table("webhook_events") as batch:
        batch.add_column(sa.Column("came_by", sa.String(length=12), server_default="webhook", nullable=False))
        batch.create_check_constraint(
            op.f("ck_webhook_events_known_way"), "came_by IN ('webhook', 'reconcile', 'replay')"
        )
    counts = ("checkouts", "purchases", "refunds", "disputes", "events", "findings", "failed")
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stripe_mode", sa.String(length=12), nullable=False),
        sa.Column("started_by", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.CheckConstraint("state IN ('running', 'finished', 'stopped')", name=op.f("ck_reconciliations_known_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
    )
    op.create_index("ix_reconciliations_reached", "reconciliations", ["stripe_mode", "reached_at"])
    op.create_table(
        "reconciliation_findings",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("reconciliation_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("object_kind", sa.String(length=24), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("purchase_id", sa.String(length=40), nullable=True),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("done", sa.String(length=255), nullable=False),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('missing', 'extra', 'differs')", name=op.f("ck_reconciliation_findings_known_kind")
        ),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"], ["reconciliations.id"], name=op.f("fk_reconciliation_findings_reconciliation_id")
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_reconciliation_findings")),
    )
    op.create_index("ix_reconciliation_findings_report", "reconciliation_findings", ["reconciliation_id"])
    op.create_index("ix_reconciliation_findings_newest", "reconciliation_findings", ["found_at"])


def _no_reconciliations() -> None:
    op.drop_table("reconciliation_findings")
    op.drop_table("reconciliations")
    with op.batch_alter_table("webhook_events") as batch:
        batch.drop_constraint(op.f("ck_webhook_events_known_way"), type_="check")
        batch.drop_column("came_by")
