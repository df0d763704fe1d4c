import pytest
from sqlalchemy import select

from webapp.ledger.models import Account
from webapp.people.errors import UnknownLocale, UnknownNumberStyle, UnknownTheme, UnknownTimeZone
from webapp.people.looks import Look, look_refusals, set_look
from webapp.people.models import User
from webapp.people.users import create_user

LOOK = Look(theme="dark", locale="de_AT", number_style="apostrophe_dot", time_zone="Asia/Kathmandu")


@pytest.fixture
def people(session, now):
    return [
        create_user(session, email=f"{name}@example.com", password="a long enough password", now=now)
        for name in ("sam", "eve")
    ]


def looks(session):
    session.expire_all()
    rows = select(User.theme, User.locale, User.number_style, Account.time_zone).join(Account).order_by(User.id)
    return [Look(*row) for row in session.execute(rows)]


def test_a_look_is_stored_with_the_person_and_the_zone_with_their_account(session, people):
    set_look(session, people[0].id, LOOK)
    assert looks(session) == [LOOK, Look("device", "en_US", "region", "UTC")]
    assert people[0].time_zone == "Asia/Kathmandu"


@pytest.mark.parametrize(
    ("name", "value", "refusal"),
    [
        ("theme", "", UnknownTheme),
        ("theme", "Dark", UnknownTheme),
        ("locale", "xx", UnknownLocale),
        ("locale", "en_US@comma_dot", UnknownLocale),
        ("locale", "../en", UnknownLocale),
        ("number_style", "1.2", UnknownNumberStyle),
        ("time_zone", "europe/berlin", UnknownTimeZone),
        ("time_zone", "../zoneinfo/UTC", UnknownTimeZone),
        ("time_zone", "localtime", UnknownTimeZone),
        ("time_zone", "Europe/Berlin\n", UnknownTimeZone),
    ],
)
def test_what_does_not_exist_is_refused_and_nothing_is_stored(session, people, name, value, refusal):
    look = Look(**(LOOK.__dict__ | {name: value}))
    assert [type(found) for found in look_refusals(look)] == [refusal]
    with pytest.raises(refusal) as refused:
        set_look(session, people[0].id, look)
    assert refused.value.field == name
    assert looks(session)[0] == Look("device", "en_US", "region", "UTC")
