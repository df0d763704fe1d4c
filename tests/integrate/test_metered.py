"""`@metered` on a small product's views: what they cost, when nothing is charged, and who pays."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.calling import answer, problem
from tests.integrate.product import aborts, fails_with, raises
from webapp.extensions import db
from webapp.ledger.models import entries
from webapp.ledger.operations import release
from webapp.orm import utc_now

TRANSCRIPTS = "/api/product/transcripts"


def test_a_good_answer_costs_what_the_meter_says(api, product, books, written):
    assert answer(api.post(TRANSCRIPTS, {"pages": 3})) == {"done": True}
    assert product.runs == ["transcribe"]
    assert written() == [("hold", 0), ("capture", -3)]
    assert (books().available, books().held) == (7, 0)


@pytest.mark.parametrize("act", [fails_with(400), fails_with(503), aborts(404)], ids=["400", "503", "abort"])
def test_an_answer_of_400_and_more_costs_nothing(api, product, books, written, act):
    product.act = act
    assert api.post(TRANSCRIPTS, {"pages": 3}).status_code >= 400
    assert product.runs == ["transcribe"]
    assert written() == [("hold", 0), ("release", 0)]
    assert (books().available, books().held) == (10, 0)


def test_an_exception_costs_nothing_and_goes_on(api, product, books):
    product.act = raises(ZeroDivisionError("the product's own"))
    problem(api.post(TRANSCRIPTS, {"pages": 3}), 500, "internal")
    assert (books().available, books().held) == (10, 0)


def test_a_redirect_is_a_good_answer(api, product, books):
    product.act = fails_with(303)
    assert api.post(TRANSCRIPTS, {"pages": 3}).status_code == 303
    assert books().available == 7


def test_too_few_credits_are_refused_before_the_view_runs(api, product, books, written):
    told = problem(api.post(TRANSCRIPTS, {"pages": 11}), 402, "insufficient_credits")
    assert (told["needed"], told["available"]) == (11, 10)
    assert product.runs == []
    assert written() == []
    assert books().available == 10


def test_no_transaction_is_open_while_the_view_runs(api, product):
    answer(api.post(TRANSCRIPTS, {"pages": 1}))
    answer(api.post(TRANSCRIPTS, {"pages": 0}))
    assert product.busy_connections == [0, 0]


def test_a_quantity_of_nothing_costs_nothing(api, product, written):
    answer(api.post(TRANSCRIPTS, {"pages": 0}))
    assert product.runs == ["transcribe"]
    assert written() == []


def test_a_quantity_that_is_none_is_refused_and_nothing_is_written(api, product, written):
    for pages in (-1, True, 1.5, "7", 10**9 + 1, 2**63):
        response = api.post(TRANSCRIPTS, {"pages": pages})
        assert response.status_code == 422
        assert response.json["code"] in {"invalid_request", "invalid_credits"}
    assert product.runs == []
    assert written() == []


def test_the_ledger_says_that_the_product_took_it_and_what_for(api, payer):
    answer(api.post(TRANSCRIPTS, {"pages": 2}, key="k-1"))
    with Session(db.engine) as session:
        chosen = select(entries).where(
            entries.c.account_id == payer.account_id, entries.c.kind.in_({"hold", "capture"})
        )
        hold, capture = session.execute(chosen.order_by(entries.c.seq)).all()
    assert hold.key == "app:product_api.transcribe:k-1"
    for entry in (hold, capture):
        assert (entry.actor_kind, entry.key_id) == ("system", 0)
        assert (entry.meter, entry.quantity) == ("transcript", 2)


def test_a_hold_that_was_closed_meanwhile_is_told_and_nothing_is_charged(api, product, payer, books):
    def close_it():
        with Session(db.engine) as session, session.begin():
            release(session, payer.account_id, 2, key="operator", now=utc_now())
        return "done"

    product.act = close_it
    problem(api.post(TRANSCRIPTS, {"pages": 3}), 409, "hold_closed")
    assert books().available == 10


def test_a_page_that_cost_credits_lets_the_balance_be_drawn_anew(api, product):
    assert api.post("/product/report", {}).headers["HX-Trigger"] == "creditsChanged"
    product.act = fails_with(422)
    assert "HX-Trigger" not in api.post("/product/report", {}).headers


def test_a_meter_that_is_not_in_the_catalogue_is_our_fault(api, product, written):
    problem(api.post("/api/product/nothing", {}), 500, "internal")
    assert (product.runs, written()) == ([], [])
