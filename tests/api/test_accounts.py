"""Accounts of a host product: made or found by the product's own id, and the links that sign their users in."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import time_machine
from sqlalchemy import func, select

from tests.api.calling import answer, problem
from tests.support.keys import KeyClient, make_key
from tests.support.people import make_user
from webapp.extensions import db, end_reading, transact
from webapp.ledger.models import Account, Entry
from webapp.orm import utc_now
from webapp.people.models import HostAccount, LoginLink, User
from webapp.people.passwords import NO_PASSWORD

ACCOUNTS = "/api/accounts"


@pytest.fixture
def product(app):
    """The host product, asking with its service key."""
    return KeyClient(app, make_key(None)[1])


def counts():
    end_reading()
    found = [db.session.scalar(select(func.count()).select_from(table)) for table in (Account, HostAccount, User)]
    end_reading()
    return found


def test_an_account_is_made_once_and_then_found(product):
    body = {"external_id": "usr_42", "email": " Sam@Example.com ", "time_zone": "Europe/Berlin"}
    made = answer(product.post(ACCOUNTS, body), 201)
    assert made == {
        "account": made["account"],
        "external_id": "usr_42",
        "email": "Sam@Example.com",
        "has_user": True,
        "time_zone": "Europe/Berlin",
    }
    assert answer(product.post(ACCOUNTS, body), 200) == made
    assert answer(product.post(ACCOUNTS, {"external_id": "usr_42"}), 200) == made
    assert counts() == [1, 1, 1]
    (entry,) = db.session.scalars(select(Entry))
    assert (entry.account_id, entry.key, entry.credits) == (made["account"], "welcome", 20)
    assert db.session.scalars(select(User.password_hash)).one() == NO_PASSWORD


def test_what_is_stored_stays_and_the_answer_shows_it(product):
    first = answer(product.post(ACCOUNTS, {"external_id": "a", "email": "sam@example.com"}), 201)
    other = {"external_id": "a", "email": "other@example.com", "time_zone": "Asia/Tokyo"}
    assert answer(product.post(ACCOUNTS, other), 200) == first
    assert first["time_zone"] == "UTC"


def test_a_person_may_come_later_to_an_account_without_one(product):
    first = answer(product.post(ACCOUNTS, {"external_id": "a"}), 201)
    assert (first["email"], first["has_user"]) == (None, False)
    later = answer(product.post(ACCOUNTS, {"external_id": "a", "email": "sam@example.com"}), 200)
    assert later == first | {"email": "sam@example.com", "has_user": True}
    assert counts() == [1, 1, 1]


def test_another_persons_email_is_refused_with_what_to_do_and_nothing_is_made(product, user):
    before = counts()
    for external_id in ("new", "new too"[:3]):
        body = {"external_id": external_id, "email": "SomeOne@example.com"}
        found = problem(product.post(ACCOUNTS, body), 409, "email_unavailable")
        assert "another account" in found["detail"]
        assert "without email" in found["detail"]
        assert "someone" not in found["detail"].casefold().replace("somebody", "")
    assert counts() == before
    answer(product.post(ACCOUNTS, {"external_id": "new"}), 201)
    problem(product.post(ACCOUNTS, {"external_id": "new", "email": user.email}), 409, "email_unavailable")


BAD = {
    "no id": {},
    "an empty id": {"external_id": ""},
    "a long id": {"external_id": "x" * 201},
    "a space": {"external_id": "a b"},
    "NUL": {"external_id": "a\0"},
    "no ASCII": {"external_id": "ä"},
    "a line": {"external_id": "a\nb"},
    "a number": {"external_id": 42},
    "a list": {"external_id": ["a"]},
    "an email that is none": {"external_id": "a", "email": "nobody"},
    "an email with NUL": {"external_id": "a", "email": "a\0@example.com"},
    "an endless email": {"external_id": "a", "email": "x" * 5000},
    "an email that is a number": {"external_id": "a", "email": 1},
    "a zone nobody knows": {"external_id": "a", "time_zone": "Mars/Olympus"},
    "a path": {"external_id": "a", "time_zone": "../../etc/passwd"},
    "an empty zone": {"external_id": "a", "time_zone": ""},
}


def test_what_cant_be_read_makes_nothing(product):
    for name, body in BAD.items():
        assert product.post(ACCOUNTS, body).status_code == 422, name
    assert counts() == [0, 0, 0]


@pytest.mark.parametrize(
    "external_id", ["x" * 200, "42", "a/b//c", "external:a", "a?b#c%20", "<script>", "=1+1", "~!@$^&*"]
)
def test_any_visible_id_is_one_and_names_its_account_in_header_and_address(app, product, external_id):
    body = {"external_id": external_id, "email": "sam@example.com"}
    account = answer(product.post(ACCOUNTS, body), 201)["account"]
    named = app.test_client().get(
        "/api/credits/balance", headers=product.headers | {"Refill-Account": f"external:{external_id}"}
    )
    assert answer(named)["account"] == account
    quoted = "".join(f"%{ord(letter):02X}" for letter in external_id)
    answer(product.post(f"{ACCOUNTS}/external:{quoted}/login-link"), 201)


@pytest.mark.parametrize("email", [None, "sam@example.com"])
def test_of_many_at_once_one_makes_the_account_and_its_user(app, product, email):
    start = threading.Barrier(6)
    body = {"external_id": "a"} | ({"email": email} if email else {})

    def attempt(_):
        client = KeyClient(app, product.headers["Authorization"].removeprefix("Bearer "))
        start.wait()
        response = client.post(ACCOUNTS, body)
        return response.status_code, response.json["account"], response.json["email"]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(attempt, range(6)))
    assert sorted(status for status, *_ in found) == [200] * 5 + [201]
    assert len({account for _, account, _ in found}) == 1
    assert {given for *_, given in found} == {email}
    assert counts() == [1, 1, int(email is not None)]


def test_of_many_who_bring_a_person_to_one_account_at_once_one_does(app, product):
    answer(product.post(ACCOUNTS, {"external_id": "a"}), 201)
    start = threading.Barrier(6)

    def attempt(number):
        client = KeyClient(app, product.headers["Authorization"].removeprefix("Bearer "))
        start.wait()
        return client.post(ACCOUNTS, {"external_id": "a", "email": f"sam{number}@example.com"}).json["email"]

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(attempt, range(6)))) == 1
    assert counts() == [1, 1, 1]


def test_nobody_but_the_product_makes_accounts_and_links(app, api, user):
    own = KeyClient(app, make_key(user.account_id)[1])
    for ask in (own.post, api.post):
        problem(ask(ACCOUNTS, {"external_id": "a"}), 403, "service_key_needed")
        problem(ask(f"{ACCOUNTS}/{user.account_id}/login-link", {}), 403, "service_key_needed")
    reader = KeyClient(app, make_key(None, "read", "spend")[1])
    assert problem(reader.post(ACCOUNTS, {"external_id": "a"}), 403, "scope_missing")["scope"] == "manage"
    assert counts()[1] == 0


class TestLoginLink:
    def link(self, product, user, body=None):
        return product.post(f"{ACCOUNTS}/{user.account_id}/login-link", body)

    def test_it_is_an_address_of_ours_that_lives_five_minutes_and_only_as_a_hash(self, product, user):
        with time_machine.travel(utc_now().replace(microsecond=0), tick=False):
            found = answer(self.link(product, user), 201)
            assert dt.datetime.fromisoformat(found["expires_at"]) == utc_now() + dt.timedelta(minutes=5)
        assert found["url"].startswith("http://127.0.0.1:8000/sign-in/rfl_")
        secret = urlsplit(found["url"]).path.rpartition("/")[2]
        (row,) = transact(lambda session: session.scalars(select(LoginLink)).all())
        assert secret not in str(vars(row))
        assert row.user_id == user.id

    def test_the_host_header_is_not_believed(self, app, product, user):
        response = app.test_client().post(
            f"{ACCOUNTS}/{user.account_id}/login-link", headers=product.headers | {"Host": "evil.example"}
        )
        assert answer(response, 201)["url"].startswith("http://127.0.0.1:8000/sign-in/")

    def test_each_call_makes_another(self, product, user):
        urls = {answer(self.link(product, user, {}), 201)["url"] for _ in range(3)}
        assert len(urls) == 3

    def test_next_is_kept_in_the_address(self, product, user):
        found = answer(self.link(product, user, {"next": "/dashboard/credits?pack=small"}), 201)
        assert found["url"].endswith("?next=/dashboard/credits?pack%3Dsmall")

    @pytest.mark.parametrize(
        "target", ["//evil.example", "https://evil.example", "/\\evil", "dashboard", "", "/api/catalog", "/logout", 1,
                   "/sign-in/x", "/a\0b"],
    )  # fmt: skip
    def test_next_that_leads_elsewhere_is_refused(self, product, user, target):
        assert self.link(product, user, {"next": target}).status_code == 422
        assert transact(lambda session: session.scalar(select(func.count()).select_from(LoginLink))) == 0

    def test_without_a_person_there_is_nobody_to_sign_in(self, product):
        account = answer(product.post(ACCOUNTS, {"external_id": "a"}), 201)["account"]
        for name in (account, "external:a"):
            problem(product.post(f"{ACCOUNTS}/{name}/login-link"), 409, "no_user")

    @pytest.mark.parametrize("role", ["support", "billing", "admin"])
    def test_a_key_cant_become_an_operator(self, product, role):
        operator = make_user("ops@example.com")
        transact(lambda session: setattr(session.get_one(User, operator.id), "role", role))
        problem(self.link(product, operator), 403, "operators_own")

    @pytest.mark.parametrize(
        "name", ["123", "0", "x", "external:nobody", "external:%00", "external:", "external:" + "x" * 201]
    )
    def test_an_account_that_is_not_there(self, product, name):
        found = problem(product.post(f"{ACCOUNTS}/{name}/login-link"), 404, "unknown_account")
        assert found["detail"] == "There is no such account."
