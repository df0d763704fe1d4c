"""Crossings are stored once, ended and put away, on both databases; the worker finds what must be looked at."""

import datetime as dt

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.api.books import grant, spend
from tests.reliability.together import all_at_once
from webapp.alerts.crossings import RECOVERY_TOLD_FOR
from webapp.alerts.errors import UnknownAlert
from webapp.alerts.facts import Choices
from webapp.alerts.models import RaisedAlert
from webapp.alerts.reading import accounts_expiring, known_of
from webapp.alerts.watching import dismiss, look_at, set_choices
from webapp.extensions import db, parts, transact
from webapp.ledger.operations import open_account, reverse
from webapp.ledger.queries import changed_accounts
from webapp.worker.alerts import sweep_alerts, sweep_expiring
from webapp.worker.sweeps import Swept

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def account_id(app):
    return opened()


def opened(*, at=NOW):
    return transact(lambda session: open_account(session, now=at))


def allowed(account_id, credits=500, *, days=20):
    return grant(account_id, credits, "allowance", expires_at=NOW + days * DAY, now=NOW)


def look(account_id, *, at=NOW):
    mode = parts().settings.payments
    return transact(lambda session: look_at(session, parts().catalog, account_id, stripe_mode=mode, now=at))


def put_away(account_id, alert_id, *, at=NOW):
    given = {"stripe_mode": parts().settings.payments, "now": at}
    transact(lambda session: dismiss(session, parts().catalog, account_id, alert_id, **given))


def choose(account_id, **choices):
    transact(lambda session: set_choices(session, account_id, Choices(**choices), now=NOW))


def rows(account_id):
    with Session(db.engine) as session:
        own = select(RaisedAlert).where(RaisedAlert.account_id == account_id)
        return list(session.scalars(own.order_by(RaisedAlert.occasion, RaisedAlert.kind, RaisedAlert.threshold)))


def told(account_id):
    return [(row.kind, row.threshold, row.ended_at is None) for row in rows(account_id)]


def test_a_crossing_is_one_row_however_often_it_is_looked_at_and_crossed(account_id):
    allowed(account_id)
    spent = spend(account_id, 400, now=NOW)
    assert (look(account_id), look(account_id)) == (1, 0)
    transact(lambda session: reverse(session, account_id, spent.entry.seq, credits=100, key="back", now=NOW))
    assert look(account_id) == 0
    spend(account_id, 120, now=NOW)
    assert look(account_id, at=NOW + DAY) == 0
    (row,) = rows(account_id)
    assert (row.kind, row.threshold, row.raised_at, row.ended_at) == ("allowance", 80, NOW, None)
    assert row.facts == {"used": 400, "limit": 500}
    assert row.told_at is None, "it waits for a sender"


def test_the_key_of_the_table_keeps_a_crossing_from_being_two_rows(account_id):
    allowed(account_id)
    spend(account_id, 400, now=NOW)
    look(account_id)
    (row,) = rows(account_id)
    twin = {column.name: getattr(row, column.name) for column in RaisedAlert.__table__.columns} | {"id": "another"}
    with pytest.raises(IntegrityError):
        transact(lambda session: session.execute(insert(RaisedAlert).values(twin)))


def test_two_who_look_at_the_same_moment_store_one_row(app, account_id):
    allowed(account_id)
    spend(account_id, 500, now=NOW)

    def work():
        with app.app_context():
            return look(account_id)

    assert sorted(all_at_once([work] * 4)) == [0, 0, 0, 2]
    assert told(account_id) == [("depleted", 0, True), ("allowance", 100, True)]


def test_the_next_threshold_is_another_row_and_the_period_s_end_ends_both(account_id):
    allowed(account_id, days=5)
    for used in (400, 100):
        spend(account_id, used, now=NOW)
        look(account_id)
    grant(account_id, 10, now=NOW)
    look(account_id, at=NOW + 5 * DAY)
    assert [one for one in told(account_id) if one[0] == "allowance"] == [
        ("allowance", 80, False),
        ("allowance", 100, False),
    ]


def test_episodes_are_numbered_and_end_with_what_brought_them(account_id):
    grant(account_id, 10, now=NOW)
    spend(account_id, 10, now=NOW)
    look(account_id)
    grant(account_id, 10, now=NOW)
    look(account_id)
    assert told(account_id) == [("depleted", 0, False), ("recovered", 0, True)]
    look(account_id, at=NOW + RECOVERY_TOLD_FOR)
    assert told(account_id) == [("depleted", 0, False), ("recovered", 0, False)]
    spend(account_id, 10, now=NOW)
    look(account_id)
    assert told(account_id)[2:] == [("depleted", 0, True)]
    assert [row.occasion for row in rows(account_id)] == ["00000001", "00000001", "00000002"]


def test_low_balances_are_told_under_the_chosen_line_each_time_it_is_crossed(account_id):
    grant(account_id, 100, now=NOW)
    choose(account_id, low_credits=50)
    for used, given in ((60, 60), (70, 0)):
        spend(account_id, used, now=NOW)
        look(account_id)
        if given:
            grant(account_id, given, now=NOW)
            look(account_id)
    assert told(account_id) == [("low", 50, False), ("low", 50, True)]


def test_what_was_put_away_stays_so_until_the_next_threshold(account_id):
    allowed(account_id)
    grant(account_id, 10, now=NOW)
    spend(account_id, 400, now=NOW)
    look(account_id)
    put_away(account_id, rows(account_id)[0].id)
    put_away(account_id, rows(account_id)[0].id, at=NOW + DAY)
    assert rows(account_id)[0].dismissed_at == NOW
    spend(account_id, 100, now=NOW)
    look(account_id)
    assert [row.dismissed_at for row in rows(account_id)] == [NOW, None]


def test_an_alert_that_nobody_stored_yet_can_be_put_away_at_once(account_id):
    allowed(account_id)
    spend(account_id, 400, now=NOW)
    look(account_id)
    alert_id = rows(account_id)[0].id
    other = opened()
    allowed(other)
    spend(other, 400, now=NOW)
    put_away(other, alert_id)  # the same period, and so the same name, of another account's own alert
    assert rows(other)[0].dismissed_at == NOW
    assert rows(account_id)[0].dismissed_at is None


def test_credits_that_end_together_are_put_away_together(account_id):
    for days in (5, 5, 6):
        grant(account_id, 10, "gift", expires_at=NOW + days * DAY, now=NOW)
    look(account_id)
    put_away(account_id, rows(account_id)[0].id)
    assert sorted((row.ends_at - NOW).days for row in rows(account_id) if row.dismissed_at) == [5, 5]


def test_nobody_puts_away_what_is_unknown_another_s_or_stops_their_use(account_id):
    grant(account_id, 10, now=NOW)
    spend(account_id, 10, now=NOW)
    look(account_id)
    (out,) = rows(account_id)
    other = opened()
    for holder, alert_id in ((account_id, out.id), (other, out.id), (account_id, "nothing"), (account_id, "")):
        with pytest.raises(UnknownAlert):
            put_away(holder, alert_id)
    assert rows(account_id)[0].dismissed_at is None


def test_what_is_known_is_read_in_one_query_with_open_rows_and_the_newest_episodes(account_id):
    grant(account_id, 10, now=NOW)
    for number in range(3):
        spend(account_id, 10, now=NOW)
        look(account_id)
        grant(account_id, 10, now=NOW)
        look(account_id, at=NOW + number * dt.timedelta(minutes=1))
    with Session(db.engine) as session:
        known = known_of(session, account_id)
        nobody = known_of(session, 12345)
    assert [(row.kind, row.occasion, row.ended_at is None) for row in known.raised] == [
        ("recovered", "00000003", True),
        ("depleted", "00000003", False),
    ]
    assert known.choices == Choices()
    assert (nobody.raised, nobody.choices) == ((), Choices())


def test_the_sweep_looks_at_each_account_that_has_changed_once(account_id):
    allowed(account_id)
    spend(account_id, 500, now=NOW)
    quiet = opened()
    assert sweep_alerts(NOW) == Swept(settled=1)
    assert sweep_alerts(NOW) == Swept()
    assert [kind for kind, *_ in told(account_id)] == ["depleted", "allowance"]
    assert told(quiet) == []
    choose(quiet, low_credits=5)
    assert sweep_alerts(NOW) == Swept(settled=1)
    assert told(quiet) == [("low", 5, True)]


def test_an_account_that_breaks_keeps_nobody_behind_it_from_being_looked_at(account_id, monkeypatch):
    other = opened()
    first, second = sorted((account_id, other))
    for one in (first, second):
        grant(one, 5, now=NOW)
        spend(one, 5, now=NOW)

    def broken(session, catalog, looked_at, **more):
        if looked_at == first:
            raise ZeroDivisionError
        return look_at(session, catalog, looked_at, **more)

    monkeypatch.setattr("webapp.worker.alerts.look_at", broken)
    monkeypatch.setattr("webapp.worker.alerts.ACCOUNTS_AT_ONCE", 1)
    assert sweep_alerts(NOW) == Swept(settled=1, failed=1)
    with Session(db.engine) as session:
        assert changed_accounts(session, limit=9) == (first,)
    assert told(second) == [("depleted", 0, True)]


def test_credits_about_to_expire_are_found_once_for_each_threshold_though_nothing_changes(account_id):
    ends_at = NOW + 40 * DAY
    grant(account_id, 10, "gift", expires_at=ends_at, now=NOW)
    grant(account_id, 10, "allowance", expires_at=ends_at, now=NOW)
    silent = opened()
    grant(silent, 10, "gift", expires_at=ends_at, now=NOW)
    choose(silent, expiring=False)
    sweep_alerts(NOW)
    runs = {}
    for days in (31, 30, 29, 7, 1, 0.5):
        runs[days] = [sweep_expiring(ends_at - days * DAY).settled for _ in range(2)]
    assert runs == {31: [0, 0], 30: [1, 0], 29: [0, 0], 7: [1, 0], 1: [1, 0], 0.5: [0, 0]}
    assert [threshold for _, threshold, _ in told(account_id)] == [1, 7, 30]
    assert told(silent) == []
    with Session(db.engine) as session:
        assert accounts_expiring(session, now=ends_at, limit=9) == ()
