"""Operators who act at the same moment: a form is done once, and one admin always stays."""

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from tests.ledger.conftest import transact
from tests.reliability.together import all_at_once
from webapp.ledger.operations import open_account
from webapp.ledger.queries import balance
from webapp.operators import access, accounts
from webapp.operators.acts import Asked
from webapp.operators.errors import LastAdmin
from webapp.operators.models import OperatorAct
from webapp.orm import configure_engine
from webapp.people.models import User
from webapp.people.passwords import NO_PASSWORD
from webapp.people.users import add_user

__all__ = ["transact"]

TWINS = 8


@pytest.fixture
def engine(database_url):
    engine = create_engine(database_url, pool_size=TWINS)
    configure_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def admins(transact, now):
    def make(session):
        facts = {"password_hash": NO_PASSWORD, "role": "admin", "now": now}
        return [
            add_user(session, open_account(session, now=now), email=f"{name}@example.com", **facts)
            for name in ("ann", "ben")
        ]

    return transact(make)


def test_a_form_sent_eight_times_at_once_is_done_once(engine, transact, admins, now):
    account_id = admins[1].account_id
    asked = Asked(admins[0].id, account_id, "They asked", "one-form", now)

    def send():
        return transact(lambda session: accounts.grant(session, asked, kind="gift", credits=5, expires_at=None))

    told = all_at_once([send] * TWINS)
    assert {act.id for act in told} == {told[0].id}
    assert sorted(act.is_again for act in told) == [False] + [True] * (TWINS - 1)
    with Session(engine) as session:
        assert balance(session, account_id, now=now).available == 5
        assert len(session.scalars(select(OperatorAct)).all()) == 1


def test_of_two_admins_who_let_each_other_go_one_stays(engine, transact, admins, now):
    ann, ben = admins

    def lets_go(by, other):
        asked = Asked(by.id, other.account_id, "No more", f"form-{by.id}", now)
        try:
            return transact(lambda session: access.set_role(session, asked, role="user")).act
        except LastAdmin as refusal:
            return refusal.code

    told = all_at_once([lambda: lets_go(ann, ben), lambda: lets_go(ben, ann)])
    assert sorted(told) == ["last_admin", "role"]
    with Session(engine) as session:
        assert len(session.scalars(select(User).where(User.role == "admin")).all()) == 1
