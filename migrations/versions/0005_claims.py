"""What refunds and disputes ask back of a payment, and an index of the lots that owe or paid a debt."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the index."""
    op.create_table(
        "claims",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("source_kind", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_floor", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("total_minor BETWEEN 0 AND 9000000000", name=op.f("ck_claims_total_in_range")),
        sa.CheckConstraint(
            "returned_minor BETWEEN 0 AND 9000000000 AND disputed_minor BETWEEN 0 AND 9000000000",
            name=op.f("ck_claims_parts_in_range"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_claims_account_id")),
        sa.PrimaryKeyConstraint("account_id", "source_kind", "source_id", name=op.f("pk_claims")),
    )
    op.create_index(
        "ix_grants_owing",
        "grants",
        ["account_id"],
        postgresql_where=sa.text("owed <> 0"),
        sqlite_where=sa.text("owed <> 0"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_grants_owing", "grants")
    op.drop_table("claims")
