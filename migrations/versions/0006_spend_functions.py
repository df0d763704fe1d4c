"""The functions that write plain spends on PostgreSQL in one round trip."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parents[1] / "functions" / "0006_spend.sql"


def upgrade() -> None:
    """Create them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTIONS.read_text())


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION spend_line(json, timestamptz)")
        op.execute("DROP FUNCTION spend_lines(json, timestamptz)")
