"""Deciding on requests for refunds in the console: seen, approved, declined, outdated, sent twice."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.books import spend
from tests.views.console import Desk
from tests.views.shopper import CREDITS
from webapp.billing.money_back.models import RefundOrder, RefundRequest
from webapp.extensions import db
from webapp.ledger.queries import balance
from webapp.operators.models import OperatorAct
from webapp.orm import utc_now

REQUESTS = "/operator/refunds"
CREATE = ("POST", "/v1/refunds")


@pytest.fixture
def desk(app, shopper):
    return Desk.of(app, "billing", shopper.user.account_id)


@pytest.fixture
def request_path(shopper):
    """A customer asks for all of a popular pack, and says why."""
    purchase = shopper.granted("popular")
    shopper.change(purchase, refund_days=14)
    page = shopper.pages.open(f"{CREDITS}/refunds/{purchase.id}")
    shopper.pages.submit(page, "ask-refund", reason="Bought twice")
    return f"{REQUESTS}/{shopper.user.account_id}/{stored(RefundRequest).id}"


def stored(table):
    with Session(db.engine) as session:
        return session.scalars(select(table)).one()


def count(table):
    with Session(db.engine) as session:
        return len(session.scalars(select(table)).all())


def decide(desk, path, decision, *, page=None, status=303, **typed):
    page = page or desk.pages.open(path)
    fields = {"reason": "Ticket 4711", "answer": "Sure.", "decision": decision, **typed}
    answer = desk.pages.submit(page, "decide-form", **fields)
    assert answer.status_code == status, answer.text
    return answer


def test_the_list_and_the_page_say_what_is_asked_for_and_what_it_takes(desk, request_path):
    page = desk.pages.open(REQUESTS)
    assert "Popular pack" in page.text
    assert "$35.00" in page.text
    assert "someone@example.com" in page.text
    assert "Bought twice" in page.text
    page = desk.pages.open(request_path)
    assert "Asked for $35.00 for 1,000 credits" in page.text
    assert "Available 1,020 20" in page.with_id("decide-form").text
    assert page.with_id("approve").text == "Approve and refund $35.00"


def test_approving_refunds_it_once_and_is_written_down(desk, shopper, request_path):
    page = desk.pages.open(request_path)
    first = decide(desk, request_path, "approve", page=page)
    act = desk.pages.open(first.headers["Location"])
    assert act.heading == "Approved a refund request"
    for words in ("Ticket 4711", "The customer reads Sure.", "Credits taken 1,000", "Made: re_", "Done."):
        assert words in act.text, words
    request = stored(RefundRequest)
    assert (request.state, request.decided_by, request.answer) == ("refunded", desk.operator.id, "Sure.")
    again = decide(desk, request_path, "approve", page=page)
    assert "sent before" in desk.pages.open(again.headers["Location"]).text
    assert (count(RefundOrder), count(OperatorAct)) == (1, 1)
    assert "Nobody waits" in desk.pages.open(REQUESTS).text
    assert not desk.pages.open(request_path).has_id("decide-form")
    with Session(db.engine) as session:
        assert balance(session, shopper.user.account_id, now=utc_now()).available == 20


def test_declining_tells_the_customer_why(desk, shopper, request_path):
    page = desk.pages.open(request_path)
    first = decide(desk, request_path, "decline", page=page, answer="Too\n late.")
    assert decide(desk, request_path, "decline", page=page).headers["Location"] == first.headers["Location"]
    act = desk.pages.open(first.headers["Location"])
    assert act.heading == "Declined a refund request"
    assert "Request asked declined" in act.text
    assert (stored(RefundRequest).state, count(RefundOrder), count(OperatorAct)) == ("declined", 0, 1)
    purchase = shopper.newest()
    assert "We said: Too late." in shopper.pages.open(f"{CREDITS}/refunds/{purchase.id}").text
    late = decide(desk, request_path, "approve", page=page, key="k" * 20, status=422)
    assert "decided already" in desk.pages.page_of(late, status=422).text


def test_what_was_used_meanwhile_is_not_approved(desk, shopper, request_path):
    page = desk.pages.open(request_path)
    spend(shopper.user.account_id, 30)
    refused = desk.pages.page_of(decide(desk, request_path, "approve", page=page, status=422), status=422)
    assert "Credits were used or came back since it was asked for." in refused.with_id("decide-faults").text
    assert refused.has_id("outdated")
    assert not refused.has_id("approve")
    assert "Must be asked anew" in desk.pages.open(REQUESTS).text
    assert (stored(RefundRequest).state, count(RefundOrder), count(OperatorAct)) == ("asked", 0, 0)


def test_without_a_reason_nothing_is_decided(desk, request_path):
    for decision in ("approve", "decline"):
        refused = desk.pages.page_of(decide(desk, request_path, decision, reason=" ", status=422), status=422)
        assert "Say why" in refused.text
    decide(desk, request_path, "maybe", status=400)
    assert (stored(RefundRequest).state, count(OperatorAct)) == ("asked", 0)


def test_what_stripe_refuses_waits_again_and_the_act_says_so(app, desk, request_path):
    app.extensions["simulator"].faults.answer(*CREATE, status=400, times=1)
    act = desk.pages.open(decide(desk, request_path, "approve").headers["Location"])
    assert "No money moved." in act.text
    assert stored(RefundRequest).state == "asked"
    decide(desk, request_path, "approve")
    assert stored(RefundRequest).state == "refunded"


def test_support_looks_and_does_not_decide(app, shopper, request_path):
    support = Desk.of(app, "support", shopper.user.account_id)
    page = support.pages.open(request_path)
    assert "Bought twice" in page.text
    assert not page.has_id("decide-form")
    shopper.pages.open(request_path, status=404)
    shopper.pages.open(REQUESTS, status=404)
    for missing in (f"{REQUESTS}/1/nothing", f"{REQUESTS}/{shopper.user.account_id + 1}/{stored(RefundRequest).id}"):
        support.pages.open(missing, status=404)
