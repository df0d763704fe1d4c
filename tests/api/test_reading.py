"""What the API can't read it refuses in words, with a 4xx, and nothing is written. Other addresses are 404 or 405."""

import json
import re
from itertools import product

import pytest
from sqlalchemy import func, select

from tests.api.calling import answer, problem
from webapp.billing.models import Purchase
from webapp.extensions import db, end_reading

CHECKOUT = "/api/billing/checkout"
PURCHASE = "/api/credits/purchase"
MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def nothing_is_opened(app):
    """Whatever a test sends here, no purchase may come of it."""
    yield
    end_reading()
    assert db.session.scalar(select(func.count()).select_from(Purchase)) == 0
    end_reading()


NO_JSON = {
    "nothing": b"",
    "words": b"pack=small",
    "half": b'{"pack": "small"',
    "more": b'{"pack": "small"} {}',
    "single quotes": b"{'pack': 'small'}",
    "a comment": b'{"pack": "small"} // yes',
    "NaN": b'{"pack": "small", "n": NaN}',
    "Infinity": b'{"pack": "small", "n": -Infinity}',
    "a name twice": b'{"pack": "small", "pack": "maximum"}',
    "a name twice inside": b'{"pack": "small", "x": {"a": 1, "a": 2}}',
    "no text": b'{"pack": "\xff\xfe"}',
    "half a character": b'{"pack": "small", "x": "\\ud83d"}',
    "half a name": b'{"pack": "small", "\\udc00": 1}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "an endless number": b'{"pack": "small", "n": ' + b"9" * 100_000 + b"}",
    "a list": b'["small"]',
    "a word": b'"small"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
}


@pytest.mark.parametrize("path", [CHECKOUT, PURCHASE])
def test_a_body_that_is_no_json_object_is_refused(api, path, without_limits):
    for name, body in NO_JSON.items():
        response = api.post_raw(path, body)
        assert response.status_code == 400, name
        problem(response, 400, "invalid_json")


def test_json_in_another_encoding_than_utf_8_is_read_or_refused_never_broken(api):
    problem(api.post_raw(CHECKOUT, '{"pack": "nöthing"}'.encode("latin-1")), 400, "invalid_json")
    problem(api.post_raw(CHECKOUT, '{"pack": "nothing"}'.encode("utf-16")), 404, "unknown_pack")


def test_a_body_of_another_type_or_of_none_is_refused(api):
    form = "application/x-www-form-urlencoded"
    for content_type in ("", "text/plain", form, "multipart/form-data; boundary=x", "application/xml", "json"):
        response = api.post_raw(CHECKOUT, '{"pack": "small"}', Content_Type=content_type)
        problem(response, 415, "unsupported_media_type")


def test_json_by_any_of_its_names_is_read(api):
    for content_type in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"):
        problem(api.post_raw(CHECKOUT, '{"pack": "nothing"}', Content_Type=content_type), 404, "unknown_pack")


def test_a_form_cant_buy_over_the_api(api):
    """A page of another origin could send a form without asking; JSON it can't."""
    body = {"pack": "small", "csrf_token": api.token}
    problem(api.client.post(CHECKOUT, data=body), 415, "unsupported_media_type")


def test_a_body_over_one_mebibyte_is_refused_unread(api):
    body = json.dumps({"pack": "nothing", "note": "x" * MEBIBYTE})
    problem(api.post_raw(CHECKOUT, body), 413, "request_entity_too_large")


def test_a_body_of_one_mebibyte_is_read(api):
    start, end = b'{"pack": "nothing", "note": "', b'"}'
    body = start + b"x" * (MEBIBYTE - len(start) - len(end)) + end
    problem(api.post_raw(CHECKOUT, body), 404, "unknown_pack")


def test_a_length_that_is_a_lie_is_no_way_around_the_limit(api):
    body = json.dumps({"pack": "nothing", "note": "x" * MEBIBYTE})
    response = api.client.post(
        CHECKOUT,
        data=body,
        headers={"X-CSRFToken": api.token, "Content-Type": "application/json"},
        environ_overrides={"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    )
    problem(response, 413, "request_entity_too_large")


class TestCsrf:
    """A cookie alone buys nothing: a browser sends it whoever wrote the page."""

    @pytest.mark.parametrize("path", [CHECKOUT, PURCHASE])
    def test_a_post_without_our_token_is_refused(self, api, path):
        for token in ("", "wrong", "IjEi.Zz.zz"):
            problem(api.post(path, {"pack": "small"}, X_CSRFToken=token), 400, "csrf")

    def test_the_token_of_another_browser_is_refused(self, api, other_api):
        problem(api.post(CHECKOUT, {"pack": "small"}, X_CSRFToken=other_api.token), 400, "csrf")

    def test_a_token_in_the_body_or_the_address_is_none(self, api):
        body = {"pack": "small", "csrf_token": api.token}
        problem(api.post(f"{CHECKOUT}?csrf_token={api.token}", body, X_CSRFToken=""), 400, "csrf")

    def test_who_isnt_signed_in_is_told_that_first(self, anonymous_api):
        for token in ("", anonymous_api.token):
            problem(anonymous_api.post(CHECKOUT, {"pack": "small"}, X_CSRFToken=token), 401, "not_signed_in")

    def test_the_token_is_looked_at_before_the_body(self, api):
        problem(api.post_raw(CHECKOUT, b"{", X_CSRFToken=""), 400, "csrf")

    def test_a_read_needs_no_token(self, api):
        answer(api.client.get("/api/credits/balance"))

    def test_the_token_of_a_page_is_the_one_that_counts(self, api):
        page = api.client.get("/dashboard/credits").get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token
        problem(api.post(CHECKOUT, {"pack": "nothing"}, X_CSRFToken=token[1]), 404, "unknown_pack")


def test_an_address_we_dont_have_is_a_problem_for_everyone(api, anonymous_api):
    paths = ("/api/", "/api/nothing", "/api/credits", "/api/credits/balance/", "/api/catalog/x")
    for asked, path, method in product((api, anonymous_api), paths, ("GET", "POST", "DELETE")):
        problem(asked.client.open(path, method=method), 404, "not_found")


METHODS = {
    "/api/credits/balance": {"GET", "HEAD", "OPTIONS"},
    "/api/credits/history": {"GET", "HEAD", "OPTIONS"},
    "/api/catalog": {"GET", "HEAD", "OPTIONS"},
    "/api/billing/verify-payment": {"GET", "HEAD", "OPTIONS"},
    "/api/accounts": {"POST", "OPTIONS"},
    CHECKOUT: {"POST", "OPTIONS"},
    PURCHASE: {"POST", "OPTIONS"},
}


def test_another_method_is_a_problem_that_names_the_right_ones(api):
    for path, methods in METHODS.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            response = api.client.open(path, method=method)
            problem(response, 405, "method_not_allowed")
            assert {name.strip() for name in response.headers["Allow"].split(",")} == methods


def test_no_answer_lets_another_origin_read_it(api):
    for method in ("GET", "OPTIONS"):
        response = api.client.open("/api/credits/balance", method=method, headers={"Origin": "https://evil.example"})
        assert not [name for name, _ in response.headers if name.lower().startswith("access-control")]
