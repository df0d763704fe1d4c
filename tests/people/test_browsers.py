import datetime as dt

import pytest
from sqlalchemy import event, func, select, text

from webapp.people.browsers import (
    other_browsers,
    sign_in_browser,
    sign_out_browser,
    sign_out_browsers,
    user_of_browser,
)
from webapp.people.models import SignedInBrowser
from webapp.people.users import create_user

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def sam(session, now):
    return create_user(
        session, email="sam@example.com", password="a long enough password", time_zone="Europe/Berlin", now=now
    )


@pytest.mark.parametrize(("is_kept", "lasts"), [(False, dt.timedelta(hours=12)), (True, dt.timedelta(days=30))])
def test_a_browser_is_signed_in_until_its_time_is_over(session, sam, now, is_kept, lasts):
    secret = sign_in_browser(session, sam.id, is_kept=is_kept, now=now)
    assert user_of_browser(session, secret, now=now).id == sam.id
    assert user_of_browser(session, secret, now=now + lasts - SECOND).id == sam.id
    assert user_of_browser(session, secret, now=now + lasts) is None


def test_signing_out_ends_one_browser_only(session, sam, now):
    phone, laptop = (sign_in_browser(session, sam.id, is_kept=True, now=now) for _ in range(2))
    sign_out_browser(session, phone)
    assert user_of_browser(session, phone, now=now) is None
    assert user_of_browser(session, laptop, now=now).id == sam.id


def test_signing_out_everywhere_can_spare_one_browser_and_spares_other_people(session, sam, now):
    eve = create_user(session, email="eve@example.com", password="another long password", now=now)
    hers = sign_in_browser(session, eve.id, is_kept=True, now=now)
    phone, laptop = (sign_in_browser(session, sam.id, is_kept=True, now=now) for _ in range(2))
    sign_out_browsers(session, sam.id, but_secret=laptop)
    assert [user_of_browser(session, secret, now=now) for secret in (phone, laptop, hers)] == [None, sam, eve]
    sign_out_browsers(session, sam.id)
    assert user_of_browser(session, laptop, now=now) is None
    assert user_of_browser(session, hers, now=now) is eve


def test_other_browsers_are_the_users_own_that_have_not_ended(session, sam, now):
    eve = create_user(session, email="eve@example.com", password="another long password", now=now)
    sign_in_browser(session, eve.id, is_kept=True, now=now)
    here = sign_in_browser(session, sam.id, is_kept=True, now=now)
    sign_in_browser(session, sam.id, is_kept=True, now=now)
    sign_in_browser(session, sam.id, is_kept=False, now=now)
    assert other_browsers(session, sam.id, but_secret=here, now=now) == 2
    assert other_browsers(session, sam.id, but_secret="", now=now) == 3
    assert other_browsers(session, sam.id, but_secret=here, now=now + dt.timedelta(hours=12)) == 1


def test_the_table_holds_no_secret(session, sam, now):
    secret = sign_in_browser(session, sam.id, is_kept=False, now=now)
    session.flush()
    row = session.execute(text("SELECT * FROM signed_in_browsers")).one()
    assert secret not in str(row)
    assert user_of_browser(session, row.secret_hash, now=now) is None
    assert len(secret) >= 43


@pytest.mark.parametrize("secret", ["", "1", "1.token", "\x00", "\ud800", "é" * 5000])
def test_a_made_up_secret_is_nobody(session, sam, now, secret):
    sign_in_browser(session, sam.id, is_kept=False, now=now)
    assert user_of_browser(session, secret, now=now) is None


def test_ended_browsers_of_a_user_are_swept_at_the_next_sign_in(session, sam, now):
    sign_in_browser(session, sam.id, is_kept=False, now=now)
    sign_in_browser(session, sam.id, is_kept=True, now=now)
    sign_in_browser(session, sam.id, is_kept=False, now=now + dt.timedelta(hours=12))
    assert session.scalar(select(func.count()).select_from(SignedInBrowser)) == 2


def test_one_statement_says_who_is_asking_and_in_which_zone(session, engine, sam, now):
    secret = sign_in_browser(session, sam.id, is_kept=False, now=now)
    session.flush()
    session.expunge_all()
    statements = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, statement, *_: statements.append(statement))
    user = user_of_browser(session, secret, now=now)
    assert (user.email, user.role, user.time_zone) == ("sam@example.com", "user", "Europe/Berlin")
    assert len(statements) == 1
