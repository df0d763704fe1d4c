"""People choose how numbers are written."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STYLES = "'region', 'comma_dot', 'dot_comma', 'space_comma', 'apostrophe_dot'"


def upgrade() -> None:
    """Add the column with its check in one: SQLite would else make the table anew, and other tables refer to it."""
    op.execute(
        "ALTER TABLE users ADD COLUMN number_style VARCHAR(16) DEFAULT 'region' NOT NULL "
        f"CONSTRAINT ck_users_known_number_style CHECK (number_style IN ({STYLES}))"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE users DROP COLUMN number_style")
