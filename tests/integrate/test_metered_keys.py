"""An `Idempotency-Key` at a metered view: the work is done once, charged once, and tried again after a failure."""

import datetime as dt

import time_machine

from tests.api.calling import answer, problem
from tests.app.one_database import database_url
from tests.integrate.product import fails_with
from webapp.integrate.reserving import Asked, reserve
from webapp.orm import utc_now

__all__ = ["database_url"]

TRANSCRIPTS = "/api/product/transcripts"


def test_the_same_key_again_after_success_runs_nothing_and_charges_nothing(api, product, books):
    answer(api.post(TRANSCRIPTS, {"pages": 3}, key="k-1"))
    told = problem(api.post(TRANSCRIPTS, {"pages": 3}, key="k-1"), 409, "work_done")
    assert told["detail"] == "The same request was done before and charged once. Nothing was charged now."
    assert product.runs == ["transcribe"]
    assert books().available == 7


def test_the_same_key_while_the_work_is_under_way_is_told_so(api, product, books):
    inner = []

    def ask_again():
        inner.append(api.post(TRANSCRIPTS, {"pages": 3}, key="k-1"))
        return "done"

    product.act = ask_again
    assert api.post(TRANSCRIPTS, {"pages": 3}, key="k-1").status_code == 200
    problem(inner[0], 409, "work_in_progress")
    assert product.runs == ["transcribe"]
    assert books().available == 7


def test_the_same_key_after_a_failure_may_try_again(api, product, books):
    product.act = fails_with(502)
    for _ in range(2):
        assert api.post(TRANSCRIPTS, {"pages": 3}, key="k-1").status_code == 502
    product.act = lambda: "done"
    assert api.post(TRANSCRIPTS, {"pages": 3}, key="k-1").status_code == 200
    problem(api.post(TRANSCRIPTS, {"pages": 3}, key="k-1"), 409, "work_done")
    assert len(product.runs) == 3
    assert books().available == 7


def test_the_same_key_may_try_again_when_the_hold_of_a_dead_worker_has_ended(api, payer, product, books):
    left_by = Asked(account_id=payer.account_id, credits=3, meter="transcript", quantity=3, lasts_seconds=60)
    reserve(left_by, key="product_api.transcribe:k-1")
    problem(api.post(TRANSCRIPTS, {"pages": 3}, key="k-1"), 409, "work_in_progress")
    with time_machine.travel(utc_now() + dt.timedelta(seconds=60)):
        assert api.post(TRANSCRIPTS, {"pages": 3}, key="k-1").status_code == 200
        assert books().available == 7
    assert len(product.runs) == 1


def test_a_key_that_only_ever_failed_is_worn_out_one_day(api, product, books):
    product.act = fails_with(502)
    for _ in range(20):
        assert api.post(TRANSCRIPTS, {"pages": 1}, key="k-1").status_code == 502
    problem(api.post(TRANSCRIPTS, {"pages": 1}, key="k-1"), 409, "key_worn_out")
    assert len(product.runs) == 20
    assert books().available == 10


def test_the_same_key_for_another_quantity_is_refused(api, product):
    answer(api.post(TRANSCRIPTS, {"pages": 3}, key="k-1"))
    problem(api.post(TRANSCRIPTS, {"pages": 2}, key="k-1"), 422, "idempotency_conflict")
    assert product.runs == ["transcribe"]


def test_the_same_key_at_another_view_is_another_key(api, product, books):
    answer(api.post(TRANSCRIPTS, {"pages": 1}, key="k-1"))
    assert api.post("/product/report", {}, key="k-1").status_code == 200
    assert books().available == 8


def test_a_key_of_the_greatest_length_is_taken(api, books):
    key = "k" * 200
    answer(api.post(TRANSCRIPTS, {"pages": 1}, key=key))
    problem(api.post(TRANSCRIPTS, {"pages": 1}, key=key), 409, "work_done")
    problem(api.post(TRANSCRIPTS, {"pages": 1}, key="k" * 201), 400, "idempotency_key_invalid")
    assert books().available == 9
