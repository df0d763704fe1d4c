"""What a capture above its hold does is the meter's rule: refused, or taken from the balance, all of it or nothing."""

from dataclasses import replace

import pytest

from tests.api.calling import answer, problem
from tests.api.keyed import HOLDS


@pytest.fixture
def paying_overruns(shared_app, monkeypatch):
    """The catalogue, with meters whose overrun is paid from the balance."""
    parts = shared_app.extensions["refill"]
    meters = tuple(replace(meter, overrun="balance") for meter in parts.catalog.meters)
    changed = replace(parts, catalog=replace(parts.catalog, meters=meters))
    monkeypatch.setitem(shared_app.extensions, "refill", changed)


def test_metered_work_that_overran_is_paid_from_the_balance(mine, paying_overruns):
    hold = mine.hold(30)["hold"]["id"]
    body = {"meter": "call_minute", "quantity": 20}
    first = mine.post(f"{HOLDS}/{hold}/capture", body, key="k")
    told = answer(first, 201)
    assert (told["entry"]["credits"], told["balance"]) == (-60, {"available": 40, "held": 0})
    assert mine.post(f"{HOLDS}/{hold}/capture", body, key="k").data == first.data


def test_what_the_balance_lacks_is_refused_and_the_hold_stays(mine, paying_overruns):
    hold = mine.hold(30)["hold"]["id"]
    problem(mine.post(f"{HOLDS}/{hold}/capture", {"meter": "call_minute", "quantity": 34}), 402, "insufficient_credits")
    assert answer(mine.get(f"{HOLDS}/{hold}"))["state"] == "open"


def test_credits_without_a_meter_have_no_such_rule(mine, paying_overruns):
    hold = mine.hold(30)["hold"]["id"]
    problem(mine.post(f"{HOLDS}/{hold}/capture", {"credits": 31}), 422, "capture_above_hold")


def test_a_meter_that_refuses_its_overrun_does(mine):
    hold = mine.hold(30)["hold"]["id"]
    problem(mine.post(f"{HOLDS}/{hold}/capture", {"meter": "call_minute", "quantity": 20}), 422, "capture_above_hold")
