import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from webapp.extensions import transact
from webapp.ledger.models import Account, Entry, EntryDetails, Grant
from webapp.people.browsers import sign_in_browser, user_of_browser
from webapp.people.errors import EmailUnavailable, InvalidEmail, InvalidName, UnknownRole, WeakPassword
from webapp.people.models import User
from webapp.people.passwords import matches
from webapp.people.users import create_user, register, set_password, user_by_email

PASSWORD = "a long enough password"


def count(session, table):
    return session.scalar(select(func.count()).select_from(table))


def test_who_registers_has_an_account_in_their_zone_and_welcome_credits(session, now):
    user = register(
        session,
        email=" Sam@Example.com ",
        password=PASSWORD,
        name=" Sam Okafor ",
        time_zone="Europe/Berlin",
        welcome_credits=20,
        now=now,
    )
    assert (user.email, user.email_key, user.name, user.role) == (
        "Sam@Example.com",
        "sam@example.com",
        "Sam Okafor",
        "user",
    )
    assert (user.theme, user.locale, user.time_zone, user.signed_in_at) == ("device", "en_US", "Europe/Berlin", None)
    assert user.number_style == "region"
    assert user.created_at == now
    assert matches(user.password_hash, PASSWORD)
    entry = session.scalars(select(Entry).where(Entry.account_id == user.account_id)).one()
    assert (entry.kind, entry.key, entry.source_kind, entry.source_id) == ("grant", "welcome", "welcome", "1")
    assert session.scalars(select(EntryDetails.description)).one() == "Welcome credits"
    grant = session.scalars(select(Grant).where(Grant.account_id == user.account_id)).one()
    assert (grant.kind, grant.granted) == ("bonus", 20)
    assert session.get(Account, user.account_id).available == 20


def test_without_welcome_credits_the_ledger_has_no_entry(session, now):
    register(session, email="sam@example.com", password=PASSWORD, welcome_credits=0, now=now)
    assert count(session, Account) == 1
    assert count(session, Entry) == 0


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"email": "sam"}, InvalidEmail),
        ({"password": "too short"}, WeakPassword),
        ({"password": "SAM@example.com"}, WeakPassword),
        ({"name": "x" * 101}, InvalidName),
        ({"name": "Sam\x00"}, InvalidName),
        ({"name": "Sam\nOkafor"}, InvalidName),
        ({"name": "\u202eSam"}, InvalidName),
        ({"name": "\u0301\u0323" * 120_000}, InvalidName),
        ({"role": "root"}, UnknownRole),
    ],
)
def test_what_breaks_a_rule_writes_nothing(session, now, given, refusal):
    facts = {"email": "sam@example.com", "password": PASSWORD} | given
    with pytest.raises(refusal):
        create_user(session, **facts, welcome_credits=20, now=now)
    assert count(session, Account) == count(session, User) == count(session, Entry) == 0


@pytest.mark.parametrize("again", ["sam@example.com", "SAM@EXAMPLE.COM", " Sam@Example.com "])
def test_an_email_is_taken_in_every_spelling_and_the_second_try_leaves_nothing(session, now, again):
    register(session, email="sam@example.com", password=PASSWORD, welcome_credits=20, now=now)
    session.commit()
    with pytest.raises(EmailUnavailable) as refused:
        register(session, email=again, password="another long password", welcome_credits=20, now=now)
    session.rollback()
    assert count(session, Account) == count(session, User) == count(session, Entry) == 1
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "taken" not in refused.value.sentence
    assert "sam" not in str(refused.value).casefold()


def test_another_broken_rule_of_the_table_is_not_called_a_taken_email(session, now, monkeypatch):
    monkeypatch.setattr("webapp.people.users.ROLES", ("nobody",))
    with pytest.raises(IntegrityError, match="known_role"):
        create_user(session, email="sam@example.com", password=PASSWORD, role="nobody", now=now)


@pytest.mark.parametrize("typed", ["sam@example.com", "  SAM@example.COM"])
def test_a_user_is_found_by_any_spelling_of_the_email(session, now, typed):
    user = create_user(session, email="Sam@example.com", password=PASSWORD, now=now)
    assert user_by_email(session, typed) is user


@pytest.mark.parametrize("typed", ["", "sam", "sam@example.com\x00", "\x00", "\ud800@example.com", "x" * 400_000])
def test_what_is_no_email_is_nobodys(session, now, typed):
    create_user(session, email="sam@example.com", password=PASSWORD, now=now)
    assert user_by_email(session, typed) is None


def test_a_new_password_signs_out_everywhere(session, now):
    user = create_user(session, email="sam@example.com", password=PASSWORD, now=now)
    here, there = (sign_in_browser(session, user.id, is_kept=True, now=now) for _ in range(2))
    set_password(session, user, password="quite another password")
    session.expire_all()
    assert matches(user.password_hash, "quite another password")
    assert not matches(user.password_hash, PASSWORD)
    assert [user_of_browser(session, secret, now=now) for secret in (here, there)] == [None, None]


def test_a_weak_new_password_changes_nothing(session, now):
    user = create_user(session, email="sam@example.com", password=PASSWORD, now=now)
    here = sign_in_browser(session, user.id, is_kept=True, now=now)
    for weak in ("short", "Sam@Example.com"):
        with pytest.raises(WeakPassword):
            set_password(session, user, password=weak)
    session.expire_all()
    assert matches(user.password_hash, PASSWORD)
    assert user_of_browser(session, here, now=now) is user


def test_a_password_is_hashed_before_the_first_statement_takes_a_lock(session, now, monkeypatch):
    began = []

    class Watching(PasswordHasher):
        def hash(self, password, **given):
            began.append(session.in_transaction())
            return super().hash(password, **given)

    monkeypatch.setattr("webapp.people.passwords.hasher", Watching())
    user = register(session, email="sam@example.com", password=PASSWORD, welcome_credits=20, now=now)
    session.commit()
    set_password(session, user, password="quite another password")
    assert began == [False, False]


def test_of_many_who_register_one_email_at_once_one_gets_in(app, now):
    start = threading.Barrier(8)

    def write(session, number):
        email = f"{'Sam' if number % 2 else 'sam'}@example.com"
        return register(session, email=email, password=PASSWORD, name=f"{number}", welcome_credits=20, now=now)

    def attempt(number):
        with app.app_context():
            start.wait()
            try:
                return transact(lambda session: write(session, number)).name
            except EmailUnavailable:
                return None

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(attempt, range(8)))
    winners = [name for name in names if name is not None]
    assert len(winners) == 1
    counts = transact(lambda session: [count(session, table) for table in (User, Account, Entry, Grant)])
    assert counts == [1, 1, 1, 1]
    assert transact(lambda session: session.scalar(select(User.name))) == winners[0]


def test_the_database_keeps_emails_apart_and_roles_known(session, now):
    user = create_user(session, email="sam@example.com", password=PASSWORD, now=now)
    create_user(session, email="eve@example.com", password=PASSWORD, now=now)
    for values in ({"email_key": "eve@example.com"}, {"role": "root"}, {"account_id": 1}, {"number_style": "roman"}):
        savepoint = session.begin_nested()
        with pytest.raises(IntegrityError):
            session.execute(update(User).where(User.id == user.id).values(**values))
        savepoint.rollback()
