"""Spend limits and what they count; pauses by the owner; accounts that have changed since somebody looked."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parents[1] / "functions"

# Added one by one, each with its check: SQLite would else make the table anew, and other tables refer to it.
COLUMNS = {
    "owner_paused_at": "{instant}",
    "limits": "INTEGER DEFAULT 0 NOT NULL CONSTRAINT ck_accounts_limits_counts CHECK (limits >= 0)",
    "has_changed": "BOOLEAN DEFAULT false NOT NULL",
}
INSTANTS = {"sqlite": "DATETIME", "postgresql": "TIMESTAMP WITH TIME ZONE"}


def upgrade() -> None:
    """Create the tables, add the columns, and let the spend functions look at them.

    The table of windows was there and never used: it is made anew, as it is needed.
    """
    dialect = op.get_bind().dialect.name
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE accounts ADD COLUMN {name} {kind.format(instant=INSTANTS[dialect])}")
    op.execute("CREATE INDEX ix_accounts_changed ON accounts (id) WHERE has_changed")

    op.create_table(
        "spend_limits",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("pauses", sa.Boolean(), nullable=False),
        sa.Column("is_money", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("credits BETWEEN 1 AND 1000000000", name=op.f("ck_spend_limits_credits_in_range")),
        sa.CheckConstraint("key_id >= 0", name=op.f("ck_spend_limits_key_or_none")),
        sa.CheckConstraint("period IN ('day', 'week', 'month')", name=op.f("ck_spend_limits_known_period")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_spend_limits_account_id")),
        sa.PrimaryKeyConstraint("account_id", "key_id", "period", name=op.f("pk_spend_limits")),
    )
    op.drop_table("limit_windows")
    op.create_table(
        "limit_windows",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_limit_windows_lasts")),
        sa.CheckConstraint("used >= 0 AND held >= 0", name=op.f("ck_limit_windows_not_negative")),
        sa.ForeignKeyConstraint(
            ["account_id", "key_id", "period"],
            ["spend_limits.account_id", "spend_limits.key_id", "spend_limits.period"],
            name=op.f("fk_limit_windows_account_id_key_id_period"),
        ),
        sa.PrimaryKeyConstraint("account_id", "key_id", "period", "starts_at", name=op.f("pk_limit_windows")),
    )
    if dialect == "postgresql":
        op.execute((FUNCTIONS / "0012_spend.sql").read_text())


def downgrade() -> None:
    """Drop them; the functions are again those of before, and so is the table of windows."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION spend_line(json, timestamptz)")
        op.execute("DROP FUNCTION spend_lines(json, timestamptz)")
        op.execute((FUNCTIONS / "0006_spend.sql").read_text())
    op.drop_table("limit_windows")
    op.create_table(
        "limit_windows",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("limit_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0 AND held >= 0", name=op.f("ck_limit_windows_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_limit_windows_account_id")),
        sa.PrimaryKeyConstraint("account_id", "limit_id", "starts_at", name=op.f("pk_limit_windows")),
    )
    op.drop_table("spend_limits")
    op.execute("DROP INDEX ix_accounts_changed")
    for name in reversed(COLUMNS):
        op.execute(f"ALTER TABLE accounts DROP COLUMN {name}")
