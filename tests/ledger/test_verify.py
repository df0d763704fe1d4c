"""Each invariant finds the corruption planted for it, and names account, entry and both numbers."""

import datetime as dt
from dataclasses import dataclass

import pytest
from sqlalchemy import bindparam, create_engine, text
from sqlalchemy.orm import Session

from tests.ledger.by_hand import insert_entry
from webapp.ledger.errors import UnknownAccount
from webapp.ledger.invariants import INVARIANTS
from webapp.ledger.operations import SpendLimit, capture, expire, grant, hold, open_account, set_limit, spend
from webapp.ledger.verify import Fault, read_at_one_instant, verify
from webapp.orm import WRITES, UtcDateTime, configure_engine

TABLES = (
    "accounts",
    "entries",
    "entry_details",
    "grants",
    "postings",
    "holds",
    "usage_daily",
    "spend_limits",
    "limit_windows",
    "claims",
)
HOUR = dt.timedelta(hours=1)
LATER = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)  # after the first spend
EARLY = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)  # before everything


@pytest.fixture(scope="module")
def unguarded(shared_engine, tmp_path_factory, request):
    """A migrated database whose ledger tables have lost every constraint and trigger, to be corrupted."""
    if shared_engine.dialect.name == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('unguarded') / 'ledger.sqlite3'}")
        tables = f"SELECT name FROM shared.sqlite_master WHERE name IN {TABLES}"
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ATTACH DATABASE '{shared_engine.url.database}' AS shared")
            for (table,) in connection.exec_driver_sql(tables).all():
                connection.exec_driver_sql(f"CREATE TABLE {table} AS SELECT * FROM shared.{table} WHERE 1 = 0")
            uses_upsert = "CREATE UNIQUE INDEX upsert ON usage_daily (account_id, used_on, meter, key_id, grant_kind)"
            connection.exec_driver_sql(uses_upsert)
        configure_engine(engine)
    else:
        server = request.getfixturevalue("postgresql_server")
        server.run(f"CREATE DATABASE unguarded TEMPLATE {request.getfixturevalue('postgresql_template')}")
        engine = create_engine(server.url("unguarded"))
        with engine.begin() as connection:
            lost = (
                "SELECT conrelid::regclass, conname FROM pg_constraint "
                "WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u')"
            )
            for table, name in connection.exec_driver_sql(lost).all():
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE")
            for table in ("entries", "postings"):
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    yield engine
    engine.dispose()


@pytest.fixture
def session(unguarded):
    with Session(unguarded.execution_options(**{WRITES: True})) as session:
        yield session


@pytest.fixture
def story(session, now):
    """One account: 1 buys 100, 2 allowance of 50 for an hour, 3 spends 60 of both, 4 bonus of 20, 5 it expires,
    6 spends 5, 7 holds 8, 8 captures 6 of them, 9 holds 4; a limit of the account, which has counted all of it, and
    one of key 5, which has counted nothing; and a second account nobody touches."""
    account_id, healthy = open_account(session, now=now), open_account(session, now=now)

    def give(of_account, credits, number, kind, expires_at=None):
        facts = {"key": f"g{number}", "source_kind": "test", "source_id": str(number), "expires_at": expires_at}
        grant(session, of_account, kind=kind, credits=credits, **facts, now=now)

    give(account_id, 100, 1, "purchased")
    give(account_id, 50, 2, "allowance", now + HOUR)
    spend(session, account_id, credits=60, key="s1", meter="call_minute", quantity=20, now=now)
    give(account_id, 20, 4, "bonus", now + HOUR)
    expire(session, account_id, now=now + HOUR)
    spend(session, account_id, credits=5, key="s2", now=now + HOUR)
    hold(session, account_id, credits=8, key="h1", now=now + HOUR)
    capture(session, account_id, 7, credits=6, key="c1", now=now + HOUR)
    hold(session, account_id, credits=4, key="h2", now=now + HOUR)
    for key_id in (0, 5):
        limit = SpendLimit(key_id, "day", 500, pauses=True, is_money=False)
        set_limit(session, account_id, limit, may_stop_now=False, now=now + HOUR)
    give(healthy, 7, 1, "gift")
    spend(session, healthy, credits=2, key="s1", now=now)
    assert verify(session, now=now).faults == ()
    return account_id


@dataclass(frozen=True)
class Plant:
    """A corruption, and the fault that must name it."""

    rule: str
    seq: int | None
    expected: int
    found: int
    statement: str
    moment: dt.datetime | None = None


STARTS, ENDS = "UPDATE limit_windows SET starts_at", "UPDATE limit_windows SET ends_at"
OF = "WHERE account_id = :id AND"
CLAIM = "INSERT INTO claims VALUES (:id, 'test', '1', {}, (1 = 0), '2026-11-20 15:00:00')"
PLANTS = [
    Plant("account_is_its_lots", None, 75, 76, "UPDATE accounts SET available = available + 1 WHERE id = :id"),
    Plant("account_is_its_lots", None, 4, 3, "UPDATE accounts SET held = held - 1 WHERE id = :id"),
    Plant("account_is_its_lots", None, 0, 2, "UPDATE accounts SET frozen = 2 WHERE id = :id"),
    Plant("account_is_its_lots", None, 0, 9, "UPDATE accounts SET debt = 9 WHERE id = :id"),
    Plant("account_is_its_lots", None, -3, 0, f"UPDATE grants SET owed = 3, spent = spent - 3 {OF} seq = 1"),
    Plant("lot_is_its_postings", 1, 21, 22, f"UPDATE grants SET spent = 22, available = available - 1 {OF} seq = 1"),
    Plant("lot_is_its_postings", 4, 0, 1, f"UPDATE grants SET voided = 1, expired = 19 {OF} seq = 4"),
    Plant("lot_is_its_postings", 1, 100, 101, f"UPDATE grants SET granted = 101 {OF} seq = 1"),
    Plant("lot_is_its_postings", 2, 0, 50, f"DELETE FROM postings {OF} grant_seq = 2"),
    Plant("books_sum_to_granted", 4, 20, 21, f"UPDATE grants SET expired = 21 {OF} seq = 4"),
    Plant("used_up_is_empty", 1, 0, 1, f"UPDATE grants SET is_used_up = (1 = 1) {OF} seq = 1"),
    Plant("used_up_is_empty", 2, 1, 0, f"UPDATE grants SET is_used_up = (1 = 0) {OF} seq = 2"),
    Plant("entries_are_counted", None, 9, 8, f"DELETE FROM entries {OF} seq = 5"),
    Plant("entries_are_counted", None, 10, 9, "UPDATE accounts SET seq = 10 WHERE id = :id"),
    Plant("entries_are_counted", None, 9, 8, f"DELETE FROM entries {OF} seq = 9"),
    Plant("balance_runs", 5, 90, 91, f"UPDATE entries SET balance_after = 91 {OF} seq = 5"),
    Plant("balance_runs", 1, 100, 99, f"UPDATE entries SET balance_after = 99 {OF} seq = 1"),
    Plant("balance_runs", 6, 105, 85, f"DELETE FROM entries {OF} seq = 5"),
    Plant("entry_is_its_postings", 3, -60, -61, f"UPDATE entries SET credits = -61 {OF} seq = 3"),
    Plant(
        "entry_is_its_postings", 3, -61, -60, f"UPDATE postings SET credits = 51 {OF} entry_seq = 3 AND credits = 50"
    ),
    Plant("entry_is_its_postings", 6, 0, -5, f"DELETE FROM postings {OF} entry_seq = 6"),
    Plant("entry_is_its_postings", 9, -4, 0, f"UPDATE postings SET to_book = 'spent' {OF} entry_seq = 9"),
    Plant("last_entry_is_the_account", 9, 75, 70, f"UPDATE entries SET available_after = 70 {OF} seq = 9"),
    Plant("last_entry_is_the_account", 9, 4, 5, f"UPDATE entries SET held_after = 5 {OF} seq = 9"),
    Plant(
        "nothing_taken_after_expiry",
        3,
        0,
        50,
        f"UPDATE entries SET created_at = :moment {OF} seq = 3",
        dt.datetime(2026, 11, 20, 15, 32, tzinfo=dt.UTC),
    ),
    Plant("hold_is_its_postings", 9, 5, 4, f"UPDATE holds SET credits = 5 {OF} seq = 9"),
    Plant("hold_is_its_postings", 9, 0, 4, f"UPDATE holds SET state = 'released' {OF} seq = 9"),
    Plant("hold_is_its_postings", 7, 8, 0, f"UPDATE holds SET state = 'open', captured = 6 {OF} seq = 7"),
    Plant("hold_is_its_postings", 7, 5, 6, f"UPDATE holds SET captured = 5 {OF} seq = 7"),
    Plant("held_by_a_hold", 9, 0, 4, f"DELETE FROM holds {OF} seq = 9"),
    Plant("held_by_a_hold", 8, 0, 6, f"UPDATE entries SET hold_seq = 3 {OF} seq = 8"),
    Plant("debt_stands_alone", None, 0, 2, "UPDATE accounts SET debt = 2 WHERE id = :id"),
    Plant("debt_stands_alone", None, 0, -2, "UPDATE accounts SET debt = -2 WHERE id = :id"),
    Plant("one_grant_for_a_source", 4, 1, 2, f"UPDATE grants SET source_id = '1' {OF} seq = 4"),
    Plant("grant_is_its_entry", 4, 1, 0, f"UPDATE grants SET source_id = 'other' {OF} seq = 4"),
    Plant("grant_is_its_entry", 4, 1, 0, f"DELETE FROM grants {OF} seq = 4"),
    Plant("grant_is_its_entry", 4, 1, 0, f"UPDATE entries SET kind = 'giveback' {OF} seq = 4"),
    Plant("grant_is_its_entry", 3, 1, 0, f"UPDATE postings SET entry_seq = 3 {OF} entry_seq = 4"),
    Plant("usage_is_its_entries", None, 50, 51, f"UPDATE usage_daily SET credits = 51 {OF} grant_kind = 'allowance'"),
    Plant("usage_is_its_entries", None, 1, 2, f"UPDATE usage_daily SET count = 2 {OF} grant_kind = 'allowance'"),
    Plant("usage_is_its_entries", None, 0, 1, f"UPDATE usage_daily SET count = 1 {OF} count = 0"),
    Plant("usage_is_its_entries", None, 50, 0, f"DELETE FROM usage_daily {OF} grant_kind = 'allowance'"),
    Plant(
        "usage_is_its_entries",
        None,
        0,
        3,
        "INSERT INTO usage_daily VALUES (:id, '2026-11-20', 'call_minute', 0, 'bonus', 3, 0)",
    ),
    Plant("usage_is_its_entries", None, 0, 50, f"UPDATE entries SET used_on = '2026-11-21' {OF} seq = 3"),
    Plant("usage_is_its_entries", None, 0, 10, f"UPDATE entries SET meter = 'other' {OF} seq = 3"),
    Plant("claim_is_settled", 1, 50, 0, CLAIM.format("1000, 500, 0")),
    Plant("claim_is_settled", 1, 33, 0, CLAIM.format("3000, 0, 1000")),
    Plant("claim_is_settled", 1, 0, 3, f"UPDATE grants SET voided = 3, available = available - 3 {OF} seq = 1"),
    Plant("claim_is_settled", 1, 0, 2, f"UPDATE grants SET frozen = 2, available = available - 2 {OF} seq = 1"),
    Plant("limits_are_counted", None, 2, 3, "UPDATE accounts SET limits = limits + 1 WHERE id = :id"),
    Plant("limits_are_counted", None, 1, 2, f"DELETE FROM spend_limits {OF} key_id = 5"),
    Plant("window_is_its_entries", None, 71, 72, f"UPDATE limit_windows SET used = used + 1 {OF} key_id = 0"),
    Plant("window_is_its_entries", None, 0, 2, f"UPDATE limit_windows SET used = 2 {OF} key_id = 5"),
    Plant("window_is_its_entries", None, 4, 3, f"UPDATE limit_windows SET held = held - 1 {OF} key_id = 0"),
    Plant(
        "window_is_its_entries", None, 11, 71, f"UPDATE limit_windows SET starts_at = :moment {OF} key_id = 0", LATER
    ),
    Plant("window_is_its_entries", None, 60, 71, f"{ENDS} = :moment {OF} key_id = 0", LATER),
    Plant("window_is_its_entries", None, 0, 4, f"{ENDS} = :moment {OF} key_id = 0", EARLY),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.rule}: {plant.statement[:60]}")
@pytest.mark.parametrize("is_alone", [True, False], ids=["one account", "all accounts"])
def test_verify_names_what_was_planted(session, story, now, plant, is_alone):
    given = {"id": story} | ({"moment": plant.moment} if plant.moment else {})
    times = [bindparam("moment", type_=UtcDateTime())] if plant.moment else []
    assert session.execute(text(plant.statement).bindparams(*times), given).rowcount >= 1
    faults = verify(session, story if is_alone else None, now=now).faults
    assert {fault.account_id for fault in faults} == {story}
    planted = [fault for fault in faults if key(fault) == (plant.rule, plant.seq, plant.expected, plant.found)]
    assert planted, faults
    sentence = planted[0].sentence
    assert str(story) in sentence
    assert str(plant.expected) in sentence
    assert str(plant.found) in sentence
    assert plant.seq is None or f"entry {plant.seq}" in sentence


def key(fault: Fault):
    return fault.rule, fault.seq, fault.expected, fault.found


def test_every_invariant_has_found_something():
    assert {plant.rule for plant in PLANTS} == {invariant.rule for invariant in INVARIANTS}


def test_a_sentence_says_where_and_what(session, story, now):
    session.execute(text("UPDATE entries SET credits = -61 WHERE account_id = :id AND seq = 3"), {"id": story})
    sentences = [fault.sentence for fault in verify(session, now=now).faults]
    assert f"Account {story}, entry 3: the credits of the entry are -61, its postings say -60." in sentences


def test_verify_repairs_nothing(session, story, now):
    session.execute(text("UPDATE accounts SET available = available + 1 WHERE id = :id"), {"id": story})
    assert verify(session, now=now).faults == verify(session, now=now).faults != ()


def test_a_healthy_account_is_not_blamed_for_another(session, story, now):
    session.execute(text("UPDATE accounts SET available = available + 1 WHERE id = :id"), {"id": story})
    (healthy,) = session.scalars(text("SELECT id FROM accounts WHERE id <> :id"), {"id": story}).all()
    assert verify(session, healthy, now=now).faults == ()


def test_the_report_says_what_was_checked_and_when(session, story, now):
    report = verify(session, now=now)
    assert (report.accounts, report.entries, report.checked_at, report.is_complete) == (2, 11, now, True)
    report = verify(session, story, now=now)
    assert (report.accounts, report.entries) == (1, 9)


def test_there_is_no_report_of_an_unknown_account(session, now):
    for account_id in (1, 2**70):
        with pytest.raises(UnknownAccount):
            verify(session, account_id, now=now)


def test_of_very_many_faults_the_first_hundred_of_each_rule_are_told(session, now):
    for number in range(101):
        account_id = open_account(session, now=now)
        insert_entry(session, account_id, seq=1, kind="expire", key=str(number), now=now)
    report = verify(session, now=now)
    told = [fault for fault in report.faults if fault.rule == "entry_is_its_postings"]
    assert (len(told), report.is_complete) == (100, False)


@pytest.mark.parametrize("shared_engine", ["postgresql"], indirect=True)  # SQLite reads at one instant by itself
def test_a_check_of_a_ledger_in_use_reads_at_one_instant(unguarded, now):
    with Session(unguarded) as reading:
        read_at_one_instant(reading)
        before = verify(reading, now=now)
        with Session(unguarded) as writing, writing.begin():
            open_account(writing, now=now)
        assert verify(reading, now=now) == before
    with Session(unguarded) as reading:
        assert verify(reading, now=now).accounts == before.accounts + 1
