"""Signing in below the pages: the order of counting and checking, on one database seen from several processes."""

import datetime as dt
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from tests.support.cheap import at_true_costs
from tests.support.forms import PASSWORD
from webapp import create_app
from webapp.extensions import db, transact
from webapp.people import passwords
from webapp.people.browsers import user_of_browser
from webapp.people.errors import TooManyTries, WrongPair
from webapp.people.models import SignedInBrowser, SignInFailure, User
from webapp.people.passwords import hasher, matches
from webapp.people.signin import sign_in
from webapp.people.throttle import attempt_of, record_failure
from webapp.people.users import set_password

OUTDATED = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


def enter(now, *, email="someone@example.com", password=PASSWORD, address="203.0.113.7"):
    return sign_in(email=email, password=password, is_kept=False, address=address, throttle_secret="a secret", now=now)


def fail(now, *, times=1, **given):
    for _ in range(times):
        with pytest.raises(WrongPair):
            enter(now, password="not the password", **given)


def fail_before(now, *, times, address="203.0.113.7"):
    """As many failures of as many e-mails, without the slow look at a password."""
    for number in range(times):
        other = attempt_of(f"guess{number}@example.com", address, secret="a secret")
        transact(lambda session, other=other: record_failure(session, other, now=now))


def fail_right(now):
    with pytest.raises(WrongPair):
        enter(now)


def failures():
    return transact(lambda session: session.scalar(select(func.count()).select_from(SignInFailure)))


def stored(user):
    return transact(lambda session: session.get(User, user.id))


@pytest.fixture
def neighbour(app, settings):
    """A second process's application on the same database."""
    other = create_app(settings)
    yield other
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


def test_the_right_pair_signs_a_browser_in_and_is_no_failure(app, user, now):
    secret = enter(now, email=" SOMEONE@example.com")
    assert transact(lambda session: user_of_browser(session, secret, now=now)).id == user.id
    assert stored(user).signed_in_at == now
    assert failures() == 0


WRONG_PAIRS = [
    ("someone@example.com", "a long enough passwore"),
    ("someone@example.com", ""),
    ("someone@example.com", "\ud800"),
    ("someone@example.com", "\u0301\u0323" * 100_000),
    ("nobody@example.com", PASSWORD),
    ("", PASSWORD),
    ("someone@example.com\x00", PASSWORD),
    ("\ud800", PASSWORD),
    ("\u0301\u0323" * 100_000, PASSWORD),
    ("' OR 1=1 --", "' OR 1=1 --"),
]


def test_every_wrong_pair_is_wrong_in_the_same_words_and_counts(app, user, now):
    for number, (email, password) in enumerate(WRONG_PAIRS, start=1):
        with pytest.raises(WrongPair) as refused:
            enter(now, email=email, password=password)
        assert refused.value.sentence == "Email or password isn't right"
        assert failures() == number
    assert stored(user).signed_in_at is None


@pytest.mark.parametrize("email", ["someone@example.com", "nobody@example.com"])
def test_after_five_failures_even_the_right_password_waits(app, user, now, email):
    fail(now, times=5, email=email)
    with pytest.raises(TooManyTries) as refused:
        enter(now, email=email)
    assert (refused.value.sentence, refused.value.wait_seconds) == (
        "Too many tries. Please wait 1 minute, then try again.",
        60,
    )
    with pytest.raises(TooManyTries) as refused:
        enter(now + dt.timedelta(seconds=59), email=email, password="not the password")
    assert refused.value.wait_seconds == 1


def test_asking_during_the_wait_makes_it_no_longer(app, user, now):
    fail(now, times=5)
    for second in range(0, 60, 10):
        with pytest.raises(TooManyTries):
            enter(now + dt.timedelta(seconds=second))
    assert failures() == 5
    assert enter(now + dt.timedelta(seconds=60))


def test_a_success_starts_the_count_again(app, user, now):
    fail(now, times=4)
    enter(now)
    assert failures() == 0
    fail(now, times=5)
    with pytest.raises(TooManyTries):
        enter(now)


def test_one_address_cannot_try_many_emails(app, user, now):
    fail_before(now, times=29)
    fail(now, email="guess@example.com")
    with pytest.raises(TooManyTries) as refused:
        enter(now)
    assert refused.value.sentence == "Too many tries. Please wait 15 minutes, then try again."
    assert enter(now, address="203.0.113.8")


def test_the_limit_is_one_for_all_processes(app, neighbour, user, now):
    fail(now, times=3)
    with neighbour.app_context():
        fail(now, times=2)
        with pytest.raises(TooManyTries):
            enter(now)
    with pytest.raises(TooManyTries):
        enter(now)


def test_no_flood_gets_more_than_five_passwords_looked_at(app, neighbour, user, now):
    flood = 24
    start = threading.Barrier(flood)

    def attempt(number):
        with (app if number % 2 else neighbour).app_context():
            start.wait()
            try:
                enter(now, password="not the password", address=f"203.0.113.{number}")
            except (WrongPair, TooManyTries) as refusal:
                return type(refusal)
            finally:
                db.session.remove()

    with ThreadPoolExecutor(flood) as pool:
        answers = Counter(pool.map(attempt, range(flood)))
    assert answers[WrongPair] <= 5
    assert answers[WrongPair] + answers[TooManyTries] == flood
    assert failures() == answers[WrongPair]


def test_a_flood_from_one_address_over_many_emails_is_held_too(app, user, now):
    fail_before(now, times=27)
    start = threading.Barrier(16)

    def attempt(number):
        with app.app_context():
            start.wait()
            try:
                enter(now, email=f"more{number}@example.com")
            except (WrongPair, TooManyTries) as refusal:
                return type(refusal)

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(attempt, range(16)))
    assert answers[WrongPair] <= 3
    assert answers.total() == 16


def test_an_outdated_hash_is_renewed_at_sign_in(app, user, now):
    _store_hash(user, OUTDATED.hash(PASSWORD))
    fail(now)
    assert hasher.check_needs_rehash(stored(user).password_hash)
    enter(now)
    renewed = stored(user).password_hash
    assert not hasher.check_needs_rehash(renewed)
    assert matches(renewed, PASSWORD)
    enter(now)
    assert stored(user).password_hash == renewed


class Interrupted(PasswordHasher):
    """Somebody else gets something done between this check of a password and what follows it."""

    def __init__(self, *meanwhile):
        super().__init__()
        self.meanwhile = list(meanwhile)

    def verify(self, *given):
        is_right = super().verify(*given)
        if self.meanwhile:
            self.meanwhile.pop()()
        return is_right


@pytest.mark.parametrize("stored_by", [hasher, OUTDATED])
def test_a_password_changed_while_its_old_one_is_looked_at_lets_nobody_in(app, user, now, monkeypatch, stored_by):
    _store_hash(user, stored_by.hash(PASSWORD))

    def change():
        transact(lambda session: set_password(session, user, password="changed meanwhile"))

    monkeypatch.setattr("webapp.people.passwords.hasher", Interrupted(change))
    fail_right(now)
    assert matches(stored(user).password_hash, "changed meanwhile")
    assert transact(lambda session: session.scalar(select(func.count()).select_from(SignedInBrowser))) == 0
    assert failures() == 1


def test_a_hash_renewed_by_another_sign_in_at_the_same_time_lets_both_in(app, user, now, monkeypatch):
    _store_hash(user, OUTDATED.hash(PASSWORD))
    secrets = []
    monkeypatch.setattr("webapp.people.passwords.hasher", Interrupted(lambda: secrets.append(enter(now))))
    secrets.append(enter(now))
    users = [transact(lambda session, secret=secret: user_of_browser(session, secret, now=now)) for secret in secrets]
    assert [found.id for found in users] == [user.id, user.id]
    assert not hasher.check_needs_rehash(stored(user).password_hash)


def test_a_hash_that_changes_at_every_look_lets_nobody_in(app, user, now, monkeypatch):
    def change():
        _store_hash(user, hasher.hash(PASSWORD))

    monkeypatch.setattr("webapp.people.passwords.hasher", Interrupted(*[change] * 4))
    fail_right(now)


def test_a_password_changed_elsewhere_ends_the_sessions_of_the_old_one(app, user, now):
    secret = enter(now)
    transact(lambda session: set_password(session, user, password="quite another password"))
    assert transact(lambda session: user_of_browser(session, secret, now=now)) is None
    fail(now)
    assert enter(now, password="quite another password")


def test_no_connection_is_held_while_a_password_is_looked_at(app, user, now, monkeypatch):
    held = []

    class Watching(PasswordHasher):
        def verify(self, *given):
            held.append(db.engine.pool.checkedout())
            return super().verify(*given)

    monkeypatch.setattr("webapp.people.passwords.hasher", Watching())
    enter(now)
    fail(now, email="nobody@example.com")
    assert held == [0, 0]


def test_an_unknown_email_takes_as_long_as_a_wrong_password(app, user, now, monkeypatch):
    with at_true_costs():  # cheap hashes would be lost in what the database takes
        costly = PasswordHasher()
    monkeypatch.setattr(passwords, "hasher", costly)
    monkeypatch.setattr(passwords, "UNKNOWN_PERSON", costly.hash("a password nobody has"))
    _store_hash(user, costly.hash(PASSWORD))

    def seconds(email, number):
        began = time.perf_counter()
        fail(now + dt.timedelta(days=number), email=email)
        return time.perf_counter() - began

    known = median(seconds("someone@example.com", number) for number in range(5))
    unknown = median(seconds("nobody@example.com", number) for number in range(5))
    assert 0.5 < unknown / known < 2


def _store_hash(user, password_hash):
    changed = update(User).where(User.id == user.id).values(password_hash=password_hash)
    transact(lambda session: session.execute(changed))
