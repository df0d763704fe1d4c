"""API keys at metered views: the account of a key pays, or the one a service key names; a cookie counts nothing."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.calling import Api, problem
from tests.app.one_database import database_url
from webapp.extensions import db, transact
from webapp.ledger import operations
from webapp.ledger.models import entries
from webapp.orm import utc_now
from webapp.people.keyring import create_key

__all__ = ["database_url"]

TRANSCRIPTS = "/api/product/transcripts"


@pytest.fixture
def make_key(app):
    """Makes a key of an account (None: a service key) and gives its number and secret."""

    def make(account_id, *scopes):
        facts = {"account_id": account_id, "name": "Test", "scopes": scopes, "now": utc_now()}
        key, secret = transact(lambda session: create_key(session, **facts))
        return key.id, secret

    return make


@pytest.fixture
def program(app, product):
    """A program without a cookie: posts with a key, and the account it names."""

    def post(secret, path=TRANSCRIPTS, **headers):
        api = Api(app, app.test_client())
        return api.post(path, {"pages": 1}, X_CSRFToken="", Authorization=f"Bearer {secret}", **headers)

    return post


def test_the_account_of_a_key_pays_and_the_entry_names_the_key(program, make_key, payer, books):
    key_id, secret = make_key(payer.account_id, "spend")
    assert program(secret).status_code == 200
    assert books().available == 9
    with Session(db.engine) as session:
        chosen = select(entries).where(entries.c.account_id == payer.account_id, entries.c.kind != "grant")
        told = session.execute(chosen.order_by(entries.c.seq)).all()
    assert [(entry.kind, entry.key_id, entry.actor_kind) for entry in told] == [
        ("hold", key_id, "system"),
        ("capture", key_id, "system"),
    ]


def test_a_program_without_enough_credits_is_told_the_pack_that_helps(program, make_key, payer, other, books):
    transact(lambda session: operations.spend(session, payer.account_id, credits=10, key="all", now=utc_now()))
    (_, own), (_, service) = make_key(payer.account_id, "spend"), make_key(None, "spend")
    for response in (program(own), program(service, Refill_Account=str(payer.account_id))):
        told = problem(response, 402, "insufficient_credits")
        assert (told["needed"], told["available"], told["pack"]) == (1, 0, "starter")


def test_a_program_may_pay_by_get(app, product, make_key, payer, books):
    _, secret = make_key(payer.account_id, "spend")
    response = app.test_client().get("/api/product/lookup/moon", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 200
    assert books().available == 9


def test_a_service_key_lets_the_account_it_names_pay(program, make_key, payer, other, books):
    _, secret = make_key(None, "spend")
    assert program(secret, Refill_Account=str(payer.account_id)).status_code == 200
    assert books().available == 9
    problem(program(secret), 400, "account_not_named")
    problem(program(secret, Refill_Account="external:nobody"), 404, "unknown_account")


def test_a_key_that_may_only_read_pays_nothing(program, make_key, payer, product, books):
    _, secret = make_key(payer.account_id, "read", "manage")
    assert problem(program(secret), 403, "scope_missing")["scope"] == "spend"
    assert product.runs == []
    assert books().available == 10


def test_a_key_names_no_other_account(program, make_key, payer, other, product):
    _, secret = make_key(payer.account_id, "spend")
    problem(program(secret, Refill_Account=str(other.account_id)), 403, "account_not_yours")
    assert product.runs == []


def test_a_wrong_key_is_refused_even_beside_a_good_cookie(api, product, books):
    problem(api.post(TRANSCRIPTS, {"pages": 1}, Authorization="Bearer wrong"), 401, "invalid_key")
    assert product.runs == []
    assert books().available == 10


def test_a_page_reads_no_key(app, product, make_key, payer, books):
    _, secret = make_key(payer.account_id, "spend")
    nobody = Api(app, app.test_client())
    assert nobody.post("/product/report", {}, Authorization=f"Bearer {secret}").status_code == 303
    assert product.runs == []
    assert books().available == 10


def test_beyond_a_limit_a_key_pays_if_it_may(program, make_key, payer, books):
    _, spender = make_key(payer.account_id, "spend")
    _, reader = make_key(payer.account_id, "read")
    search = "/api/product/search"
    assert [program(spender, search).status_code for _ in range(4)] == [200] * 4
    assert books().available == 9
    assert program(reader, search).status_code == 429
    assert books().available == 9
