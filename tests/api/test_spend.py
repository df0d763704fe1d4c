"""POST /api/credits/spend: takes credits once for each key, all of them or none, and says what is left."""

import datetime as dt

import pytest
from sqlalchemy import select, text

from tests.api.books import grant
from tests.api.calling import answer, problem
from tests.api.keyed import ESTIMATE, SPEND, make_account, make_key
from webapp.extensions import db, end_reading, transact
from webapp.ledger.models import Account, Entry, usage_daily
from webapp.orm import utc_now

ENTRY = {
    *("id", "kind", "credits", "balance_after", "description", "meter", "quantity", "lots"),
    *("occurred_at", "created_at", "reverses"),
}


def entry_row(account_id, seq):
    end_reading()
    return db.session.scalars(select(Entry).where(Entry.account_id == account_id, Entry.seq == seq)).one()


def test_a_spend_answers_its_entry_and_what_is_left(mine, account_id):
    response = mine.post(SPEND, {"credits": 7, "description": "A report", "details": {"report": "R-1"}})
    told = answer(response, 201)
    assert set(told) == {"entry", "balance"}
    assert told["balance"] == {"available": 93, "held": 0}
    assert set(told["entry"]) == ENTRY
    assert told["entry"] | {"because": None} == mine.entries()[0]  # only refunds and disputes need a cause
    assert (told["entry"]["id"], told["entry"]["kind"], told["entry"]["credits"]) == (2, "spend", -7)
    assert told["entry"]["lots"] == [{"grant": 1, "kind": "purchased", "credits": 7}]
    assert (told["entry"]["meter"], told["entry"]["quantity"]) == (None, None)
    assert "Idempotent-Replayed" not in response.headers


def test_metered_work_costs_what_the_catalogue_says(mine, account_id):
    for meter, quantity, cost in (("call_minute", 12, 36), ("tokens", 1500, 3), ("tokens", 1, 1), ("transcript", 4, 4)):
        told = answer(mine.post(SPEND, {"meter": meter, "quantity": quantity}), 201)["entry"]
        assert (told["credits"], told["meter"], told["quantity"]) == (-cost, meter, quantity)


def test_an_entry_knows_the_key_and_who_asked(mine, product, account_id):
    mine.spend(1)
    answer(product.for_account(account_id).post(SPEND, {"credits": 1}, key="k"), 201)
    by_key, by_product = entry_row(account_id, 2), entry_row(account_id, 3)
    assert (by_key.actor_kind, by_key.key_id) == ("key", mine.key_id)
    assert by_key.key.startswith("api:")
    assert (by_product.actor_kind, by_product.key_id, by_product.key) == ("system", product.key_id, "service:k")


def test_what_is_too_much_is_refused_and_leaves_nothing(mine):
    found = problem(mine.post(SPEND, {"meter": "call_minute", "quantity": 34}, key="k"), 402, "insufficient_credits")
    assert (found["needed"], found["available"]) == (102, 100)
    assert len(mine.entries()) == 1
    assert mine.spend(100)["balance"] == {"available": 0, "held": 0}
    assert problem(mine.post(SPEND, {"credits": 1}), 402, "insufficient_credits")["available"] == 0


def test_a_refused_key_may_succeed_after_a_top_up(mine, account_id):
    problem(mine.post(SPEND, {"credits": 101}, key="k"), 402, "insufficient_credits")
    grant(account_id, 1)
    response = mine.post(SPEND, {"credits": 101}, key="k")
    assert answer(response, 201)["balance"]["available"] == 0
    assert "Idempotent-Replayed" not in response.headers


def test_paused_spending_is_told(mine, account_id):
    pause = text("UPDATE accounts SET spending_paused_at = :now WHERE id = :id")
    transact(lambda session: session.execute(pause, {"now": utc_now(), "id": account_id}))
    problem(mine.post(SPEND, {"credits": 1}), 402, "spending_paused")


class TestTheKey:
    """The same request gives the first answer again; another request with its key is refused."""

    def test_a_repeat_gives_the_same_bytes_whatever_happened_since(self, mine, account_id):
        first = mine.post(SPEND, {"credits": 7, "description": "Once"}, key="k")
        mine.spend(50)
        grant(account_id, 1000)
        again = mine.post(SPEND, {"description": "Once", "credits": 7}, key="k")
        assert answer(again, 201) == answer(first, 201)
        assert again.data == first.data
        assert again.headers["Idempotent-Replayed"] == "true"
        assert [entry["credits"] for entry in mine.entries()] == [1000, -50, -7, 100]

    def test_a_repeat_is_answered_when_nothing_is_left(self, mine):
        first = mine.post(SPEND, {"credits": 100}, key="k")
        assert mine.post(SPEND, {"credits": 100}, key="k").data == first.data

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (SPEND, {"credits": 8}),
            (SPEND, {"credits": 7, "description": "other"}),
            (SPEND, {"credits": 7, "unknown": 1}),
            ("/api/credits/holds", {"credits": 7}),
            ("/api/credits/entries/2/reverse", {"credits": 7}),
        ],
    )
    def test_another_request_with_it_is_refused(self, mine, path, body):
        answer(mine.post(SPEND, {"credits": 7}, key="k"), 201)
        assert problem(mine.post(path, body, key="k"), 422, "idempotency_conflict")["entry"] == 2
        assert len(mine.entries()) == 2

    def test_it_is_needed(self, mine):
        problem(mine.post(SPEND, {"credits": 7}, key=None), 400, "idempotency_key_missing")
        for wrong in ("", "k" * 201, "tab\there", "caf\u00e9"):
            problem(mine.post(SPEND, {"credits": 7}, key=wrong), 400, "idempotency_key_invalid")
        assert len(mine.entries()) == 1

    def test_it_is_the_accounts_own(self, mine, theirs):
        assert answer(mine.post(SPEND, {"credits": 7}, key="k"), 201)["balance"]["available"] == 93
        assert answer(theirs.post(SPEND, {"credits": 9}, key="k"), 201)["balance"]["available"] == 91

    def test_a_users_key_cant_stand_in_the_way_of_the_products(self, mine, product, account_id):
        mine.post(SPEND, {"credits": 7}, key="k")
        response = product.for_account(account_id).post(SPEND, {"credits": 9}, key="k")
        assert answer(response, 201)["balance"]["available"] == 84
        assert "Idempotent-Replayed" not in response.headers

    def test_two_keys_of_one_account_share_it(self, shared_app, mine, account_id):
        first = mine.post(SPEND, {"credits": 7}, key="k")
        other = make_key(shared_app, account_id)
        assert other.post(SPEND, {"credits": 7}, key="k").data == first.data


class TestWhen:
    """Late usage counts on the day on which it happened, in the account's zone."""

    @pytest.mark.parametrize(
        ("zone", "day"), [("UTC", 31), ("Pacific/Auckland", 1), ("America/Los_Angeles", 31)], ids=str
    )
    def test_it_lands_on_its_day(self, product, zone, day):
        account_id = make_account(time_zone=zone)
        grant(account_id, 10)
        service = product.for_account(account_id)
        told = service.spend(1, occurred_at="2026-01-01T00:30:00+01:00")
        assert told["entry"]["occurred_at"] == "2025-12-31T23:30:00Z"
        end_reading()
        used_on = select(usage_daily.c.used_on).where(usage_daily.c.account_id == account_id)
        assert db.session.scalars(used_on).one().day == day

    def test_it_cant_be_tomorrow_nor_without_a_zone(self, mine):
        tomorrow = (utc_now() + dt.timedelta(hours=1)).isoformat()
        problem(mine.post(SPEND, {"credits": 1, "occurred_at": tomorrow}), 422, "invalid_request")
        problem(mine.post(SPEND, {"credits": 1, "occurred_at": "1999-12-31T23:59:59Z"}), 422, "invalid_request")
        for wrong in (
            "2026-01-01T00:00:00",
            "2026-01-01",
            "yesterday",
            "",
            1767225600,
            True,
            ["2026"],
            "9999-12-31T23:59Z",
        ):
            found = problem(mine.post(SPEND, {"credits": 1, "occurred_at": wrong}), 422, "invalid_request")
            assert found["fields"][0]["field"] == "occurred_at", wrong
        assert len(mine.entries()) == 1


NO_PRICE = (
    {},
    {"credits": 1, "meter": "tokens", "quantity": 1},
    {"credits": 1, "quantity": 1},
    {"meter": "tokens"},
    {"quantity": 1},
    {"credits": None},
    {"meter": None, "quantity": 5},
)


def test_a_price_is_credits_or_metered_work(mine):
    for body in NO_PRICE:
        problem(mine.post(SPEND, body), 422, "invalid_request")
    assert problem(mine.post(SPEND, {"meter": "nothing", "quantity": 1}), 404, "unknown_meter")["meter"] == "nothing"
    for path in (SPEND, ESTIMATE):
        dear = problem(mine.post(path, {"meter": "call_minute", "quantity": 10**9}), 422, "invalid_credits")
        assert dear["largest"] == 10**9
    assert len(mine.entries()) == 1


def test_words_and_details_have_their_limits(mine):
    for wrong in ("x" * 201, "line\nbreak", "nul\0", 7, None, ["x"]):
        problem(mine.post(SPEND, {"credits": 1, "description": wrong}), 422, "invalid_request")
    for wrong in ([], "text", 7, {"x": "y" * 2048}):
        problem(mine.post(SPEND, {"credits": 1, "details": wrong}), 422, "invalid_request")
    mine.spend(1, description="ü" * 200, details={"nested": [1, {"a": None, "b": 1.5}]})
    assert len(mine.entries()) == 2


def test_a_person_spends_with_the_token_of_their_page_only(api):
    told = answer(api.post(SPEND, {"credits": 3}, key="k"), 201)
    assert told["balance"]["available"] == 17
    problem(api.post(SPEND, {"credits": 3}, key="other", X_CSRFToken=""), 400, "csrf")
    row = entry_row(api.user.account_id, 2)
    assert (row.actor_kind, row.key_id, row.key) == ("user", 0, "api:k")


def test_a_service_key_spends_for_the_account_it_names(product):
    account_id = make_account(external_id="mine-7")
    grant(account_id, 10)
    assert product.for_account("external:mine-7").spend(1)["balance"]["available"] == 9
    assert product.for_account(account_id).spend(1)["balance"]["available"] == 8
    problem(product.post(SPEND, {"credits": 1}), 400, "account_not_named")
    for unknown in ("external:mine-8", "external:", 7, "0", "x"):
        problem(product.for_account(unknown).post(SPEND, {"credits": 1}), 404, "unknown_account")


def test_a_key_needs_the_scope(shared_app, product, account_id):
    reader = make_key(shared_app, account_id, "read", "manage")
    assert problem(reader.post(SPEND, {"credits": 1}), 403, "scope_missing")["scope"] == "spend"
    spender = make_key(shared_app, account_id, "spend")
    spender.post(SPEND, {"credits": 1})
    problem(spender.get("/api/credits/balance"), 403, "scope_missing")


class TestEstimate:
    """POST /api/credits/estimate: the price of work, and whether the balance covers it."""

    def test_it_tells_price_and_cover_and_changes_nothing(self, mine):
        told = answer(mine.post(ESTIMATE, {"meter": "call_minute", "quantity": 30}, key=None))
        assert told == {
            "credits": 90,
            "meter": "call_minute",
            "quantity": 30,
            "available": 100,
            "missing": 0,
            "is_covered": True,
        }
        told = answer(mine.post(ESTIMATE, {"meter": "call_minute", "quantity": 34}, key=None))
        assert (told["credits"], told["missing"], told["is_covered"]) == (102, 2, False)
        assert answer(mine.post(ESTIMATE, {"credits": 100}, key=None))["is_covered"]
        assert len(mine.entries()) == 1

    def test_what_it_says_is_what_a_spend_does(self, mine):
        for quantity in (1, 33, 34, 1000):
            body = {"meter": "call_minute", "quantity": quantity}
            told = answer(mine.post(ESTIMATE, body, key=None))
            assert mine.post(SPEND, body).status_code == (201 if told["is_covered"] else 402)

    def test_expired_credits_cover_nothing_and_their_entry_is_left_to_writers(self, mine, account_id):
        now = utc_now()
        grant(account_id, 50, "bonus", expires_at=now - dt.timedelta(minutes=1), now=now - dt.timedelta(hours=1))
        assert answer(mine.post(ESTIMATE, {"credits": 101}, key=None))["available"] == 100
        with db.engine.connect() as connection:
            wanted = select(Account.seq).where(Account.id == account_id)
            assert connection.scalar(wanted) == 2

    def test_wrong_questions_are_refused(self, mine):
        for body in NO_PRICE:
            problem(mine.post(ESTIMATE, body, key=None), 422, "invalid_request")
        problem(mine.post(ESTIMATE, {"meter": "x", "quantity": 1}, key=None), 404, "unknown_meter")
