"""Who pays for a metered view, and who is refused: by no parameter, by no other site, by nobody at all."""

import pytest

from tests.api.calling import Api, problem
from tests.app.one_database import database_url
from tests.support.browsing import sign_in
from tests.support.people import make_user

__all__ = ["database_url"]

TRANSCRIPTS = "/api/product/transcripts"


@pytest.mark.parametrize(("path", "status"), [("/product/report", 303), ("/partials/product/report", 401)])
def test_nobody_is_sent_to_sign_in_by_pages_and_partials(app, product, path, status):
    nobody = Api(app, app.test_client())
    response = nobody.post(path, {})
    assert response.status_code == status
    assert product.runs == []


def test_nobody_is_refused_by_the_api(app, product):
    problem(Api(app, app.test_client()).post(TRANSCRIPTS, {"pages": 1}), 401, "not_signed_in")
    assert product.runs == []


def test_whoever_is_named_in_the_request_does_not_pay(app, api, product, books, other):
    response = api.post(f"{TRANSCRIPTS}?account={other.account_id}", {"pages": 1, "account_id": other.account_id})
    assert response.status_code == 200
    assert books().available == 9


@pytest.mark.parametrize("path", [TRANSCRIPTS, "/product/report", "/partials/product/report"])
def test_another_site_cannot_spend_a_persons_credits(api, product, books, path):
    response = api.post(path, {"pages": 1}, X_CSRFToken="")
    assert response.status_code == 400
    assert product.runs == []
    assert books().available == 10


def test_a_link_of_another_site_cannot_either(api, product, books):
    problem(api.get("/api/product/lookup/moon"), 400, "csrf")
    assert product.runs == []
    token = {"X-CSRFToken": api.token}
    assert api.client.get("/api/product/lookup/moon", headers=token).status_code == 200
    assert product.runs == ["moon"]
    assert books().available == 9


def test_a_page_that_costs_too_much_is_drawn_as_a_page_and_as_a_partial(app, product):
    poor = make_user("poor@example.com")
    api = Api(app, sign_in(app, poor), poor)
    page = api.post("/product/report", {})
    assert (page.status_code, page.mimetype) == (402, "text/html")
    part = api.post("/partials/product/report", {})
    assert (part.status_code, part.headers["HX-Retarget"]) == (402, "#alerts")
    assert product.runs == []
