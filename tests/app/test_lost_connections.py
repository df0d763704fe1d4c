"""A PostgreSQL that was started anew: the connections in the pool are dead, and nobody should hear of it."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.api.calling import Api, answer, problem
from tests.support.browsing import sign_in
from webapp import orm
from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations, queries
from webapp.orm import utc_now

BALANCE = "/api/credits/balance"


@pytest.fixture
def database_url(postgresql_database):
    return postgresql_database()


@pytest.fixture
def api(app, user):
    return Api(app, sign_in(app, user), user)


def end_all_others():
    """What a restart does to every connection of the application."""
    end_reading()
    url = db.engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def spend(user, key, cuts=0):
    """A spend of 1; so many times its connection is cut when it was written and not committed yet."""
    left = [end_all_others] * cuts

    def work(session):
        posted = operations.spend(session, user.account_id, credits=1, key=key, now=utc_now())
        if left:
            left.pop()()
        session.execute(text("SELECT 1"))
        return posted

    return transact(work)


def entries(user):
    with db.engine.connect() as connection:
        chosen = text("SELECT count(*) FROM entries WHERE account_id = :id AND kind = 'spend'")
        return connection.execute(chosen, {"id": user.account_id}).scalar_one()


def test_a_rested_connection_that_is_dead_is_replaced_before_it_is_used(api, monkeypatch):
    answer(api.get(BALANCE))
    monkeypatch.setattr(orm, "RESTED_SECONDS", 0.0)
    end_all_others()
    answer(api.get(BALANCE))


def test_work_whose_connection_is_lost_is_done_again_and_once(user):
    spend(user, "first")
    end_all_others()
    assert spend(user, "second").entry.credits == -1
    assert entries(user) == 2


def test_work_that_is_cut_off_in_the_middle_leaves_nothing_and_is_done_again(user):
    before = queries.balance(db.session(), user.account_id, now=utc_now()).available
    assert spend(user, "cut", cuts=2).available == before - 1
    assert entries(user) == 1


def test_a_connection_lost_in_the_commit_is_not_tried_again_for_nobody_knows_what_became_of_it(user):
    def work(session):
        works.append(operations.spend(session, user.account_id, credits=1, key="lost", now=utc_now()))
        end_all_others()

    works = []
    with pytest.raises(OperationalError):
        transact(work)
    assert len(works) == 1
    assert entries(user) == 0


def test_a_read_that_finds_its_connection_dead_is_answered_503_and_the_next_one_well(api):
    answer(api.get(BALANCE))
    end_all_others()
    problem(api.get(BALANCE), 503, "busy")
    answer(api.get(BALANCE))
