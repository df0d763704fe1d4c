"""Money that comes back: refunds and disputes; reconciliations and what they found; and what operators did."""

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
        batch.add_column(sa.Column("refund_days", sa.Integer(), server_default="0", nullable=False))
        batch.create_check_constraint(op.f("ck_purchases_refund_days_in_range"), "refund_days >= 0")
    _table("purchase_refunds")
    _table(
        "purchase_disputes",
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("due_by", sa.DateTime(timezone=True), nullable=True),
    )
    _reconciliations()
    _create_operator_acts()
    _refund_orders()
    _changes()
    _refund_requests()
    op.add_column("users", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("users", "closed_at")
    op.drop_table("refund_requests")
    op.drop_table("money_back_changes")
    _no_reconciliations()
    _drop_operator_acts()
    op.drop_table("refund_orders")
    for name in ("purchase_disputes", "purchase_refunds"):
        op.drop_table(name)
    with op.batch_alter_table("purchases") as batch:
        batch.drop_constraint(op.f("ck_purchases_refund_days_in_range"), type_="check")
        batch.drop_column("refund_days")
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
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("closed_reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "kind IN ('missing', 'extra', 'differs')", name=op.f("ck_reconciliation_findings_known_kind")
        ),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"], ["reconciliations.id"], name=op.f("fk_reconciliation_findings_reconciliation_id")
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name=op.f("fk_reconciliation_findings_closed_by")),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_reconciliation_findings")),
    )
    op.create_index("ix_reconciliation_findings_report", "reconciliation_findings", ["reconciliation_id"])
    op.create_index("ix_reconciliation_findings_newest", "reconciliation_findings", ["found_at"])
    op.create_index("ix_reconciliation_findings_waiting", "reconciliation_findings", ["needs_person", "closed_at"])
    op.create_index("ix_purchases_opened", "purchases", ["opened_at", "id"])


def _no_reconciliations() -> None:
    op.drop_index("ix_purchases_opened", "purchases")
    op.drop_table("reconciliation_findings")
    op.drop_table("reconciliations")
    with op.batch_alter_table("webhook_events") as batch:
        batch.drop_constraint(op.f("ck_webhook_events_known_way"), type_="check")
        batch.drop_column("came_by")


ACTS_REFUSAL = "operator_acts are append-only"


def _create_operator_acts() -> None:
    """What operators did, append-only, and the index by which they find people."""
    op.create_table(
        "operator_acts",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("entry_seqs", sa.JSON(), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_operator_acts_has_reason")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_operator_acts_account_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["users.id"], name=op.f("fk_operator_acts_operator_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_operator_acts")),
        sa.UniqueConstraint("account_id", "form_key", name=op.f("uq_operator_acts_account_id_form_key")),
    )
    op.create_index("ix_operator_acts_id", "operator_acts", ["id"])
    op.create_index("ix_operator_acts_newest", "operator_acts", ["acted_at", "id"])
    op.create_index("ix_operator_acts_of_account", "operator_acts", ["account_id", "acted_at", "id"])
    op.create_index(
        "ix_users_email_begins", "users", ["email_key"], postgresql_ops={"email_key": "varchar_pattern_ops"}
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_acts() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{ACTS_REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$"
        )
        op.execute(
            "CREATE TRIGGER operator_acts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_acts "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_acts()"
        )
        return
    for verb in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER operator_acts_no_{verb} BEFORE {verb.upper()} ON operator_acts "
            f"BEGIN SELECT RAISE(ABORT, '{ACTS_REFUSAL}'); END"
        )


def _drop_operator_acts() -> None:
    op.drop_index("ix_users_email_begins", "users")
    op.drop_table("operator_acts")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_acts()")


def _refund_orders() -> None:
    op.create_table(
        "refund_orders",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purchase_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("order_key", sa.String(length=300), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("refund_id", sa.String(length=255), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_orders_amount_in_range")),
        sa.CheckConstraint("state IN ('asked', 'made', 'refused')", name=op.f("ck_refund_orders_known_state")),
        sa.CheckConstraint(
            "(state = 'made') = (refund_id IS NOT NULL)", name=op.f("ck_refund_orders_made_means_refund")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "purchase_id"],
            ["purchases.account_id", "purchases.id"],
            name=op.f("fk_refund_orders_account_id_purchase_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "purchase_id", "number", name=op.f("pk_refund_orders")),
        sa.UniqueConstraint("account_id", "order_key", name=op.f("uq_refund_orders_account_id_order_key")),
    )
    asked = sa.text("state = 'asked'")
    op.create_index(
        "uq_refund_orders_asked",
        "refund_orders",
        ["account_id", "purchase_id"],
        unique=True,
        sqlite_where=asked,
        postgresql_where=asked,
    )
    op.create_index("ix_refund_orders_unfinished", "refund_orders", ["state", "ordered_at"])


def _changes() -> None:
    op.create_table(
        "money_back_changes",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purchase_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("about_id", sa.String(length=255), nullable=False),
        sa.Column("about", sa.String(length=12), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.Column("until_seq", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("about IN ('refund', 'dispute')", name=op.f("ck_money_back_changes_known_about")),
        sa.CheckConstraint(
            "returned_minor <> 0 OR disputed_minor <> 0", name=op.f("ck_money_back_changes_changes_something")
        ),
        sa.CheckConstraint(
            "after_seq >= 0 AND until_seq >= after_seq", name=op.f("ck_money_back_changes_entries_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "purchase_id"],
            ["purchases.account_id", "purchases.id"],
            name=op.f("fk_money_back_changes_account_id_purchase_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "purchase_id", "number", "about_id", name=op.f("pk_money_back_changes")),
    )


OPEN_REQUEST = "state IN ('asked', 'approved')"


def _refund_requests() -> None:
    op.create_table(
        "refund_requests",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("purchase_id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("form_key", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quoted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'approved', 'declined', 'withdrawn', 'refunded')",
            name=op.f("ck_refund_requests_known_state"),
        ),
        sa.CheckConstraint("credits > 0 AND amount_minor > 0", name=op.f("ck_refund_requests_quote_in_range")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_refund_requests_tries_count")),
        sa.CheckConstraint(f"(ended_at IS NULL) = ({OPEN_REQUEST})", name=op.f("ck_refund_requests_ended_says_when")),
        sa.ForeignKeyConstraint(
            ["account_id", "purchase_id"],
            ["purchases.account_id", "purchases.id"],
            name=op.f("fk_refund_requests_account_id_purchase_id"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_refund_requests_decided_by")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_refund_requests_user_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_refund_requests")),
        sa.UniqueConstraint("account_id", "form_key", name=op.f("uq_refund_requests_account_id_form_key")),
    )
    op.create_index(
        "uq_refund_requests_open",
        "refund_requests",
        ["account_id", "purchase_id"],
        unique=True,
        sqlite_where=sa.text(OPEN_REQUEST),
        postgresql_where=sa.text(OPEN_REQUEST),
    )
    op.create_index("ix_refund_requests_id", "refund_requests", ["id"])
    op.create_index("ix_refund_requests_waiting", "refund_requests", ["state", "asked_at"])
