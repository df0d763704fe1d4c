"""The role of docs/operate.md: all the application needs, and no way to change history."""

import re

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from tests.support.databases import ROOT
from webapp.ledger import operations
from webapp.orm import utc_now


@pytest.fixture
def as_the_application(postgresql_database):
    recipe = re.search(r"```sql\n(.*?)```", (ROOT / "docs/operate.md").read_text(), re.DOTALL).group(1)
    owner = create_engine(postgresql_database())
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE refill_app LOGIN"))
        for statement in filter(str.strip, recipe.split(";")):
            connection.execute(text(statement))
    engine = create_engine(owner.url.set(username="refill_app"))
    yield engine
    engine.dispose()
    with owner.begin() as connection:
        connection.execute(text("DROP OWNED BY refill_app"))
        connection.execute(text("DROP ROLE refill_app"))
    owner.dispose()


def test_the_applications_role_grants_and_spends_and_changes_no_history(as_the_application):
    now = utc_now()
    with Session(as_the_application) as session, session.begin():
        account_id = operations.open_account(session, now=now)
        operations.grant(session, account_id, kind="bonus", credits=9, key="g", source_kind="t", source_id="1", now=now)
        operations.spend(session, account_id, credits=4, key="s", now=now)
    changes = ("UPDATE entries SET credits = 1", "DELETE FROM entries", "UPDATE postings SET credits = 1")
    changes += ("UPDATE operator_acts SET reason = 'x'", "DELETE FROM operator_acts")
    for statement in changes:
        with as_the_application.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))
