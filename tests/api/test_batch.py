"""POST /api/credits/spend/batch: each line is answered as it would have been by itself."""

import json

import pytest
from sqlalchemy import func, select

from tests.api.books import grant
from tests.api.calling import answer, problem
from tests.api.keyed import BATCH, SPEND, make_account, make_key
from webapp.extensions import db, end_reading
from webapp.ledger.models import Entry

SPENT, REFUSED = {"key", "status", "entry"}, {"key", "status", "problem"}


def send(api, *spends):
    return answer(api.post(BATCH, {"spends": list(spends)}, key=None))["results"]


def entries_of(account_id):
    end_reading()
    return db.session.scalar(select(func.count()).select_from(Entry).where(Entry.account_id == account_id))


def test_each_line_has_its_entry_in_order(mine):
    results = send(
        mine,
        {"key": "a", "credits": 7, "description": "First"},
        {"key": "b", "meter": "call_minute", "quantity": 2, "occurred_at": "2026-01-01T00:00:00Z"},
    )
    assert [(one["key"], one["status"], set(one)) for one in results] == [(key, 201, SPENT) for key in "ab"]
    told = [one["entry"] | {"because": None} for one in results]  # only refunds and disputes need a cause
    assert told == list(reversed(mine.entries()[:2]))
    assert results[1]["entry"]["occurred_at"] == "2026-01-01T00:00:00Z"


BAD = {
    "no key": ({"credits": 1}, 422, "invalid_request"),
    "a long key": ({"key": "k" * 201, "credits": 1}, 422, "invalid_request"),
    "a key that isn't printable": ({"key": "k\n", "credits": 1}, 422, "invalid_request"),
    "a key that is no text": ({"key": 7, "credits": 1}, 422, "invalid_request"),
    "no price": ({"key": "k"}, 422, "invalid_request"),
    "nothing": ({"key": "k", "credits": 0}, 422, "invalid_request"),
    "a float": ({"key": "k", "credits": 1.0}, 422, "invalid_request"),
    "no object": ("k", 422, "invalid_request"),
    "null": (None, 422, "invalid_request"),
    "no such meter": ({"key": "k", "meter": "x", "quantity": 1}, 404, "unknown_meter"),
    "too much": ({"key": "k", "credits": 101}, 402, "insufficient_credits"),
    "another's account": ({"key": "k", "credits": 1, "account": 7}, 403, "account_not_yours"),
    "a bad time": ({"key": "k", "credits": 1, "occurred_at": "never"}, 422, "invalid_request"),
    "a control character": ({"key": "k", "credits": 1, "description": "a\u0007"}, 422, "invalid_request"),
}


def test_a_bad_line_fails_alone_as_it_would_have_by_itself(mine):
    lines = [{"key": "first", "credits": 1}, *(line for line, _, _ in BAD.values()), {"key": "last", "credits": 2}]
    first, *refused, last = send(mine, *lines)
    assert (first["status"], last["status"]) == (201, 201)
    for (line, status, code), one in zip(BAD.values(), refused, strict=True):
        assert (one["status"], one["problem"]["status"], one["problem"]["code"]) == (status, status, code), line
        assert set(one) == REFUSED
        assert one["problem"]["detail"]
        assert one["key"] == (line["key"] if isinstance(line, dict) and isinstance(line.get("key"), str) else None)
    assert len(mine.entries()) == 3


@pytest.mark.parametrize("line", [{"meter": "x", "quantity": 1}, {"credits": 0}], ids=str)
def test_the_problem_of_a_line_is_that_of_a_spend(mine, line):
    (one,) = send(mine, line | {"key": "k"})
    alone = json.loads(mine.post(SPEND, line).data)
    assert one["problem"] | {"request_id": ""} == alone | {"request_id": ""}


def test_credits_run_out_in_the_order_of_the_lines(mine):
    results = send(mine, *({"key": f"k{number}", "credits": 30} for number in range(5)))
    assert [one["status"] for one in results] == [201, 201, 201, 402, 402]
    assert results[3]["problem"]["available"] == 10


def test_the_same_batch_again_gives_the_same_results(mine):
    lines = [{"key": "a", "credits": 7}, {"key": "b", "credits": 101}, {"key": "c", "credits": 3}]
    first = send(mine, *lines)
    again = send(mine, *lines)
    assert (again[0], again[2]) == (first[0], first[2])
    assert [one[1]["problem"]["available"] for one in (first, again)] == [93, 90]  # a refusal is of its moment
    assert len(mine.entries()) == 3


def test_a_key_with_another_line_is_refused_alone(mine):
    send(mine, {"key": "a", "credits": 7})
    results = send(mine, {"key": "a", "credits": 8}, {"key": "a", "credits": 7}, {"key": "b", "credits": 1})
    assert [one["status"] for one in results] == [422, 201, 201]
    assert results[0]["problem"]["code"] == "idempotency_conflict"


def test_a_key_that_stands_twice_is_one_spend(mine):
    same, again, other = send(mine, *[{"key": "a", "credits": 7}] * 2, {"key": "a", "credits": 8})
    assert same == again
    assert other["problem"]["code"] == "idempotency_conflict"
    assert len(mine.entries()) == 2


def test_a_line_and_a_spend_dont_share_their_keys(mine):
    """They are different requests, as another path always is."""
    answer(mine.post(SPEND, {"credits": 7}, key="a"), 201)
    (one,) = send(mine, {"key": "a", "credits": 7})
    assert one["problem"]["code"] == "idempotency_conflict"


def test_a_service_key_spends_of_many_accounts_at_once(product):
    first, second = make_account(external_id="batch-1"), make_account()
    grant(first, 10)
    grant(second, 10)
    results = send(
        product,
        {"key": "k", "credits": 1, "account": "external:batch-1"},
        {"key": "k", "credits": 2, "account": second},
        {"key": "k2", "credits": 3, "account": str(second)},
        {"key": "k", "credits": 4},
        {"key": "k", "credits": 5, "account": "external:nobody"},
        {"key": "k", "credits": 6, "account": 12345},
        {"key": "k", "credits": 7, "account": True},
        {"key": "k", "credits": 8, "account": "external:\u0000"},
    )
    assert [one["status"] for one in results] == [201, 201, 201, 400, 404, 404, 422, 404]
    assert results[3]["problem"]["code"] == "account_not_named"
    assert (entries_of(first), entries_of(second)) == (2, 3)


def test_lines_without_an_account_are_for_the_one_in_the_header(product, account_id):
    other = make_account()
    grant(other, 10)
    results = send(
        product.for_account(account_id), {"key": "k", "credits": 1}, {"key": "k", "credits": 1, "account": other}
    )
    assert [one["status"] for one in results] == [201, 201]
    assert (entries_of(account_id), entries_of(other)) == (2, 2)


def test_a_thousand_lines_are_taken_and_one_more_is_too_many(mine, account_id):
    grant(account_id, 1000)
    lines = [{"key": f"k{number}", "credits": 1} for number in range(1001)]
    refused = problem(mine.post(BATCH, {"spends": lines}, key=None), 413, "batch_too_large")
    assert refused["largest"] == 1000
    assert entries_of(account_id) == 2
    results = send(mine, *lines[:1000])
    assert {one["status"] for one in results} == {201}
    assert entries_of(account_id) == 1002


def test_a_batch_is_a_list_of_at_least_one_spend(mine):
    for body in (
        {},
        {"spends": []},
        {"spends": {"key": "k"}},
        {"spends": None},
        {"spend": [{"key": "k", "credits": 1}]},
    ):
        problem(mine.post(BATCH, body, key=None), 422, "invalid_request")
    problem(mine.post(BATCH, [{"key": "k", "credits": 1}], key=None), 400, "invalid_json")
    assert len(mine.entries()) == 1


def test_a_body_over_one_mebibyte_is_refused_unread(mine):
    lines = [{"key": f"k{number}", "credits": 1, "details": {"x": "y" * 1400}} for number in range(800)]
    problem(mine.post(BATCH, {"spends": lines}, key=None), 413, "request_entity_too_large")


def test_it_needs_the_scope_and_a_caller(shared_app, product, account_id):
    body = {"spends": [{"key": "k", "credits": 1}]}
    problem(make_key(shared_app, account_id, "read").post(BATCH, body, key=None), 403, "scope_missing")
    problem(shared_app.test_client().post(BATCH, json=body), 401, "not_signed_in")
