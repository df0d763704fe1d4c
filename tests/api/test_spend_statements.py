"""What a spend over the API asks of the database: the key, then the ledger; no session of a browser, no ORM object."""

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.api.calling import answer
from tests.api.keyed import BATCH, HOLDS, SPEND, make_account
from webapp.extensions import db


@pytest.fixture
def statements(product):
    """What is sent to the database, without what begins and ends transactions."""
    found = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        if not statement.startswith("BEGIN"):
            found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def loaded(product):
    """The ORM objects that were loaded."""
    found = []

    def note(_session, instance):
        found.append(instance)

    event.listen(Session, "loaded_as_persistent", note)
    event.listen(Session, "pending_to_persistent", note)
    yield found
    event.remove(Session, "loaded_as_persistent", note)
    event.remove(Session, "pending_to_persistent", note)


def test_a_spend_is_the_look_up_of_the_key_and_the_ledgers_own(mine, statements, loaded):
    mine.spend(1)  # notes the key's use, and learns the account's zone
    statements.clear()
    loaded.clear()
    response = mine.post(SPEND, {"meter": "tokens", "quantity": 1})
    answer(response, 201)
    assert "api_key_secrets" in statements[0]
    if db.engine.dialect.name == "postgresql":
        assert len(statements) == 2
        assert "spend_line" in statements[1]
    else:
        assert len(statements) == 9  # the portable form's eight
    assert loaded == []
    assert not any("signed_in_browsers" in one or "users" in one for one in statements)
    assert "Set-Cookie" not in response.headers


def test_the_products_own_id_for_an_account_is_one_look_up_more(product, statements):
    make_account(external_id="statements-1")
    account_id = make_account(external_id="statements-2")
    grant_to = product.for_account(account_id)
    answer(grant_to.post("/api/credits/grants", {"kind": "gift", "credits": 10, "reason": "x"}), 201)
    grant_to.spend(1)
    statements.clear()
    product.for_account("external:statements-2").spend(1)
    assert sum("host_accounts" in one for one in statements) == 1
    assert sum("api_key_secrets" in one for one in statements) == 1


def test_a_batch_takes_no_more_look_ups_than_one_spend(product, statements):
    for number in range(3):
        account_id = make_account(external_id=f"batched-{number}")
        body = {"kind": "gift", "credits": 100, "reason": "x"}
        answer(product.for_account(account_id).post("/api/credits/grants", body), 201)
    statements.clear()
    lines = [{"key": f"k{one}", "credits": 1, "account": f"external:batched-{one % 3}"} for one in range(60)]
    results = answer(product.post(BATCH, {"spends": lines}, key=None))["results"]
    assert {one["status"] for one in results} == {201}
    assert sum("host_accounts" in one for one in statements) == 1
    assert sum("api_key_secrets" in one for one in statements) == 1
    if db.engine.dialect.name == "postgresql":
        assert len(statements) <= 4  # the function once more where it did not know a zone


def test_a_batch_that_is_sent_again_reads_all_of_its_answers_at_once(mine, statements):
    """Its account is locked meanwhile, and on SQLite everybody's."""
    lines = [{"key": f"again-{one}", "credits": 1} for one in range(60)]
    first = answer(mine.post(BATCH, {"spends": lines}, key=None))
    statements.clear()
    assert answer(mine.post(BATCH, {"spends": lines}, key=None)) == first
    assert len(statements) <= 10


def test_closing_ones_own_hold_is_one_look_more_and_the_product_needs_none(
    mine, product, account_id, statements, loaded
):
    mine.spend(1)
    service = product.for_account(account_id)
    service.spend(1)
    counts = []
    for asking in (mine, service):
        hold = asking.hold(2)["hold"]["id"]
        statements.clear()
        answer(asking.post(f"{HOLDS}/{hold}/capture", {"credits": 1}), 201)
        counts.append(len(statements))
    assert counts[0] == counts[1] + 1
    assert loaded == []
