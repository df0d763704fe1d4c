"""What the metering API can't read it refuses before anything is written, each operation alike."""

import pytest

from tests.api.calling import answer, problem
from tests.api.keyed import BATCH, ESTIMATE, HOLDS, SPEND
from webapp.ledger.models import MAX_ACCOUNT_ID

CAPTURE, RELEASE, REVERSE = f"{HOLDS}/3/capture", f"{HOLDS}/3/release", "/api/credits/entries/2/reverse"
NEEDS_BODY = (SPEND, BATCH, ESTIMATE, HOLDS, CAPTURE)
MAY_BE_EMPTY = (RELEASE, REVERSE)
MEBIBYTE = 1 << 20


def nested(levels):
    """So many lists in one another."""
    return [] if levels == 1 else [nested(levels - 1)]


@pytest.fixture
def ready(mine):
    """Entry 2 is a spend and entry 3 a hold; nothing that a test sends may change that."""
    mine.spend(5)
    mine.hold(5)
    yield mine
    assert [entry["id"] for entry in mine.entries()] == [3, 2, 1]


@pytest.mark.parametrize("path", [*NEEDS_BODY, *MAY_BE_EMPTY])
def test_a_body_that_is_no_json_object_is_refused(ready, path):
    for body in (
        b"{",
        b"[]",
        b'"x"',
        b"1",
        b"null",
        b'{"credits": 1, "credits": 2}',
        b'{"a": NaN}',
        b"\xff",
        b"[" * 9999,
    ):
        problem(ready.post(path, body), 400, "invalid_json")


@pytest.mark.parametrize("path", [*NEEDS_BODY, *MAY_BE_EMPTY])
def test_a_body_of_another_type_is_refused(ready, path):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        problem(ready.post(path, b'{"credits": 1}', Content_Type=kind), 415, "unsupported_media_type")


@pytest.mark.parametrize("path", NEEDS_BODY)
def test_no_body_at_all_is_refused_where_one_is_needed(ready, path):
    """Nothing was sent, so nothing is of the wrong type."""
    problem(ready.post(path), 400, "invalid_json")
    problem(ready.post(path, b"", Content_Type="text/plain"), 400, "invalid_json")


@pytest.mark.parametrize("path", [SPEND, REVERSE])
def test_a_body_that_is_nested_too_deeply_is_refused_whatever_its_depth(ready, path):
    for levels in (200, 500, *range(900, 1000)):
        body = b'{"credits": 1, "note": %s%s}' % (b"[" * levels, b"]" * levels)
        problem(ready.post(path, body), 400, "invalid_json")


def test_one_line_with_details_nested_too_deeply_fails_alone(mine):
    deep, good = {"x": nested(50)}, {"x": nested(49)}
    lines = [{"key": "deep", "credits": 1, "details": deep}, {"key": "good", "credits": 1, "details": good}]
    refused, spent = answer(mine.post(BATCH, {"spends": lines}))["results"]
    assert (refused["status"], refused["problem"]["code"], spent["status"]) == (422, "invalid_request", 201)
    assert [entry["id"] for entry in mine.entries()] == [2, 1]


@pytest.mark.parametrize("path", [*NEEDS_BODY, *MAY_BE_EMPTY])
def test_a_body_over_one_mebibyte_is_refused_however_its_length_is_told(ready, path):
    body = b'{"credits": 1, "note": "%s"}' % (b"x" * MEBIBYTE)
    problem(ready.post(path, body), 413, "request_entity_too_large")
    untold = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    headers = ready._headers() | {"Content-Type": "application/json", "Idempotency-Key": "k"}
    response = ready.client.post(path, data=body, headers=headers, environ_overrides=untold)
    problem(response, 413, "request_entity_too_large")


def test_a_body_in_chunks_is_read_where_it_may_be_empty(mine):
    mine.spend(5)
    untold = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    headers = mine._headers() | {"Content-Type": "application/json", "Idempotency-Key": "k"}
    response = mine.client.post(REVERSE, data=b'{"credits": 2}', headers=headers, environ_overrides=untold)
    assert answer(response, 201)["entry"]["credits"] == 2


FOREIGN = {"account": MAX_ACCOUNT_ID, "account_id": 1, "userId": 1, "key_id": 7, "actor_kind": "operator", "price": 0}


def test_fields_we_dont_know_change_nothing(mine, theirs):
    told = answer(mine.post(SPEND, {"credits": 3, "id": 99, "balance_after": 10**9} | FOREIGN), 201)
    assert (told["entry"]["id"], told["entry"]["credits"], told["balance"]["available"]) == (2, -3, 97)
    told = answer(
        mine.post(HOLDS, {"credits": 3, "expires_at": "2999-01-01T00:00:00Z", "state": "captured"} | FOREIGN), 201
    )
    assert (told["hold"]["state"], told["balance"]) == ("open", {"available": 94, "held": 3})
    assert theirs.balance()["available"] == 100


def test_another_method_is_a_problem_that_names_the_right_ones(mine):
    for path, method in ((SPEND, "GET"), (HOLDS, "GET"), (f"{HOLDS}/3", "POST"), (CAPTURE, "PUT"), (BATCH, "DELETE")):
        response = mine.client.open(path, method=method, headers=mine._headers())
        problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"]
