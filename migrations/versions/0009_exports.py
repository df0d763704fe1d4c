"""Exports of the history while they run, and an index for each of the history's rare filters."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FREQUENT = "'spend', 'hold', 'release', 'capture'"
INDEXES = {
    "ix_entries_grants": "kind IN ('grant')",
    "ix_entries_takebacks": "kind IN ('takeback', 'giveback', 'void', 'freeze', 'unfreeze')",
    "ix_entries_expiries": "kind IN ('expire')",
}


def upgrade() -> None:
    """Create the table; three indexes take the place of the one for all rare kinds."""
    op.create_table(
        "exports",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("is_search", sa.Boolean(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('running', 'finished', 'stopped')", name=op.f("ck_exports_known_state")),
        sa.CheckConstraint("total >= 0 AND looked >= 0 AND lines >= 0", name=op.f("ck_exports_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_exports_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_exports")),
    )
    op.create_index("ix_exports_noted_at", "exports", ["noted_at"])
    for name, condition in INDEXES.items():
        _index(name, condition)
    op.drop_index("ix_entries_rare", "entries")


def downgrade() -> None:
    """The one index again, and no table."""
    _index("ix_entries_rare", f"kind NOT IN ({FREQUENT})")
    for name in INDEXES:
        op.drop_index(name, "entries")
    op.drop_index("ix_exports_noted_at", "exports")
    op.drop_table("exports")


def _index(name: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "entries", ["account_id", "seq"], postgresql_where=where, sqlite_where=where)
