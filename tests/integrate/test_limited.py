"""`@limited`: three requests a minute are free, more cost a credit each, and without credits one waits."""

import pytest

from tests.api.calling import Api, problem
from tests.app.one_database import database_url
from tests.integrate.product import fails_with
from tests.support.browsing import sign_in
from webapp.extensions import limiter, transact
from webapp.integrate import limited
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.models import Account
from webapp.ledger.operations import set_limit
from webapp.orm import utc_now

__all__ = ["database_url"]

SEARCH = "/api/product/search"


def search(api: Api, times: int = 1, **headers: str) -> list[int]:
    return [api.post(SEARCH, {}, **headers).status_code for _ in range(times)]


def test_requests_within_the_limit_are_free(api, product, written):
    assert search(api, 3) == [200] * 3
    assert len(product.runs) == 3
    assert written() == []


def test_each_request_beyond_the_limit_costs_the_price_of_one(api, product, books, written):
    assert search(api, 5) == [200] * 5
    assert len(product.runs) == 5
    assert written() == [("hold", 0), ("capture", -1)] * 2
    assert books().available == 8


def test_without_credits_for_it_one_is_told_how_long_to_wait(api, product, books):
    assert search(api, 13) == [200] * 13
    assert books().available == 0
    response = api.post(SEARCH, {})
    problem(response, 429, "too_many_requests")
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert len(product.runs) == 13


def test_paused_spending_waits_too(api, product, payer):
    def pause(session):
        session.get(Account, payer.account_id).spending_paused_at = utc_now()

    transact(pause)
    assert search(api, 4) == [200, 200, 200, 429]


def test_work_beyond_the_limit_that_fails_is_not_charged(api, product, books):
    search(api, 3)
    product.act = fails_with(503)
    assert search(api) == [503]
    assert (books().available, books().held) == (10, 0)


def test_each_account_has_a_limit_of_its_own(app, api, product, other, books):
    search(api, 3)
    assert search(Api(app, sign_in(app, other), other), 3) == [200] * 3
    assert books().available == 10


def test_nobody_is_counted_by_address_and_waits(app, product):
    nobody = Api(app, app.test_client())
    assert search(nobody, 4) == [200, 200, 200, 429]
    assert search(Api(app, app.test_client()), 1) == [429]


def test_another_site_can_neither_post_for_a_person_nor_spend_by_a_link(api, product, books):
    assert search(api, 2, X_CSRFToken="") == [400, 400]
    assert product.runs == []
    assert [api.get(SEARCH).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert search(api) == [200]
    assert books().available == 9


def test_a_key_beyond_the_limit_is_charged_once(api, product, books):
    search(api, 3)
    assert api.post(SEARCH, {}, key="k-1").status_code == 200
    problem(api.post(SEARCH, {}, key="k-1"), 409, "work_done")
    assert books().available == 9


def test_limits_are_counted_where_the_application_counts_and_in_memory_when_that_is_gone(api, product, monkeypatch):
    def gone(*_, **__):
        raise ConnectionError("the storage is gone")

    monkeypatch.setattr(limiter.limiter, "hit", gone)
    assert search(api, 4) == [200] * 4


def test_a_limit_that_cannot_be_read_is_refused_at_once():
    with pytest.raises(ValueError, match="couldn't parse"):
        limited("ten a minute", then="transcript")


def test_a_spend_limit_that_is_reached_waits_too(api, product, payer):
    limit = SpendLimit(0, "day", 1, pauses=True, is_money=False)
    transact(lambda session: set_limit(session, payer.account_id, limit, may_stop_now=False, now=utc_now()))
    assert search(api, 5) == [200, 200, 200, 200, 429]
