"""Changing e-mail and password: the present password first, under the limits of sign-in; races; who is signed out."""

import datetime as dt

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from tests.support.forms import PASSWORD
from tests.support.people import make_user
from webapp.extensions import db, transact
from webapp.people.browsers import sign_in_browser, user_of_browser
from webapp.people.changes import Claim, change_email, change_password
from webapp.people.errors import EmailUnavailable, InvalidEmail, TooManyTries, WeakPassword, WrongPair, WrongPassword
from webapp.people.models import SignInFailure, User
from webapp.people.passwords import hasher, matches
from webapp.people.signin import sign_in

NEW = "quite another password"
OUTDATED = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


def claim(user, now, present=PASSWORD, address="203.0.113.7"):
    return Claim(user_id=user.id, present=present, address=address, throttle_secret="a secret", now=now)


def enter(now, *, email="someone@example.com", password=PASSWORD):
    return sign_in(
        email=email, password=password, is_kept=False, address="203.0.113.7", throttle_secret="a secret", now=now
    )


def stored(user):
    return transact(lambda session: session.get(User, user.id))


def failures():
    return transact(lambda session: session.scalar(select(func.count()).select_from(SignInFailure)))


def browser(user, now):
    return transact(lambda session: sign_in_browser(session, user.id, is_kept=True, now=now))


def who(secret, now):
    found = transact(lambda session: user_of_browser(session, secret, now=now))
    return found and found.id


def test_a_new_password_signs_out_everywhere_and_this_browser_goes_on_with_a_new_secret(app, user, now):
    eve = make_user("eve@example.com")
    here, there, hers = browser(user, now), browser(user, now), browser(eve, now)
    secret = change_password(claim(user, now), password=NEW, is_kept=True)
    assert [who(old, now) for old in (here, there)] == [None, None]
    assert who(hers, now) == eve.id
    assert who(secret, now + dt.timedelta(days=29)) == user.id
    assert secret not in {here, there}
    assert matches(stored(user).password_hash, NEW)
    assert not matches(stored(user).password_hash, PASSWORD)
    assert failures() == 0


def test_a_browser_that_is_not_kept_signed_in_is_not_kept_after_it_either(app, user, now):
    secret = change_password(claim(user, now), password=NEW, is_kept=False)
    assert who(secret, now + dt.timedelta(hours=11)) == user.id
    assert who(secret, now + dt.timedelta(hours=12)) is None


def test_a_new_email_keeps_every_browser_and_is_the_one_to_sign_in_with(app, user, now):
    here = browser(user, now)
    change_email(claim(user, now), email=" New@Example.com ")
    assert (stored(user).email, stored(user).email_key) == ("New@Example.com", "new@example.com")
    assert who(here, now) == user.id
    assert enter(now, email="new@example.com")
    with pytest.raises(WrongPair):
        enter(now)


def test_the_same_email_in_another_spelling_is_no_conflict(app, user, now):
    change_email(claim(user, now), email="SomeOne@example.com")
    assert (stored(user).email, stored(user).email_key) == ("SomeOne@example.com", "someone@example.com")


@pytest.mark.parametrize("change", [lambda by: change_password(by, password=NEW, is_kept=True),
                                    lambda by: change_email(by, email="new@example.com")])  # fmt: skip
def test_a_wrong_present_password_changes_nothing_and_counts_as_a_failed_sign_in(app, user, now, change):
    before, here = stored(user), browser(user, now)
    for tries in range(1, 6):
        with pytest.raises(WrongPassword):
            change(claim(user, now, present="not the password"))
        assert failures() == tries
    for again in (PASSWORD, "not the password"):
        with pytest.raises(TooManyTries):
            change(claim(user, now, present=again))
    with pytest.raises(TooManyTries):
        enter(now)
    after = stored(user)
    assert (after.email, after.password_hash) == (before.email, before.password_hash)
    assert who(here, now) == user.id
    change(claim(user, now + dt.timedelta(minutes=1)))
    assert failures() == 0


def test_failures_at_the_door_count_here_too(app, user, now):
    for _ in range(5):
        with pytest.raises(WrongPair):
            enter(now, password="not the password")
    with pytest.raises(TooManyTries):
        change_password(claim(user, now), password=NEW, is_kept=True)


def test_what_breaks_a_rule_is_told_before_anything_is_counted(app, user, now):
    for weak in ("short", "someone@example.com", "passwordpassword"):
        with pytest.raises(WeakPassword):
            change_password(claim(user, now, present="not the password"), password=weak, is_kept=True)
    with pytest.raises(InvalidEmail):
        change_email(claim(user, now, present="not the password"), email="nowhere")
    assert failures() == 0


def test_a_taken_email_is_refused_in_the_words_of_registration_and_only_after_the_password(app, user, now):
    make_user("eve@example.com")
    with pytest.raises(WrongPassword):
        change_email(claim(user, now, present="not the password"), email="eve@example.com")
    for taken in ("eve@example.com", " EVE@example.com"):
        with pytest.raises(EmailUnavailable) as refused:
            change_email(claim(user, now), email=taken)
        assert refused.value.sentence == EmailUnavailable().sentence
        assert "eve" not in str(refused.value).casefold()
        assert refused.value.__suppress_context__
    assert stored(user).email == "someone@example.com"
    assert failures() == 3, "few can be asked about"


def test_an_email_can_not_be_the_password(app, now):
    user = make_user("someone@example.com", password="somebody@example.com")
    with pytest.raises(InvalidEmail):
        change_email(claim(user, now, present="somebody@example.com"), email="Somebody@Example.com")
    assert stored(user).email == "someone@example.com"


class Interrupted(PasswordHasher):
    """Somebody else gets something done between a look at a password and what follows it."""

    def __init__(self, *meanwhile):
        super().__init__()
        self.meanwhile = list(meanwhile)

    def verify(self, *given):
        is_right = super().verify(*given)
        if self.meanwhile:
            self.meanwhile.pop()()
        return is_right


def store_hash(user, password_hash):
    changed = update(User).where(User.id == user.id).values(password_hash=password_hash)
    transact(lambda session: session.execute(changed))


def test_a_password_changed_while_the_old_one_is_looked_at_stands(app, user, now, monkeypatch):
    other = hasher.hash("changed meanwhile elsewhere")
    monkeypatch.setattr("webapp.people.passwords.hasher", Interrupted(lambda: store_hash(user, other)))
    with pytest.raises(WrongPassword):
        change_password(claim(user, now), password=NEW, is_kept=True)
    assert stored(user).password_hash == other


def test_a_hash_renewed_meanwhile_is_looked_at_again(app, user, now, monkeypatch):
    store_hash(user, OUTDATED.hash(PASSWORD))
    renewed = hasher.hash(PASSWORD)
    monkeypatch.setattr("webapp.people.passwords.hasher", Interrupted(lambda: store_hash(user, renewed)))
    assert change_password(claim(user, now), password=NEW, is_kept=True)
    assert matches(stored(user).password_hash, NEW)


def test_a_hash_that_changes_at_every_look_changes_nothing(app, user, now, monkeypatch):
    def change():
        store_hash(user, hasher.hash(PASSWORD))

    monkeypatch.setattr("webapp.people.passwords.hasher", Interrupted(*[change] * 4))
    with pytest.raises(WrongPassword):
        change_email(claim(user, now), email="new@example.com")
    assert stored(user).email == "someone@example.com"


def test_no_connection_is_held_while_passwords_are_hashed(app, user, now, monkeypatch):
    held = []

    class Watching(PasswordHasher):
        def verify(self, *given):
            held.append(db.engine.pool.checkedout())
            return super().verify(*given)

        def hash(self, password, **given):
            held.append(db.engine.pool.checkedout())
            return super().hash(password, **given)

    monkeypatch.setattr("webapp.people.passwords.hasher", Watching())
    change_password(claim(user, now), password=NEW, is_kept=True)
    change_email(claim(user, now, present=NEW), email="new@example.com")
    assert held == [0, 0, 0]
