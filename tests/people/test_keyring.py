"""API keys: made, listed, renamed, renewed and revoked; what opens and what doesn't any more."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from tests.support.keys import make_key
from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations
from webapp.ledger.errors import UnknownAccount
from webapp.people.errors import (
    FormSentBefore,
    InvalidKeyName,
    InvalidOverlap,
    TooManyKeys,
    UnknownKey,
    UnknownScope,
)
from webapp.people.keyring import (
    MOST_KEYS,
    all_keys,
    any_key,
    create_key,
    key_of_account,
    keys_of_account,
    own_key,
    rename_key,
    renew_key,
    revoke_own_key,
)
from webapp.people.keys import KeyFacts, is_use_noted, key_of_secret, note_use
from webapp.people.models import ApiKey, ApiKeySecret

HOUR, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)


@pytest.fixture
def account_id(session, now):
    return operations.open_account(session, now=now)


def made(session, account_id, now, **more):
    facts = {"name": "Build", "scopes": ["read"], "now": now} | more
    return create_key(session, account_id=account_id, **facts)


def opens(session, secret, now):
    found = key_of_secret(session, secret, now=now)
    return found and found.id


def test_a_key_is_known_by_its_secret_alone_and_the_tables_hold_none(session, account_id, now):
    key, secret = made(session, account_id, now, scopes=["manage", "read"])
    assert key_of_secret(session, secret, now=now) == KeyFacts(key.id, account_id, frozenset({"read", "manage"}), None)
    assert (key.scopes, key.name, key.revoked_at) == ("read manage", "Build", None)
    assert secret.startswith("rfa_")
    assert len(secret) == 47
    for table in ("api_keys", "api_key_secrets"):
        row = session.execute(text(f"SELECT * FROM {table}")).one()
        assert secret not in str(row)
        assert secret[12:] not in str(row)
    (stored,) = session.scalars(select(ApiKeySecret))
    assert stored.prefix == secret[:12]
    assert opens(session, stored.secret_hash, now) is None


def test_a_service_key_has_no_account_and_says_so_by_its_beginning(session, now):
    key, secret = made(session, None, now)
    assert secret.startswith("rfs_")
    assert key_of_secret(session, secret, now=now).is_service
    assert key.account_id is None


@pytest.mark.parametrize("secret", ["", "x", "rfa_", "rfa_" + "A" * 43, "\x00", "\ud800", "é" * 200, "' OR 1=1 --"])
def test_a_made_up_secret_opens_nothing(session, account_id, now, secret):
    made(session, account_id, now)
    assert opens(session, secret, now) is None


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"name": ""}, InvalidKeyName),
        ({"name": "   "}, InvalidKeyName),
        ({"name": "x" * 61}, InvalidKeyName),
        ({"name": "a\nb"}, InvalidKeyName),
        ({"name": "a\x00b"}, InvalidKeyName),
        ({"name": "\u202ekey"}, InvalidKeyName),
        ({"name": "\u0301" * 300_000}, InvalidKeyName),
        ({"scopes": []}, UnknownScope),
        ({"scopes": ["read", "root"]}, UnknownScope),
        ({"scopes": [""]}, UnknownScope),
        ({"scopes": ["READ"]}, UnknownScope),
    ],
)
def test_what_breaks_a_rule_makes_no_key(session, account_id, now, given, refusal):
    with pytest.raises(refusal):
        made(session, account_id, now, **given)
    assert session.scalar(select(func.count()).select_from(ApiKey)) == 0


@pytest.mark.parametrize("nobody", [1, 2**53, 2**63, 2**80, 0, -1])
def test_an_account_that_is_not_there_has_no_keys(session, now, nobody):
    with pytest.raises(UnknownAccount):
        made(session, nobody, now)


def test_a_revoked_key_opens_nothing_with_any_of_its_secrets_and_is_gone_for_everybody(session, account_id, now):
    key, first = made(session, account_id, now)
    second = renew_key(session, key, now=now)
    revoke_own_key(session, account_id, key.id, now=now)
    session.flush()
    assert [opens(session, secret, now) for secret in (first, second)] == [None, None]
    for ask in (lambda: own_key(session, account_id, key.id), lambda: any_key(session, key.id),
                lambda: key_of_account(session, account_id, key.id, now=now)):  # fmt: skip
        with pytest.raises(UnknownKey):
            ask()
    assert keys_of_account(session, account_id, now=now) == []
    (line,) = all_keys(session, now=now)
    assert (line.id, line.revoked_at) == (key.id, now)


def test_another_accounts_key_is_as_unknown_as_a_missing_one(session, account_id, now):
    other = operations.open_account(session, now=now)
    key, _ = made(session, account_id, now)
    service, _ = made(session, None, now)
    words = set()
    for number in (key.id, service.id, 1, 0, -1, 2**53, 2**63, 2**90):
        for ask in (own_key, key_of_account):
            with pytest.raises(UnknownKey) as refused:
                ask(session, other, number, **({"now": now} if ask is key_of_account else {}))
            words.add(refused.value.sentence)
    assert len(words) == 1
    assert own_key(session, account_id, key.id) is key
    assert any_key(session, service.id) is service


@pytest.mark.parametrize("hours", [0, 1, 24, 168])
def test_the_old_secret_lives_beside_the_new_until_the_overlap_is_over(session, account_id, now, hours):
    key, old = made(session, account_id, now)
    renewed_at = now + HOUR
    new = renew_key(session, key, overlap=hours * HOUR, now=renewed_at)
    end = renewed_at + hours * HOUR
    assert opens(session, old, end - SECOND) == key.id
    assert opens(session, old, end) is None
    assert opens(session, new, renewed_at) == opens(session, new, end + 365 * 24 * HOUR) == key.id
    line = key_of_account(session, account_id, key.id, now=renewed_at)
    assert (line.id, line.name, line.scopes, line.created_at) == (key.id, "Build", ("read",), now)
    assert line.prefix == new[:12]
    assert line.old_ends_at == (end if hours else None)
    assert key_of_account(session, account_id, key.id, now=end).old_ends_at is None


def test_a_second_renewal_lengthens_no_old_secret(session, account_id, now):
    key, first = made(session, account_id, now)
    second = renew_key(session, key, overlap=HOUR, now=now)
    third = renew_key(session, key, overlap=48 * HOUR, now=now)
    assert opens(session, first, now + HOUR) is None
    assert opens(session, second, now + HOUR) == opens(session, third, now + HOUR) == key.id
    last = renew_key(session, key, overlap=dt.timedelta(), now=now)
    assert [opens(session, secret, now) for secret in (first, second, third, last)] == [None, None, None, key.id]


@pytest.mark.parametrize("overlap", [-SECOND, 168 * HOUR + SECOND, 9000 * HOUR])
def test_no_overlap_is_longer_than_a_week(session, account_id, now, overlap):
    key, old = made(session, account_id, now)
    with pytest.raises(InvalidOverlap):
        renew_key(session, key, overlap=overlap, now=now)
    assert opens(session, old, now + 9999 * HOUR) == key.id


def test_a_key_is_renamed_and_keeps_everything_else(session, account_id, now):
    key, secret = made(session, account_id, now)
    rename_key(key, name="  Nightly build ")
    with pytest.raises(InvalidKeyName):
        rename_key(key, name="\t")
    session.flush()
    (line,) = keys_of_account(session, account_id, now=now)
    assert (line.name, line.id) == ("Nightly build", key.id)
    assert opens(session, secret, now) == key.id


def test_lists_have_the_newest_first_in_one_statement_each_key_once(session, account_id, now):
    first, _ = made(session, account_id, now, name="First")
    made(session, account_id, now + HOUR, name="Second")
    made(session, None, now, name="Service")
    for hours in (3, 5, 2):
        renew_key(session, first, overlap=hours * HOUR, now=now)
    lines = keys_of_account(session, account_id, now=now)
    assert [line.name for line in lines] == ["Second", "First"]
    assert lines[1].old_ends_at == now + 2 * HOUR, "none ends later than was said last"
    assert len(all_keys(session, now=now)) == 3


def test_one_form_makes_one_key_and_renews_it_once(session, account_id, now):
    key, _ = made(session, account_id, now, form_key="f1")
    with pytest.raises(FormSentBefore) as refused:
        made(session, account_id, now, form_key="f1", name="Again")
    assert refused.value.key_id == key.id
    other = operations.open_account(session, now=now)
    made(session, other, now, form_key="f1")
    renew_key(session, key, form_key="f2", now=now)
    with pytest.raises(FormSentBefore):
        renew_key(session, key, form_key="f2", overlap=dt.timedelta(), now=now)
    assert len(session.scalars(select(ApiKeySecret).where(ApiKeySecret.key_id == key.id)).all()) == 2
    revoke_own_key(session, account_id, key.id, now=now)
    session.flush()
    with pytest.raises(FormSentBefore):
        made(session, account_id, now, form_key="f1")


def test_the_database_too_keeps_a_form_to_one_key(session, account_id, now):
    made(session, account_id, now, form_key="f1")
    twin = {"account_id": account_id, "name": "Twin", "scopes": "read", "form_key": "f1", "created_at": now}
    session.add(ApiKey(id=7, **twin))
    with pytest.raises(IntegrityError):
        session.flush()


def test_an_account_has_50_living_keys_at_most(session, account_id, now):
    for _ in range(MOST_KEYS):
        key, _ = made(session, account_id, now)
    with pytest.raises(TooManyKeys) as refused:
        made(session, account_id, now)
    assert refused.value.facts == {"most": 50}
    revoke_own_key(session, account_id, key.id, now=now)
    session.flush()
    made(session, account_id, now)
    made(session, operations.open_account(session, now=now), now)
    made(session, None, now)


def test_many_at_once_make_no_key_too_many(app, user, now):
    for _ in range(MOST_KEYS - 2):
        make_key(user.account_id)
    start = threading.Barrier(6)

    def attempt(number):
        with app.app_context():
            start.wait()
            try:
                return make_key(user.account_id, name=f"{number}")[0].name
            except TooManyKeys:
                return None

    with ThreadPoolExecutor(6) as pool:
        names = [name for name in pool.map(attempt, range(6)) if name]
    assert len(names) == 2
    assert len(keys_of_account(db.session(), user.account_id, now=now)) == MOST_KEYS


class TestLastUsed:
    """Noted at most once a minute, by one of those who want to."""

    def test_it_is_noted_once_a_minute(self, session, account_id, now):
        key, secret = made(session, account_id, now)

        def use(at):
            found = key_of_secret(session, secret, now=at)
            wrote = not is_use_noted(found, now=at) and note_use(session, found, now=at)
            session.expire_all()
            return wrote, session.get_one(ApiKey, key.id).last_used_at

        minute = dt.timedelta(minutes=1)
        assert use(now) == (True, now)
        assert use(now + minute - SECOND) == (False, now)
        assert use(now + minute) == (True, now + minute)
        assert use(now + minute + SECOND) == (False, now + minute)

    def test_who_comes_second_with_an_old_look_writes_nothing(self, session, account_id, now):
        _, secret = made(session, account_id, now)
        looks = [key_of_secret(session, secret, now=now) for _ in range(2)]
        assert [note_use(session, look, now=now) for look in looks] == [True, False]

    def test_of_many_workers_at_once_one_writes(self, app, user, now):
        _, secret = make_key(user.account_id, now=now)
        start = threading.Barrier(8)

        def use(_):
            with app.app_context():
                found = key_of_secret(db.session(), secret, now=now)
                end_reading()
                start.wait()
                return transact(lambda session: note_use(session, found, now=now))

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(use, range(8))) == [False] * 7 + [True]
