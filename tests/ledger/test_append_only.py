import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.ledger.models import Entry, Posting
from webapp.ledger.operations import spend

REFUSAL = "entries and postings are append-only"


@pytest.fixture(autouse=True)
def written(session, account_id, give, now):
    give(10)
    spend(session, account_id, credits=4, key="spend", now=now)


@pytest.mark.parametrize("table", ["entries", "postings"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET credits = credits + 1", "DELETE FROM {}"])
def test_sql_can_neither_change_nor_delete_what_was_written(session, table, statement):
    with pytest.raises(DBAPIError, match=REFUSAL):
        session.execute(text(statement.format(table)))


@pytest.mark.parametrize("model", [Entry, Posting])
def test_the_orm_cannot_change_what_was_written(session, model):
    session.query(model).first().credits += 1
    with pytest.raises(DBAPIError, match=REFUSAL):
        session.flush()


@pytest.mark.parametrize("model", [Entry, Posting])
def test_the_orm_cannot_delete_what_was_written(session, model):
    session.delete(session.query(model).order_by(model.credits).first())
    with pytest.raises(DBAPIError, match=REFUSAL):
        session.flush()


@pytest.mark.parametrize("shared_engine", ["postgresql"], indirect=True)  # SQLite has no TRUNCATE
@pytest.mark.parametrize("table", ["entries", "postings"])
def test_sql_cannot_truncate_what_was_written(session, table):
    with pytest.raises(DBAPIError, match=REFUSAL):
        session.execute(text(f"TRUNCATE {table} CASCADE"))
