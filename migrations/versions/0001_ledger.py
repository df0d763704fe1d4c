"""The ledger's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("frozen", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("spending_paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("available + held + frozen <= 9007199254740992", name=op.f("ck_accounts_largest_balance")),
        sa.CheckConstraint("available = 0 OR debt = 0", name=op.f("ck_accounts_no_debt_beside_credits")),
        sa.CheckConstraint(
            "available >= 0 AND held >= 0 AND frozen >= 0 AND debt >= 0", name=op.f("ck_accounts_not_negative")
        ),
        sa.CheckConstraint("id BETWEEN 1 AND 9007199254740991", name=op.f("ck_accounts_id_in_range")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_accounts_seq_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        postgresql_with={"fillfactor": 60},
    )

    op.create_table(
        "entries",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("available_after", sa.BigInteger(), nullable=False),
        sa.Column("held_after", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("reverses_seq", sa.BigInteger(), nullable=True),
        sa.Column("hold_seq", sa.BigInteger(), nullable=True),
        sa.Column("source_kind", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("actor_kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(hold_seq IS NOT NULL) = (kind IN ('capture', 'release'))", name=op.f("ck_entries_settles_a_hold")
        ),
        sa.CheckConstraint(
            "(reverses_seq IS NOT NULL) = (kind = 'reverse')", name=op.f("ck_entries_reverse_says_what")
        ),
        sa.CheckConstraint(
            "(used_on IS NOT NULL) = (kind IN ('spend', 'capture', 'reverse'))", name=op.f("ck_entries_use_has_a_day")
        ),
        sa.CheckConstraint(
            "actor_kind IN ('system', 'user', 'operator', 'key', 'stripe')", name=op.f("ck_entries_known_actor")
        ),
        sa.CheckConstraint(
            "credits < 0 OR kind NOT IN ('spend', 'expire', 'void', 'takeback')", name=op.f("ck_entries_lowers_balance")
        ),
        sa.CheckConstraint("credits <= 0 OR kind <> 'capture'", name=op.f("ck_entries_capture_takes")),
        sa.CheckConstraint(
            "credits = 0 OR kind NOT IN ('hold', 'release', 'freeze', 'unfreeze')",
            name=op.f("ck_entries_keeps_balance"),
        ),
        sa.CheckConstraint(
            "credits > 0 OR kind NOT IN ('grant', 'reverse', 'giveback')", name=op.f("ck_entries_raises_balance")
        ),
        sa.CheckConstraint("key <> ''", name=op.f("ck_entries_has_key")),
        sa.CheckConstraint(
            "kind IN ('grant', 'spend', 'hold', 'release', 'capture', 'reverse', 'expire', 'void', "
            "'freeze', 'unfreeze', 'takeback', 'giveback')",
            name=op.f("ck_entries_known_kind"),
        ),
        sa.CheckConstraint("available_after >= 0 AND held_after >= 0", name=op.f("ck_entries_not_negative")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_entries_quantity_in_range")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_entries_seq_from_one")),
        sa.ForeignKeyConstraint(
            ["account_id", "hold_seq"],
            ["entries.account_id", "entries.seq"],
            name=op.f("fk_entries_account_id_hold_seq"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "reverses_seq"],
            ["entries.account_id", "entries.seq"],
            name=op.f("fk_entries_account_id_reverses_seq"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_entries_account_id")),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_entries")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_entries_account_id_key")),
    )
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_entries_hold",
            ["account_id", "hold_seq"],
            unique=False,
            postgresql_where=sa.text("hold_seq IS NOT NULL"),
            sqlite_where=sa.text("hold_seq IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_entries_rare",
            ["account_id", "seq"],
            unique=False,
            postgresql_where=sa.text("kind NOT IN ('spend', 'hold', 'release', 'capture')"),
            sqlite_where=sa.text("kind NOT IN ('spend', 'hold', 'release', 'capture')"),
        )
        batch_op.create_index(
            "ix_entries_reverses",
            ["account_id", "reverses_seq"],
            unique=False,
            postgresql_where=sa.text("reverses_seq IS NOT NULL"),
            sqlite_where=sa.text("reverses_seq IS NOT NULL"),
        )

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

    op.create_table(
        "usage_daily",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grant_kind", sa.String(length=12), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "grant_kind IN ('allowance', 'purchased', 'bonus', 'gift', 'adjustment')",
            name=op.f("ck_usage_daily_known_kind"),
        ),
        sa.CheckConstraint("credits >= 0 AND count >= 0", name=op.f("ck_usage_daily_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_usage_daily_account_id")),
        sa.PrimaryKeyConstraint("account_id", "used_on", "meter", "key_id", "grant_kind", name=op.f("pk_usage_daily")),
        postgresql_with={"fillfactor": 70},
    )

    op.create_table(
        "entry_details",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "seq"], ["entries.account_id", "entries.seq"], name=op.f("fk_entry_details_account_id_seq")
        ),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_entry_details")),
    )

    op.create_table(
        "grants",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("frozen", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("voided", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("voided_by_operator", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_kind", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("is_used_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('allowance', 'purchased', 'bonus', 'gift', 'adjustment')", name=op.f("ck_grants_known_kind")
        ),
        sa.CheckConstraint(
            "available + held + frozen + spent + expired + voided + owed = granted",
            name=op.f("ck_grants_books_sum_to_granted"),
        ),
        sa.CheckConstraint("available BETWEEN 0 AND granted", name=op.f("ck_grants_available_in_range")),
        sa.CheckConstraint("expired BETWEEN 0 AND granted", name=op.f("ck_grants_expired_in_range")),
        sa.CheckConstraint("frozen BETWEEN 0 AND granted", name=op.f("ck_grants_frozen_in_range")),
        sa.CheckConstraint("granted BETWEEN 1 AND 1000000000", name=op.f("ck_grants_granted_in_range")),
        sa.CheckConstraint("held BETWEEN 0 AND granted", name=op.f("ck_grants_held_in_range")),
        sa.CheckConstraint(
            "is_used_up = (available = 0 AND held = 0 AND frozen = 0)",
            name=op.f("ck_grants_used_up_means_nothing_left"),
        ),
        sa.CheckConstraint("owed + spent >= 0", name=op.f("ck_grants_owes_at_most_what_was_spent")),
        sa.CheckConstraint("spent BETWEEN 0 AND granted", name=op.f("ck_grants_spent_in_range")),
        sa.CheckConstraint("voided BETWEEN 0 AND granted", name=op.f("ck_grants_voided_in_range")),
        sa.CheckConstraint("voided_by_operator BETWEEN 0 AND voided", name=op.f("ck_grants_operator_part_of_voided")),
        sa.ForeignKeyConstraint(
            ["account_id", "seq"], ["entries.account_id", "entries.seq"], name=op.f("fk_grants_account_id_seq")
        ),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_grants")),
        sa.UniqueConstraint(
            "account_id", "source_kind", "source_id", name=op.f("uq_grants_account_id_source_kind_source_id")
        ),
        postgresql_with={"fillfactor": 70},
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(
            "ix_grants_burn_order",
            ["account_id", "priority", "expires_at", "seq"],
            unique=False,
            postgresql_where=sa.text("NOT is_used_up"),
            sqlite_where=sa.text("NOT is_used_up"),
        )
        batch_op.create_index(
            "ix_grants_due",
            ["expires_at"],
            unique=False,
            postgresql_where=sa.text("NOT is_used_up"),
            sqlite_where=sa.text("NOT is_used_up"),
        )

    op.create_table(
        "holds",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "captured >= 0 AND (captured = 0 OR state = 'captured')", name=op.f("ck_holds_captured_when_closed")
        ),
        sa.CheckConstraint("state IN ('open', 'captured', 'released', 'expired')", name=op.f("ck_holds_known_state")),
        sa.CheckConstraint("credits BETWEEN 1 AND 1000000000", name=op.f("ck_holds_credits_in_range")),
        sa.ForeignKeyConstraint(
            ["account_id", "seq"], ["entries.account_id", "entries.seq"], name=op.f("fk_holds_account_id_seq")
        ),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_holds")),
    )
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.create_index(
            "ix_holds_due",
            ["expires_at"],
            unique=False,
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_holds_open",
            ["account_id", "expires_at"],
            unique=False,
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "postings",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grant_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_book", sa.String(length=12), nullable=False),
        sa.Column("to_book", sa.String(length=12), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "from_book || ' ' || to_book IN ('issued available', 'available spent', 'available held', "
            "'available frozen', 'available expired', 'available voided', 'available owed', 'held spent', "
            "'held available', 'frozen available', 'frozen voided', 'spent available', 'voided available', "
            "'voided owed', 'owed available', 'owed voided')",
            name=op.f("ck_postings_known_move"),
        ),
        sa.CheckConstraint("credits > 0", name=op.f("ck_postings_positive")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_seq"],
            ["entries.account_id", "entries.seq"],
            name=op.f("fk_postings_account_id_entry_seq"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "grant_seq"],
            ["grants.account_id", "grants.seq"],
            name=op.f("fk_postings_account_id_grant_seq"),
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "entry_seq", "grant_seq", "from_book", "to_book", name=op.f("pk_postings")
        ),
    )


def downgrade() -> None:
    """Drop them, with their indexes."""
    op.drop_table("postings")
    op.drop_table("holds")
    op.drop_table("grants")
    op.drop_table("entry_details")
    op.drop_table("usage_daily")
    op.drop_table("limit_windows")
    op.drop_table("entries")
    op.drop_table("accounts")
