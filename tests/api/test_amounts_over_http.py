"""What is no whole number of credits from 1 to 10^9 is refused with 422 by every operation, and nothing is written."""

import pytest

from tests.api.calling import answer, problem
from tests.api.keyed import BATCH, ESTIMATE, GRANTS, HOLDS, SPEND

# As they stand in the body: JSON has one kind of number, and these are none of ours.
AMOUNTS = (
    *("0", "-1", "-0", "true", "false", "1.5", "1.0", "1e3", "1E2", '"7"', '""', "[7]", "{}"),
    *("2147483648", "9007199254740993", "9223372036854775808", "1000000001", "1" + "0" * 400),
)
NO_JSON = ("NaN", "Infinity", "-Infinity", "01", "+1", "0x1", ".5")


@pytest.fixture
def operations(mine, product, account_id):
    """Each way to move credits: who asks, where, and the body around the number."""
    mine.spend(20)
    hold = mine.hold(10)["hold"]["id"]
    service = product.for_account(account_id)
    return {
        "spend": (mine, SPEND, '{"credits": %s}'),
        "hold": (mine, HOLDS, '{"credits": %s}'),
        "capture": (mine, f"{HOLDS}/{hold}/capture", '{"credits": %s}'),
        "reverse": (mine, "/api/credits/entries/2/reverse", '{"credits": %s}'),
        "estimate": (mine, ESTIMATE, '{"credits": %s}'),
        "grant": (service, GRANTS, '{"kind": "bonus", "reason": "x", "credits": %s}'),
    }


OPERATIONS = ("spend", "hold", "capture", "reverse", "estimate", "grant")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_such_credits(mine, operations, operation):
    asking, path, body = operations[operation]
    before = mine.entries()
    for amount in AMOUNTS:
        found = problem(asking.post(path, (body % amount).encode()), 422, "invalid_request")
        assert found["fields"][0]["field"] == "credits", amount
    for amount in NO_JSON:
        problem(asking.post(path, (body % amount).encode()), 400, "invalid_json")
    assert mine.entries() == before


@pytest.mark.parametrize("operation", ["spend", "hold", "capture", "estimate"])
def test_no_such_quantity(mine, operations, operation):
    asking, path, _ = operations[operation]
    before = mine.entries()
    for amount in AMOUNTS:
        body = b'{"meter": "tokens", "quantity": %s}' % amount.encode()
        found = problem(asking.post(path, body), 422, "invalid_request")
        assert found["fields"][0]["field"] == "quantity", amount
    assert mine.entries() == before


def test_no_such_credits_of_a_line(mine):
    lines = b",".join(b'{"key": "k%d", "credits": %s}' % (n, amount.encode()) for n, amount in enumerate(AMOUNTS))
    results = answer(mine.post(BATCH, b'{"spends": [%s]}' % lines, key=None))["results"]
    assert {one["problem"]["code"] for one in results} == {"invalid_request"}
    assert len(results) == len(AMOUNTS)
    assert len(mine.entries()) == 1


def test_the_least_and_the_largest_are_taken(mine, product, account_id):
    service = product.for_account(account_id)
    answer(service.post(GRANTS, {"kind": "gift", "reason": "x", "credits": 10**9}), 201)
    assert mine.spend(10**9)["entry"]["credits"] == -(10**9)
    assert mine.spend(1)["entry"]["credits"] == -1
