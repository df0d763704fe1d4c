"""Migrations go up, down and up again, with a row in every table, on both databases; the models say the same."""

import datetime as dt
import os
import subprocess
import sys
from contextlib import contextmanager

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import create_engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

import webapp.alerts.models
import webapp.billing.models
import webapp.billing.money_back.models
import webapp.billing.reconcile.models
import webapp.billing.subscriptions.models
import webapp.exports.models
import webapp.operators.models
import webapp.people.models
import webapp.worker.models  # noqa: F401  # every table must be known
from tests.support.databases import ROOT
from webapp.extensions import db, migrate
from webapp.orm import Base, configure_engine

THEN = dt.datetime(2026, 11, 20, 14, 32, 0, 123456, tzinfo=dt.UTC)
LATER = THEN + dt.timedelta(days=30)

# What it was before nobody has used; from revision 0012 on it is another table of the same name.
MADE_ANEW = {"limit_windows"}

# One row for each table; what is not given takes the column's default, as in the application.
ROWS = {
    "accounts": {"id": 2**53 - 1, "available": 60, "held": 10, "seq": 4, "created_at": THEN},
    "users": {"id": 1, "account_id": 2**53 - 1, "email": "Ä@example.com", "email_key": "ä@example.com"}
    | {"password_hash": "$argon2id$…", "created_at": THEN},
    "signed_in_browsers": {"secret_hash": "a" * 64, "user_id": 1, "signed_in_at": THEN, "ends_at": LATER},
    "sign_in_failures": {"email_hash": "b" * 64, "address_hash": "c" * 64, "failed_at": THEN},
    "entries": [
        entry := {"account_id": 2**53 - 1, "seq": 1, "kind": "grant", "credits": 100, "balance_after": 100}
        | {"available_after": 100, "held_after": 0, "key": "purchase:1", "fingerprint": "d" * 64, "key_id": 0}
        | {"meter": "", "quantity": None, "used_on": None, "reverses_seq": None, "hold_seq": None}
        | {
            "source_kind": "purchase",
            "source_id": "1",
            "actor_kind": "stripe",
            "occurred_at": THEN,
            "created_at": THEN,
        },
        entry
        | {"seq": 2, "kind": "spend", "credits": -40, "balance_after": 60, "available_after": 60}
        | {"key": "api:ü", "used_on": THEN.date(), "quantity": 12, "meter": "call_minute"},
        entry
        | {"seq": 3, "kind": "reverse", "credits": 10, "balance_after": 70, "available_after": 70}
        | {"key": "api:r", "used_on": THEN.date(), "reverses_seq": 2},
        entry
        | {"seq": 4, "kind": "hold", "credits": 0, "balance_after": 70, "available_after": 60, "key": "api:h"}
        | {"held_after": 10},
    ],
    "entry_details": {
        "account_id": 2**53 - 1,
        "seq": 2,
        "description": "Anruf 📞",
        "details": {"call": [1, None, "x"]},
    },
    "grants": {"account_id": 2**53 - 1, "seq": 1, "kind": "purchased", "priority": 30, "granted": 100}
    | {"available": 60, "held": 10, "spent": 30, "expires_at": dt.datetime(9999, 1, 1, tzinfo=dt.UTC)}
    | {"source_kind": "purchase", "source_id": "1", "created_at": THEN},
    "postings": {"account_id": 2**53 - 1, "entry_seq": 2, "grant_seq": 1, "from_book": "available"}
    | {"to_book": "spent", "credits": 40},
    "holds": {"account_id": 2**53 - 1, "seq": 4, "credits": 10, "expires_at": LATER, "created_at": THEN},
    "usage_daily": {"account_id": 2**53 - 1, "used_on": THEN.date(), "grant_kind": "purchased"}
    | {"credits": 30, "count": 1},
    "claims": {"account_id": 2**53 - 1, "source_kind": "purchase", "source_id": "1", "total_minor": 2000}
    | {"returned_minor": 0, "disputed_minor": 0, "is_floor": False, "told_at": THEN},
    "spend_limits": {"account_id": 2**53 - 1, "key_id": 0, "period": "month", "credits": 500, "pauses": True}
    | {"is_money": False, "changed_at": THEN},
    "limit_windows": {"account_id": 2**53 - 1, "key_id": 0, "period": "month", "starts_at": THEN, "ends_at": LATER}
    | {"used": 30, "held": 10},
    "purchases": {"account_id": 2**53 - 1, "id": "p1", "user_id": 1, "reference": "P-7K2M", "stripe_mode": "test"}
    | {"pack_slug": "small", "pack_name": "Small", "credits": 500, "amount_minor": 2000, "currency": "usd"}
    | {"takeback": "debt", "price_id": "price_1", "open_key": "form:1", "open_fingerprint": "e" * 64}
    | {"params": {"line_items": [{"price": "price_1"}]}, "state": "paid", "grant_seq": 1, "total_minor": 2000}
    | {"opened_at": THEN, "expires_at": LATER, "asked_at": THEN},
    "purchase_refunds": {"account_id": 2**53 - 1, "id": "re_1", "purchase_id": "p1", "amount_minor": 500}
    | {"currency": "usd", "state": "pending", "reason": "", "made_at": THEN, "changed_at": THEN},
    "purchase_disputes": {"account_id": 2**53 - 1, "id": "du_1", "purchase_id": "p1", "amount_minor": 2000}
    | {"currency": "usd", "state": "needs_response", "reason": "general", "is_withdrawn": True, "due_by": LATER}
    | {"made_at": THEN, "changed_at": THEN},
    "money_back_changes": {"account_id": 2**53 - 1, "purchase_id": "p1", "number": 1, "about_id": "re_1"}
    | {"about": "refund", "returned_minor": 500, "disputed_minor": 0, "currency": "usd", "after_seq": 4}
    | {"until_seq": 4, "seen_at": THEN},
    "refund_orders": {"account_id": 2**53 - 1, "purchase_id": "p1", "number": 1, "order_key": "form:1"}
    | {"amount_minor": 500, "currency": "usd", "state": "asked", "ordered_at": THEN},
    "refund_requests": {"account_id": 2**53 - 1, "id": "r1", "purchase_id": "p1", "user_id": 1, "credits": 60}
    | {"amount_minor": 240, "currency": "usd", "state": "asked", "form_key": "f" * 32, "asked_at": THEN}
    | {"quoted_at": THEN},
    "plan_checkouts": {"account_id": 2**53 - 1, "id": "c1", "user_id": 1, "stripe_mode": "test", "plan_slug": "plus"}
    | {"amount_minor": 1900, "currency": "usd", "price_id": "price_2", "open_key": "api:ü", "state": "complete"}
    | {"open_fingerprint": "e" * 64, "params": {"mode": "subscription"}, "session_id": "cs_2", "session_url": None}
    | {"subscription_id": "sub_1", "opened_at": THEN, "expires_at": LATER, "asked_at": THEN, "settled_at": LATER},
    "subscriptions": {"account_id": 2**53 - 1, "id": "sub_1", "stripe_mode": "test", "customer_id": "cus_1"}
    | {"plan_slug": "plus", "item_id": "si_1", "amount_minor": 1900, "currency": "usd", "billed_every": "month"}
    | {"status": "past_due", "period_starts_at": THEN, "period_ends_at": LATER, "problem": "action"}
    | {"problem_at": THEN, "invoice_url": "https://invoice.stripe.com/i/1", "paid_plan_slug": "plus"}
    | {"paid_starts_at": THEN, "paid_ends_at": LATER, "next_step_at": LATER, "started_at": THEN, "told": "t" * 64}
    | {"read_at": THEN},
    "plan_invoices": {"account_id": 2**53 - 1, "id": "in_1", "subscription_id": "sub_1", "number": "Ä-0001"}
    | {"status": "paid", "total_minor": 1900, "currency": "usd", "url": "", "made_at": THEN},
    "allowance_periods": {"account_id": 2**53 - 1, "source": "si_1", "starts_at": THEN, "ends_at": LATER}
    | {"plan_slug": "plus", "highest_credits": 500, "given_credits": 500, "is_base_given": True}
    | {"rolled_credits": None},
    "free_allowances": {"account_id": 2**53 - 1, "next_number": 3, "next_at": LATER},
    "stripe_customers": {"account_id": 2**53 - 1, "stripe_mode": "test", "customer_id": "cus_1", "created_at": THEN},
    "stripe_prices": {"stripe_mode": "test", "lookup_key": "refill_pack_small", "price_id": "price_1"}
    | {"product_id": "prod_1", "amount_minor": 2000, "currency": "usd", "is_active": True, "checked_at": THEN},
    "webhook_events": {"id": "evt_1", "stripe_mode": "test", "type": "charge.refunded", "state": "ignored"}
    | {"body": "{}", "created_at": THEN, "received_at": THEN},
    "alerts": {"account_id": 2**53 - 1, "kind": "expiring", "subject": "1", "occasion": "", "threshold": 7}
    | {"id": "a" * 20, "facts": {"credits": 60, "kind": "bonus"}, "raised_at": THEN, "ends_at": LATER},
    "alert_choices": {"account_id": 2**53 - 1, "allowance_50": True, "allowance_80": True, "allowance_100": False}
    | {"low_credits": 10**9, "expiring": False, "limits": True, "changed_at": THEN},
    "api_keys": [
        {"id": 2**53 - 1, "account_id": 2**53 - 1, "name": "Anrufe 📞", "scopes": "read spend", "created_at": THEN}
        | {"form_key": "f" * 32, "last_used_at": LATER, "revoked_at": None},
        {"id": 1, "account_id": None, "name": "Service", "scopes": "manage", "created_at": THEN}
        | {"form_key": None, "last_used_at": None, "revoked_at": LATER},
    ],
    "api_key_secrets": {"secret_hash": "g" * 64, "key_id": 2**53 - 1, "prefix": "rfa_12345678", "created_at": THEN}
    | {"form_key": "f" * 32, "ends_at": LATER},
    "host_accounts": {"external_id": "team/42", "account_id": 2**53 - 1, "created_at": THEN},
    "login_links": {"secret_hash": "h" * 64, "user_id": 1, "ends_at": LATER},
    "exports": {"account_id": 2**53 - 1, "id": "e" * 22, "is_search": True, "total": 4, "started_at": THEN}
    | {"noted_at": THEN},
    "reconciliations": {"id": 7, "stripe_mode": "test", "started_by": "worker", "state": "finished", "since_at": THEN}
    | {"reached_at": LATER, "started_at": THEN, "noted_at": THEN, "finished_at": LATER},
    "reconciliation_findings": {"fingerprint": "i" * 64, "reconciliation_id": 7, "kind": "missing"}
    | {"object_kind": "refund", "object_id": "re_1", "account_id": 2**53 - 1, "purchase_id": "p1"}
    | {"expected": {"state": "succeeded"}, "found": {}, "done": "settled", "needs_person": False, "found_at": THEN},
    "operator_acts": {"account_id": 2**53 - 1, "id": "a1", "operator_id": 1, "act": "grant", "reason": "Kulanz 📞"}
    | {"facts": {"credits": 5}, "before": {"balance": 60}, "after": {"balance": 65}, "entry_seqs": [1]}
    | {"form_key": "f" * 22, "acted_at": THEN},
    "sweep_runs": {"name": "purchases", "started_at": THEN},
}


@contextmanager
def migrating(url):
    """The application as far as `flask db …` needs it."""
    app = Flask("webapp")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    with app.app_context():
        configure_engine(db.engine)
        yield
        db.engine.dispose()


@pytest.fixture
def database(database_url):
    """A migrated database that `flask_migrate` works on."""
    with migrating(database_url):
        yield db.engine


@pytest.fixture
def filled(database):
    """The same with a row in every table."""
    fill(database)
    return database


def revisions():
    """Every revision, oldest first."""
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def everything_in(engine):
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(table).order_by(*table.primary_key)).fetchall()
            for table in Base.metadata.sorted_tables
        }


def tables_of(engine):
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def assert_append_only(engine):
    for statement in ("UPDATE entries SET credits = 1", "DELETE FROM postings"):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))


def fill(engine):
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(insert(table), ROWS[table.name])


def test_there_is_one_line_of_migrations():
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    assert scripts.get_heads() == [revisions()[-1]]
    assert scripts.get_bases() == [revisions()[0]]


def test_rows_are_given_for_every_table():
    assert set(ROWS) == set(Base.metadata.tables)


def test_up_from_nothing_makes_every_table_and_makes_history_append_only(filled):
    assert tables_of(filled) == set(Base.metadata.tables)
    assert all(rows for rows in everything_in(filled).values())
    assert_append_only(filled)


def test_down_with_data_leaves_nothing_and_up_again_makes_all(filled):
    flask_migrate.downgrade(revision="base")
    assert tables_of(filled) == set()
    if filled.dialect.name == "postgresql":
        with filled.connect() as connection:
            functions = (
                "SELECT count(*) FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
            )
            assert connection.scalar(text(functions)) == 0
    flask_migrate.upgrade()
    assert tables_of(filled) == set(Base.metadata.tables)
    fill(filled)
    assert_append_only(filled)
    flask_migrate.check()


@pytest.mark.parametrize("revision", revisions()[:-1])
def test_data_of_the_tables_that_a_step_down_keeps_survives_it_and_the_way_up_again(filled, revision):
    before = everything_in(filled)
    flask_migrate.downgrade(revision=revision)
    kept = tables_of(filled) - MADE_ANEW
    flask_migrate.upgrade()
    assert kept
    after = everything_in(filled)
    assert {table: after[table] for table in kept} == {table: before[table] for table in kept}
    assert_append_only(filled)
    flask_migrate.check()


def test_going_up_twice_changes_nothing(filled):
    before = everything_in(filled)
    flask_migrate.upgrade()
    assert everything_in(filled) == before


def test_the_models_say_what_the_migrations_say(database):
    flask_migrate.check()


@pytest.mark.parametrize(
    "drift",
    [
        "ALTER TABLE users ADD COLUMN nickname VARCHAR(20)",
        "DROP INDEX ix_purchases_newest",
        "CREATE UNIQUE INDEX uq_new ON users (name)",
    ],
)
def test_the_check_sees_a_database_that_differs(database, drift):
    with database.begin() as connection:
        connection.execute(text(drift))
    with pytest.raises(SystemExit):
        flask_migrate.check()


def test_a_migration_that_fails_leaves_the_database_at_the_one_before(database):
    """All of a migration or nothing, on both databases."""
    flask_migrate.downgrade(revision="0002")
    before = tables_of(database)
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE webhook_events (id INTEGER)"))  # in the way of the third migration
    with pytest.raises(DBAPIError):
        flask_migrate.upgrade()
    assert tables_of(database) == before | {"webhook_events"}
    with database.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0002"


def test_flask_db_works_from_a_shell(database_url, tmp_path):
    """`flask db upgrade`, `current` and `check` as an operator types them."""
    environment = {
        "PATH": os.environ["PATH"],
        "FLASK_APP": "wsgi",
        "APP_ENV": "test",
        "DATABASE_URL": database_url,
        "SECRET_KEY": "for-this-test",
        "STRIPE_MODE": "off",
        "HOME": str(tmp_path),
    }
    for words in (["upgrade"], ["current"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "flask", "db", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "current" not in words or revisions()[-1] in done.stdout


def test_stored_instants_come_back_to_the_microsecond(filled):
    engine = create_engine(filled.url)
    with engine.connect() as connection:
        (found,) = connection.execute(select(Base.metadata.tables["sweep_runs"].c.started_at)).one()
    engine.dispose()
    assert found == THEN
