"""Returning what was used, and the product's own grants."""

import datetime as dt

import pytest
from sqlalchemy import text

from tests.api.books import spend
from tests.api.calling import answer, problem
from tests.api.keyed import GRANTS, HOLDS, make_key
from webapp.extensions import transact
from webapp.orm import utc_now

BODY = {"kind": "bonus", "credits": 50, "reason": "Thank you"}


def returning(entry):
    return f"/api/credits/entries/{entry}/reverse"


class TestReverse:
    def test_a_part_and_then_all_that_is_left_come_back(self, mine):
        spent = mine.spend(30, description="Report")["entry"]
        part = answer(mine.post(returning(2), {"credits": 10, "description": "Returned: a part"}), 201)
        assert part["balance"] == {"available": 80, "held": 0}
        entry = part["entry"]
        assert (entry["kind"], entry["credits"], entry["reverses"]) == ("reverse", 10, spent["id"])
        assert entry["lots"] == [{"grant": 1, "kind": "purchased", "credits": 10}]
        rest = answer(mine.post(returning(2)), 201)
        assert (rest["entry"]["credits"], rest["balance"]["available"]) == (20, 100)

    def test_more_than_is_left_is_refused(self, mine):
        mine.spend(30)
        found = problem(mine.post(returning(2), {"credits": 31}), 422, "reverse_above_spent")
        assert (found["needed"], found["left"]) == (31, 30)
        answer(mine.post(returning(2), {}), 201)
        assert problem(mine.post(returning(2), {}), 422, "reverse_above_spent")["left"] == 0

    def test_a_repeat_gives_the_same_answer_and_returns_nothing_more(self, mine):
        mine.spend(30)
        first = mine.post(returning(2), {}, key="k")
        again = mine.post(returning(2), {}, key="k")
        assert again.data == first.data
        assert again.headers["Idempotent-Replayed"] == "true"
        problem(mine.post(returning(2), {"credits": 30}, key="k"), 422, "idempotency_conflict")
        assert mine.balance()["available"] == 100

    def test_a_capture_can_be_returned_and_a_grant_or_a_hold_cant(self, mine):
        hold = mine.hold(30)["hold"]["id"]
        captured = answer(mine.post(f"{HOLDS}/{hold}/capture", {"credits": 20}), 201)["entry"]["id"]
        answer(mine.post(returning(captured), {}), 201)
        for entry, kind in ((1, "grant"), (hold, "hold")):
            found = problem(mine.post(returning(entry), {}), 422, "not_reversible")
            assert (found["entry"], found["kind"]) == (entry, kind)

    def test_anothers_entry_is_unknown(self, mine, theirs):
        mine.spend(1)
        mine.spend(2)
        found = problem(theirs.post(returning(3), {}), 404, "unknown_entry")
        missing = problem(theirs.post(returning(4), {}), 404, "unknown_entry")
        assert found | {"entry": 0} == missing | {"entry": 0}

    def test_what_the_product_took_only_the_product_returns(self, mine, product, account_id):
        service = product.for_account(account_id)
        entry = service.spend(30)["entry"]["id"]
        assert problem(mine.post(returning(entry), {}), 403, "made_by_product")["entry"] == entry
        assert mine.balance()["available"] == 70
        answer(service.post(returning(entry), {}), 201)
        assert mine.balance()["available"] == 100

    def test_what_an_operator_took_only_the_product_returns(self, mine, product, account_id):
        entry = spend(account_id, 30, actor_kind="operator").entry.seq
        problem(mine.post(returning(entry), {}), 403, "made_by_product")
        answer(product.for_account(account_id).post(returning(entry), {}), 201)

    def test_the_product_returns_what_a_key_spent(self, mine, product, account_id):
        entry = mine.spend(30)["entry"]["id"]
        answer(product.for_account(account_id).post(returning(entry), {}), 201)

    def test_it_needs_the_key_and_the_scope(self, shared_app, mine, account_id):
        mine.spend(1)
        problem(mine.post(returning(2), {}, key=None), 400, "idempotency_key_missing")
        problem(make_key(shared_app, account_id, "read", "manage").post(returning(2), {}), 403, "scope_missing")


class TestGrant:
    def test_the_product_gives_credits_once_for_each_key(self, mine, product, account_id):
        service = product.for_account(account_id)
        first = service.post(GRANTS, BODY, key="k")
        told = answer(first, 201)
        assert told["balance"] == {"available": 150, "held": 0}
        assert (told["entry"]["kind"], told["entry"]["credits"], told["entry"]["description"]) == (
            "grant",
            50,
            "Thank you",
        )
        assert service.post(GRANTS, BODY, key="k").data == first.data
        answer(service.post(GRANTS, BODY, key="other"), 201)
        assert mine.balance()["available"] == 200

    def test_another_grant_with_its_key_is_refused(self, product, account_id):
        service = product.for_account(account_id)
        answer(service.post(GRANTS, BODY, key="k"), 201)
        for change in ({"reason": "Other words"}, {"credits": 51}, {"kind": "gift"}):
            problem(service.post(GRANTS, BODY | change, key="k"), 422, "idempotency_conflict")

    def test_a_grant_can_end(self, mine, product, account_id):
        ends_at = (utc_now() + dt.timedelta(days=30)).replace(microsecond=0)
        body = BODY | {"expires_at": ends_at.isoformat()}
        answer(product.for_account(account_id).post(GRANTS, body), 201)
        lot = mine.balance()["lots"][0]
        assert (lot["kind"], lot["expires_at"]) == ("bonus", ends_at.isoformat().replace("+00:00", "Z"))

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "purchased"},
            {"kind": "allowance"},
            {"kind": ""},
            {"reason": ""},
            {"reason": "x" * 201},
            {"reason": None},
            {"expires_at": "2020-01-01T00:00:00Z"},
            {"expires_at": "tomorrow"},
            {"expires_at": 1893456000},
        ],
        ids=str,
    )
    def test_what_is_no_grant_is_refused(self, mine, product, account_id, change):
        problem(product.for_account(account_id).post(GRANTS, BODY | change), 422, "invalid_request")
        assert mine.balance()["available"] == 100

    def test_only_a_service_key_with_the_scope_gives_credits(self, shared_app, mine, product, account_id):
        problem(mine.post(GRANTS, BODY), 403, "service_key_needed")
        spender = make_key(shared_app, None, "read", "spend").for_account(account_id)
        problem(spender.post(GRANTS, BODY), 403, "scope_missing")
        problem(product.post(GRANTS, BODY), 400, "account_not_named")
        problem(product.for_account(7).post(GRANTS, BODY), 404, "unknown_account")
        assert mine.balance()["available"] == 100

    def test_a_balance_has_a_largest_number(self, product, account_id):
        near = text("UPDATE accounts SET held = :held WHERE id = :id")
        transact(lambda session: session.execute(near, {"held": 2**53 - 120, "id": account_id}))
        service = product.for_account(account_id)
        assert problem(service.post(GRANTS, BODY), 422, "invalid_credits")["largest"] == 2**53
        transact(lambda session: session.execute(near, {"held": 0, "id": account_id}))
