"""Writing at the edge: one transaction commits once or leaves nothing, and is tried again when the database asks."""

import sqlite3
import threading
from contextlib import closing

import psycopg.errors
import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError, OperationalError

from webapp import extensions
from webapp.extensions import ATTEMPTS, db, end_reading, transact, transaction
from webapp.ledger.models import Account
from webapp.orm import configure_engine, is_transient, utc_now


@pytest.fixture
def app(database_url):
    """The database side of an application and nothing else."""
    app = Flask("webapp")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    with app.app_context():
        configure_engine(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def account_id(app):
    with transaction() as session:
        session.execute(insert(Account).values(id=7, created_at=utc_now()))
    return 7


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between attempts, noted instead of slept."""
    noted = []
    monkeypatch.setattr(extensions.time, "sleep", noted.append)
    return noted


@pytest.fixture
def commits(app):
    """Every COMMIT and ROLLBACK the engine sends, in order."""
    sent = []
    event.listen(db.engine, "commit", lambda connection: sent.append("commit"))
    event.listen(db.engine, "rollback", lambda connection: sent.append("rollback"))
    return sent


def available(account_id=7):
    with db.engine.connect() as connection:
        return connection.scalar(select(Account.available).where(Account.id == account_id))


def set_available(session, credits):
    session.execute(update(Account).where(Account.id == 7).values(available=credits))


class Aborted(Exception):
    """A fault of the work itself."""


def transient_error(app):
    """What the driver raises when the same transaction may succeed later."""
    if db.engine.dialect.name == "sqlite":
        return OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))
    return OperationalError("UPDATE", {}, psycopg.errors.SerializationFailure("could not serialize access"))


def test_a_transaction_commits_once_at_its_end(account_id, commits):
    with transaction() as session:
        set_available(session, 5)
        assert commits == []
    assert commits == ["commit"]
    assert available() == 5


def test_a_transaction_that_breaks_leaves_nothing(account_id, commits):
    def work(session):
        set_available(session, 5)
        session.execute(insert(Account).values(id=8, created_at=utc_now()))
        raise Aborted

    with pytest.raises(Aborted):
        transact(work)
    assert commits == ["rollback"]
    assert (available(), available(8)) == (0, None)


def test_a_transaction_refused_by_a_constraint_leaves_nothing(account_id):
    def work(session):
        session.execute(insert(Account).values(id=8, created_at=utc_now()))
        set_available(session, -1)

    with pytest.raises(IntegrityError):
        transact(work)
    assert (available(), available(8)) == (0, None)


def test_inner_code_cant_commit_and_go_on(account_id):
    def commits_by_itself(session):
        set_available(session, 5)
        session.commit()
        set_available(session, 6)

    with pytest.raises(InvalidRequestError, match="closed transaction"):
        transact(commits_by_itself)


def test_transact_gives_back_what_the_work_gives(account_id):
    assert transact(lambda session: session.scalar(select(Account.id))) == 7


def test_transact_retries_what_the_database_asks_for(app, account_id, pauses):
    tries = []

    def work(session):
        tries.append(session)
        set_available(session, len(tries))
        if len(tries) < 3:
            raise transient_error(app)
        return "done"

    assert transact(work) == "done"
    assert available() == 3
    assert len({id(session) for session in tries}) == 3
    assert len(pauses) == 2


def test_transact_gives_up_after_five_tries_and_leaves_nothing(app, account_id, pauses):
    tries = []

    def work(session):
        tries.append(1)
        set_available(session, 5)
        raise transient_error(app)

    with pytest.raises(OperationalError):
        transact(work)
    assert len(tries) == ATTEMPTS == 5
    assert len(pauses) == 4
    # Longer each time, and never the same for two writers that met.
    assert all(0.005 * 2**n <= pause <= 0.03 * 2**n for n, pause in enumerate(pauses, start=1))
    assert len(set(pauses)) == 4
    assert available() == 0


@pytest.mark.parametrize(
    "error", [Aborted(), IntegrityError("INSERT", {}, Exception("UNIQUE")), KeyError("x")], ids=repr
)
def test_transact_does_not_retry_anything_else(app, account_id, pauses, error):
    tries = []

    def work(session):
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        transact(work)
    assert (len(tries), pauses) == (1, [])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.SerializationFailure(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.LockNotAvailable(), False),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.OperationalError("server closed the connection"), False),
        (sqlite3.OperationalError("database is locked"), True),
        (sqlite3.OperationalError("database table is locked"), True),
        (sqlite3.OperationalError("database is busy"), True),
        (sqlite3.OperationalError("no such table: accounts"), False),
        (sqlite3.OperationalError("disk I/O error"), False),
        (sqlite3.IntegrityError("database is locked"), False),
    ],
    ids=repr,
)
def test_what_may_be_retried(error, expected):
    assert is_transient(DBAPIError("statement", {}, error)) is expected


def test_a_real_deadlock_is_retried_and_both_writers_end(app, account_id, database_url):
    """Two writers take two rows in opposite order; PostgreSQL ends one of them with 40P01."""
    with transaction() as session:
        session.execute(insert(Account).values(id=8, created_at=utc_now()))
    both_hold_one = threading.Barrier(2, timeout=5)
    tries = []

    def writer(first, second):
        def work(session):
            tries.append(first)
            session.execute(update(Account).where(Account.id == first).values(available=Account.available + 1))
            if len(tries) <= 2 and db.engine.dialect.name == "postgresql":
                both_hold_one.wait()
            session.execute(update(Account).where(Account.id == second).values(available=Account.available + 1))

        with app.app_context():
            transact(work)

    run_all([lambda: writer(7, 8), lambda: writer(8, 7)])
    assert (available(7), available(8)) == (2, 2)
    assert len(tries) == (3 if db.engine.dialect.name == "postgresql" else 2)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # on SQLite nobody can write between
def test_a_real_serialization_failure_is_retried(app, account_id):
    """Another writer changes the row between our reading and our writing; PostgreSQL answers 40001."""
    tries = []

    def work(session):
        tries.append(session)
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        found = session.scalar(select(Account.available).where(Account.id == 7))
        if len(tries) == 1:
            with db.engine.begin() as other:
                other.execute(update(Account).where(Account.id == 7).values(available=100))
        set_available(session, found + 1)

    transact(work)
    assert (len(tries), available()) == (2, 101)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL waits as long as it takes
def test_a_database_that_is_locked_longer_than_we_wait_is_asked_again(app, account_id):
    db.engine.dispose()
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=10"))
    locked = []
    event.listen(db.engine, "handle_error", lambda context: locked.append(str(context.original_exception)))
    with closing(sqlite3.connect(db.engine.url.database, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.06, other.execute, ["COMMIT"])
        release.start()
        transact(lambda session: set_available(session, 5))
        release.join(5)
    assert available() == 5
    assert 1 <= len(locked) < ATTEMPTS
    assert set(locked) == {"database is locked"}


def test_four_threads_that_read_then_write_lose_nothing(app, account_id):
    def hundred_times():
        with app.app_context():
            for _ in range(100):
                transact(one_more)

    def one_more(session):
        found = session.scalar(select(Account.available).where(Account.id == 7).with_for_update())
        set_available(session, found + 1)

    run_all([hundred_times] * 4)
    assert available() == 400


def test_a_write_on_sqlite_is_exclusive_from_its_first_statement_and_a_read_is_not(app, account_id):
    if db.engine.dialect.name != "sqlite":
        with transaction() as session:  # PostgreSQL locks rows instead: the account's
            assert session.scalar(text("SELECT current_setting('transaction_isolation')")) == "read committed"
        return
    path = db.engine.url.database
    with transaction() as session:
        assert session.scalar(select(Account.id)) == 7  # it has read only, and holds the write lock already
        with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError, match="lock"):
            other.execute("UPDATE accounts SET available = 1")
    db.session.scalar(select(Account.id))  # an open reader stops nobody
    with closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("UPDATE accounts SET available = 1")
    end_reading()


def test_sqlite_keeps_what_is_committed_through_a_power_cut(app):
    if db.engine.dialect.name != "sqlite":
        ours = "SELECT count(*) FROM pg_settings WHERE source IN ('session', 'client') AND name = 'synchronous_commit'"
        with db.engine.connect() as connection:
            assert connection.scalar(text(ours)) == 0  # the server decides, and its default is on
        return
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    with db.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted


def test_reading_after_a_transaction_sees_what_it_wrote(app, account_id):
    assert db.session.scalar(select(Account.available)) == 0
    with transaction() as session:
        set_available(session, 5)
    assert db.session.scalar(select(Account.available)) == 5


def test_no_connection_is_left_in_a_transaction(app, account_id):
    db.session.scalar(select(Account.available))
    transact(lambda session: set_available(session, 5))
    assert db.engine.pool.checkedout() == 0


def run_all(works):
    """Run each in a thread of its own; the first fault is raised here."""
    faults = []

    def guarded(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised again below, in the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=guarded, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if faults:
        raise faults[0]
