"""Holds over the API: reserved, read, captured in part, released, ended by time; and never another account's."""

import datetime as dt

import pytest
import time_machine
from sqlalchemy import select

from tests.api.books import grant
from tests.api.calling import answer, problem
from tests.api.keyed import HOLDS, make_key
from webapp.extensions import db, end_reading
from webapp.ledger import queries
from webapp.ledger.models import Entry
from webapp.orm import utc_now


def test_a_hold_reserves_and_answers_itself(mine):
    before = utc_now()
    told = answer(mine.post(HOLDS, {"meter": "call_minute", "quantity": 10}), 201)
    assert set(told) == {"hold", "balance"}
    assert set(told["hold"]) == {"id", "credits", "captured", "state", "expires_at"}
    assert told["balance"] == {"available": 70, "held": 30}
    hold = told["hold"]
    assert (hold["id"], hold["credits"], hold["captured"], hold["state"]) == (2, 30, 0, "open")
    lasts = dt.datetime.fromisoformat(hold["expires_at"]) - before
    assert dt.timedelta(seconds=899) < lasts < dt.timedelta(seconds=910)
    assert answer(mine.get(f"{HOLDS}/2")) == hold


def test_its_length_is_a_second_to_a_day(mine):
    for wrong in (0, -1, 86_401, 1.5, "60", True, None):
        problem(mine.post(HOLDS, {"credits": 1, "lasts_seconds": wrong}), 422, "invalid_request")
    for seconds in (1, 86_400):
        answer(mine.post(HOLDS, {"credits": 1, "lasts_seconds": seconds}), 201)


def test_more_than_there_is_cant_be_held(mine):
    mine.hold(60)
    assert problem(mine.post(HOLDS, {"credits": 41}), 402, "insufficient_credits")["available"] == 40


def test_a_capture_spends_what_was_used_and_gives_the_rest_back(mine):
    hold = mine.hold(60)["hold"]
    told = answer(mine.post(f"{HOLDS}/{hold['id']}/capture", {"meter": "call_minute", "quantity": 7}), 201)
    assert set(told) == {"entry", "balance"}
    assert told["balance"] == {"available": 79, "held": 0}
    entry = told["entry"]
    assert (entry["kind"], entry["credits"], entry["meter"], entry["quantity"]) == ("capture", -21, "call_minute", 7)
    assert entry["lots"] == [{"grant": 1, "kind": "purchased", "credits": 21}]
    found = answer(mine.get(f"{HOLDS}/{hold['id']}"))
    assert (found["state"], found["captured"], found["credits"]) == ("captured", 21, 60)


def test_entries_of_a_hold_know_who_asked_when_and_why(mine, account_id):
    hold = mine.hold(10, description="A call", details={"call": 7})["hold"]["id"]
    body = {"credits": 4, "description": "It ended", "details": {"call": 8}, "occurred_at": "2026-01-01T00:00:00Z"}
    answer(mine.post(f"{HOLDS}/{hold}/capture", body), 201)
    released = mine.hold(10)["hold"]["id"]
    answer(mine.post(f"{HOLDS}/{released}/release", {"description": "Not used", "details": {"call": 9}}), 201)
    end_reading()
    facts = [queries.entry(db.session(), account_id, seq) for seq in (hold, hold + 1, released + 1)]
    assert [one.description for one in facts] == ["A call", "It ended", "Not used"]
    assert [one.details for one in facts] == [{"call": 7}, {"call": 8}, {"call": 9}]
    assert facts[1].occurred_at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    rows = select(Entry.actor_kind, Entry.key_id).where(Entry.account_id == account_id, Entry.seq > 1)
    found = db.session.execute(rows.order_by(Entry.seq)).all()
    assert [tuple(row) for row in found] == [("key", mine.key_id)] * 3 + [("key", 0)]


def test_a_capture_above_the_hold_is_refused(mine):
    hold = mine.hold(10)["hold"]
    found = problem(mine.post(f"{HOLDS}/{hold['id']}/capture", {"credits": 11}), 422, "capture_above_hold")
    assert (found["needed"], found["held"]) == (11, 10)
    assert answer(mine.get(f"{HOLDS}/{hold['id']}"))["state"] == "open"


def test_a_release_gives_all_of_it_back(mine):
    hold = mine.hold(60)["hold"]
    told = answer(mine.post(f"{HOLDS}/{hold['id']}/release"), 201)
    assert set(told) == {"hold", "balance"}
    assert told["balance"] == {"available": 100, "held": 0}
    assert told["hold"] == hold | {"state": "released"}


@pytest.mark.parametrize("close", ["capture", "release"])
def test_a_closed_hold_stays_closed(mine, close):
    hold = mine.hold(10)["hold"]
    body = {"credits": 5} if close == "capture" else {}
    first = mine.post(f"{HOLDS}/{hold['id']}/{close}", body, key="close")
    assert mine.post(f"{HOLDS}/{hold['id']}/{close}", body, key="close").data == first.data
    for again, sent in (("capture", {"credits": 5}), ("release", {})):
        found = problem(mine.post(f"{HOLDS}/{hold['id']}/{again}", sent), 409, "hold_closed")
        assert (found["hold"], found["state"]) == (hold["id"], f"{close}d" if close == "capture" else "released")


def test_a_repeated_hold_answers_as_it_was_made(mine):
    first = mine.post(HOLDS, {"credits": 10}, key="k")
    mine.post(f"{HOLDS}/2/capture", {"credits": 5})
    again = mine.post(HOLDS, {"credits": 10}, key="k")
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_hold_is_spendable_again_at_the_instant_it_ends_without_a_sweep(mine):
    """Real times: the shared clock of the databases is not asked, only ours."""
    with time_machine.travel(utc_now(), tick=False) as clock:
        mine.hold(100, lasts_seconds=60)
        clock.shift(dt.timedelta(seconds=59, milliseconds=999))
        problem(mine.post("/api/credits/spend", {"credits": 1}), 402, "insufficient_credits")
        clock.shift(dt.timedelta(milliseconds=1))
        assert answer(mine.get(f"{HOLDS}/2"))["state"] == "expired"
        problem(mine.post(f"{HOLDS}/2/capture", {"credits": 1}), 409, "hold_closed")
        assert mine.spend(100)["balance"] == {"available": 0, "held": 0}


@pytest.mark.parametrize(("way", "body"), [("capture", {"credits": 1}), ("release", {})])
def test_a_key_that_closed_one_hold_closes_no_other(mine, way, body):
    first, second = (mine.hold(10)["hold"]["id"] for _ in range(2))
    answer(mine.post(f"{HOLDS}/{first}/{way}", body, key="k"), 201)
    problem(mine.post(f"{HOLDS}/{second}/{way}", body, key="k"), 422, "idempotency_conflict")
    assert answer(mine.get(f"{HOLDS}/{second}"))["state"] == "open"


class TestAnothers:
    """Another account's hold answers exactly as a missing one."""

    @pytest.mark.parametrize("way", ["", "/capture", "/release"])
    def test_it_is_unknown(self, mine, theirs, way):
        mine.spend(1)
        mine.spend(1)
        hold = mine.hold(10)["hold"]["id"]

        def ask(number):
            if not way:
                return theirs.get(f"{HOLDS}/{number}")
            return theirs.post(f"{HOLDS}/{number}{way}", {"credits": 1} if way == "/capture" else {})

        found = problem(ask(hold), 404, "unknown_hold")
        missing = problem(ask(hold + 1), 404, "unknown_hold")
        assert found | {"hold": 0} == missing | {"hold": 0}
        assert answer(mine.get(f"{HOLDS}/{hold}"))["state"] == "open"

    def test_an_entry_that_is_no_hold_is_unknown(self, mine):
        mine.spend(1)
        for number in (1, 2):
            problem(mine.get(f"{HOLDS}/{number}"), 404, "unknown_hold")
            problem(mine.post(f"{HOLDS}/{number}/capture", {"credits": 1}), 404, "unknown_hold")

    def test_what_is_no_number_is_no_address(self, mine):
        for wrong in ("0", "-1", "1.5", "x", "9" * 19, "9" * 5000, "٣", "1e3"):
            problem(mine.get(f"{HOLDS}/{wrong}"), 404, "not_found")
        problem(mine.get(f"{HOLDS}/{'9' * 18}"), 404, "unknown_hold")


class TestMadeByTheProduct:
    """What the product reserved or took, only the product gives back."""

    @pytest.mark.parametrize(("way", "body"), [("capture", {"credits": 1}), ("release", {})])
    def test_an_account_key_cant_close_its_hold(self, mine, product, account_id, way, body):
        hold = product.for_account(account_id).hold(10)["hold"]["id"]
        found = problem(mine.post(f"{HOLDS}/{hold}/{way}", body, key="k"), 403, "made_by_product")
        assert found["entry"] == hold
        assert mine.balance()["held"] == 10
        answer(product.for_account(account_id).post(f"{HOLDS}/{hold}/{way}", body, key="k"), 201)

    def test_the_product_closes_what_a_key_has_reserved(self, mine, product, account_id):
        hold = mine.hold(10)["hold"]["id"]
        answer(product.for_account(account_id).post(f"{HOLDS}/{hold}/capture", {"credits": 1}), 201)

    def test_a_person_cant_close_it_either(self, api):
        service = make_key(api.app, None).for_account(api.user.account_id)
        hold = service.hold(10)["hold"]["id"]
        problem(api.post(f"{HOLDS}/{hold}/release", {}, key="k"), 403, "made_by_product")
        assert service.balance()["held"] == 10


def test_reading_needs_read_and_closing_needs_spend(shared_app, mine, account_id):
    hold = mine.hold(10)["hold"]["id"]
    reader, spender = make_key(shared_app, account_id, "read"), make_key(shared_app, account_id, "spend")
    answer(reader.get(f"{HOLDS}/{hold}"))
    for way in ("capture", "release"):
        problem(reader.post(f"{HOLDS}/{hold}/{way}", {"credits": 1}), 403, "scope_missing")
    problem(spender.get(f"{HOLDS}/{hold}"), 403, "scope_missing")
    answer(spender.post(f"{HOLDS}/{hold}/release"), 201)


def test_a_hold_keeps_the_credits_of_a_lot_that_expires_meanwhile(mine, account_id):
    with time_machine.travel(utc_now(), tick=False) as clock:
        grant(account_id, 50, "bonus", expires_at=utc_now() + dt.timedelta(seconds=30))
        hold = mine.hold(50)["hold"]["id"]
        clock.shift(dt.timedelta(seconds=60))
        told = answer(mine.post(f"{HOLDS}/{hold}/capture", {"credits": 20}), 201)
        assert told["entry"]["lots"] == [{"grant": 2, "kind": "bonus", "credits": 20}]
        assert told["balance"] == {"available": 100, "held": 0}
