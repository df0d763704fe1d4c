"""GET /api/credits/balance: what is there, by kind and lot, and nothing that has expired."""

import datetime as dt
import threading
import time

import pytest
from sqlalchemy import func, select, text

from tests.api.books import grant, lapsing_grant, spend
from tests.api.calling import answer, problem
from webapp.extensions import db, end_reading, transaction
from webapp.ledger import queries
from webapp.ledger.models import Account, Entry
from webapp.ledger.operations import expire
from webapp.orm import utc_now
from webapp.web import balance as web_balance

PATH = "/api/credits/balance"
KEYS = {
    *("account", "available", "held", "frozen", "debt", "balance", "kinds", "subscription", "overage", "total"),
    *("lots", "total_purchased", "total_used", "display"),
}


@pytest.fixture
def rich(other_api):
    """An account with an allowance, a bonus, a gift, an adjustment and bought credits, some of it spent."""
    account_id = other_api.user.account_id
    grant(account_id, 400, "allowance", expires_at=utc_now() + dt.timedelta(days=3))
    grant(account_id, 30, "bonus", expires_at=utc_now() + dt.timedelta(days=9))
    grant(account_id, 20, "gift")
    grant(account_id, 10, "adjustment")
    grant(account_id, 500, "purchased")
    spend(account_id, 30)
    return other_api


def entries_of(account_id):
    end_reading()
    return db.session.scalar(select(func.count()).select_from(Entry).where(Entry.account_id == account_id))


def test_a_balance_has_exactly_the_promised_fields(rich):
    found = answer(rich.get(PATH))
    assert set(found) == KEYS
    assert set(found["kinds"]) == {"allowance", "bonus", "purchased"}
    assert all(set(lot) == {"grant", "kind", "credits", "expires_at"} for lot in found["lots"])


def test_a_balance_is_told_by_kind_and_in_the_words_of_older_clients(rich):
    found = answer(rich.get(PATH))
    assert found["account"] == rich.user.account_id
    assert (found["available"], found["held"], found["frozen"], found["debt"], found["balance"]) == (930, 0, 0, 0, 930)
    assert found["kinds"] == {"allowance": 370, "bonus": 50, "purchased": 510}
    assert (found["subscription"], found["overage"], found["total"]) == (370, 560, 930)
    assert (found["total_purchased"], found["total_used"]) == (500, 30)
    assert found["display"] == "930 credits · $46.50 (~310 min)"


def test_lots_are_told_in_burn_order_with_their_expiry(rich):
    lots = answer(rich.get(PATH))["lots"]
    assert [(lot["grant"], lot["kind"], lot["credits"]) for lot in lots] == [
        (1, "allowance", 370),
        (2, "bonus", 30),
        (3, "gift", 20),
        (4, "adjustment", 10),
        (5, "purchased", 500),
    ]
    assert [lot["expires_at"] is None for lot in lots] == [False, False, True, True, True]
    assert lots[0]["expires_at"].endswith("Z")
    until = dt.datetime.fromisoformat(lots[0]["expires_at"]) - utc_now()
    assert dt.timedelta(days=2, hours=23) < until < dt.timedelta(days=3)


def test_an_empty_account_has_a_balance_of_nothing(other_api):
    found = answer(other_api.get(PATH))
    assert (found["available"], found["balance"], found["lots"]) == (0, 0, [])
    assert found["display"] == "0 credits · $0.00 (0 min)"


def test_the_account_comes_from_the_login_and_never_from_a_parameter(api, rich):
    mine = answer(api.get(PATH))
    for name in ("account", "account_id", "userId", "user_id", "user"):
        assert answer(api.get(PATH, **{name: rich.user.account_id})) == mine
    named = api.client.get(PATH, headers={"Refill-Account": str(rich.user.account_id)})
    assert problem(named, 403, "account_not_yours")


def test_expired_credits_are_gone_and_their_entry_is_written_first(other_api):
    account_id = other_api.user.account_id
    grant(account_id, 50)
    lapsing_grant(account_id, 40)
    assert entries_of(account_id) == 2
    found = answer(other_api.get(PATH))
    assert (found["available"], found["total"], len(found["lots"])) == (50, 50, 1)
    assert entries_of(account_id) == 3
    assert answer(other_api.get(PATH)) == found
    assert entries_of(account_id) == 3


def test_reading_writes_nothing_when_nothing_is_due(rich, monkeypatch):
    def refuse():
        raise AssertionError("a read has opened a write transaction")

    monkeypatch.setattr(web_balance, "impatient_transaction", refuse)
    answer(rich.get(PATH))


def test_many_readers_of_a_due_account_settle_it_once(app, other_api):
    account_id = other_api.user.account_id
    lapsing_grant(account_id, 40)
    found = []

    def read():
        with app.app_context():
            found.append(web_balance.fresh_balance(account_id, now=utc_now()).available)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [0] * 6
    assert entries_of(account_id) == 2


def test_a_busy_account_is_answered_from_the_stored_state(app, other_api, monkeypatch, caplog):
    account_id = other_api.user.account_id
    grant(account_id, 50)
    lapsing_grant(account_id, 40)
    monkeypatch.setattr("webapp.web.impatience.LOCK_TIMEOUT_SECONDS", 0.2)
    locked, done = threading.Event(), threading.Event()

    def hold_the_lock():
        with app.app_context(), transaction() as session:
            session.execute(select(Account).where(Account.id == account_id).with_for_update())
            locked.set()
            done.wait(30)

    writer = threading.Thread(target=hold_the_lock)
    writer.start()
    assert locked.wait(10)
    asked_at = time.monotonic()
    try:
        found = answer(other_api.get(PATH))
        waited_seconds = time.monotonic() - asked_at
    finally:
        done.set()
        writer.join(10)
    assert (found["available"], len(found["lots"])) == (50, 1)
    assert waited_seconds < 3, "SQLite's own patience is 5 s"
    assert "account is busy" in caplog.text
    assert entries_of(account_id) == 2
    assert answer(other_api.get(PATH))["available"] == 50
    assert entries_of(account_id) == 3


def test_settling_leaves_every_connection_as_patient_as_it_was(app, other_api):
    asked, usual = {"sqlite": ("PRAGMA busy_timeout", 5000), "postgresql": ("SHOW lock_timeout", "0")}[
        db.engine.dialect.name
    ]
    lapsing_grant(other_api.user.account_id, 40)
    answer(other_api.get(PATH))
    assert entries_of(other_api.user.account_id) == 2
    end_reading()
    pooled = [db.engine.connect() for _ in range(db.engine.pool.checkedin())]
    patience = [connection.exec_driver_sql(asked).scalar() for connection in pooled]
    for connection in pooled:
        connection.close()
    assert patience
    assert set(patience) == {usual}


def test_a_fault_while_settling_is_not_taken_for_a_busy_account(app, other_api):
    lapsing_grant(other_api.user.account_id, 40)
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE entries RENAME TO gone"))  # a balance is read without them
    assert queries.balance(db.session(), other_api.user.account_id, now=utc_now()).is_due
    problem(other_api.get(PATH), 500, "internal")


def test_what_the_api_settles_is_what_the_ledger_settles(app, other_api):
    """The same operation, so that nothing is left for it afterwards."""
    account_id = other_api.user.account_id
    lapsing_grant(account_id, 40)
    answer(other_api.get(PATH))
    with transaction() as session:
        assert expire(session, account_id, now=utc_now()) == []


def test_nobody_has_no_balance(anonymous_api):
    problem(anonymous_api.get(PATH), 401, "not_signed_in")
