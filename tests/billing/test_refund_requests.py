"""Requests for refunds: asked, changed, withdrawn, declined, approved; one refund, and just what was quoted."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.books import spend
from tests.support.money_back import dispute_of, tell
from webapp.billing.errors import (
    QuoteChanged,
    RefundNotOffered,
    RefundRefused,
    RefundUnconfirmed,
    RequestDecided,
    UnknownPurchase,
    UnknownRequest,
)
from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundRequest
from webapp.billing.money_back.quoting import quote
from webapp.billing.money_back.requests import Wish, ask_refund, decline_request, withdraw_request
from webapp.extensions import db, transact
from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.queries import balance
from webapp.orm import utc_now
from webapp.web.refund_requests import approve
from webapp.worker.refunds import sweep_refund_orders

DAY = dt.timedelta(days=1)
CREATE = ("POST", "/v1/refunds")


@pytest.fixture
def bought(buying):
    """1,000 credits for $35.00, which may be asked back for two weeks."""
    return buy(buying, "form:1")


def buy(buying, key):
    purchase = buying.settle(buying.paid("popular", key))
    change(purchase, refund_days=14)
    return buying.purchase(purchase)


def change(purchase, **facts):
    def work(session):
        stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
        for name, value in facts.items():
            setattr(stored, name, value)

    transact(work)


def wish_now(purchase, form_key="form:ask", **shown):
    with Session(db.engine) as session:
        found = quote(session, session.get_one(Purchase, (purchase.account_id, purchase.id)),
                      stripe_mode="simulated", now=utc_now())  # fmt: skip
    terms = {"credits": found.credits, "amount_minor": found.amount_minor} | shown
    return Wish(purchase.id, reason="Bought twice", form_key=form_key, **terms)


def send(buying, wish, account_id=None, now=None):
    who = (account_id or buying.user.account_id, buying.user.id)
    return transact(lambda session: ask_refund(session, *who, wish, stripe_mode="simulated", now=now or utc_now()))


def ask(buying, purchase, form_key="form:ask"):
    return send(buying, wish_now(purchase, form_key))


def stored(request):
    with Session(db.engine) as session:
        return session.get_one(RefundRequest, (request.account_id, request.id))


def agree(buying, request, answer="Sorry"):
    return approve(request.account_id, request.id, by_user_id=buying.user.id, answer=answer, now=utc_now())


def refunds_made(buying):
    with buying.simulator.store.reading() as state:
        return [row["json"] for row in state.rows("SELECT json FROM sim_object WHERE type = 'refund'")]


def available(buying):
    with Session(db.engine) as session:
        return balance(session, buying.user.account_id, now=utc_now()).available


def test_what_was_asked_for_is_refunded_once_it_is_approved(buying, bought):
    spend(buying.user.account_id, 120)  # 20 of the welcome, 100 of the pack
    request = ask(buying, bought)
    assert (request.state, request.credits, request.amount_minor) == ("asked", 900, 3150)
    assert available(buying) == 900
    refunded = agree(buying, request)
    assert (refunded.order.amount_minor, refunded.is_settled) == (3150, True)
    done = stored(request)
    assert (done.state, done.answer, done.decided_by, done.ended_at is None) == (
        "refunded",
        "Sorry",
        buying.user.id,
        False,
    )
    assert available(buying) == 0
    agree(buying, request)
    assert len(refunds_made(buying)) == 1
    buying.assert_sound()


def test_the_same_form_and_another_tab_make_one_request(buying, bought):
    wish = wish_now(bought)
    first = send(buying, wish)
    assert send(buying, wish).id == first.id
    assert send(buying, wish_now(bought, "form:other")).id == first.id
    other = buy(buying, "form:2")
    with pytest.raises(IdempotencyConflict):
        send(buying, Wish(other.id, 1000, 3500, "", "form:ask"))


def test_credits_used_meanwhile_must_be_asked_for_anew(buying, bought):
    spend(buying.user.account_id, 20)
    request = ask(buying, bought)
    spend(buying.user.account_id, 40)
    with pytest.raises(QuoteChanged):
        agree(buying, request)
    assert (stored(request).state, refunds_made(buying), available(buying)) == ("asked", [], 960)
    with pytest.raises(QuoteChanged) as caught:
        send(buying, wish_now(bought, "form:2", credits=1000, amount_minor=3500))
    assert caught.value.facts == {"credits": 960, "amount_minor": 3360, "currency": "usd"}
    assert ask(buying, bought, "form:3").id == request.id
    assert (stored(request).credits, stored(request).amount_minor) == (960, 3360)
    agree(buying, request)
    assert (stored(request).state, available(buying)) == ("refunded", 0)


def test_who_declines_says_why_and_a_new_request_may_be_made(buying, bought):
    request = ask(buying, bought)
    decided = {"by_user_id": buying.user.id, "answer": "Ask your bank", "now": utc_now()}
    transact(lambda session: decline_request(session, request.account_id, request.id, **decided))
    assert (stored(request).state, stored(request).answer) == ("declined", "Ask your bank")
    for late in (
        lambda session: decline_request(session, request.account_id, request.id, **decided),
        lambda session: withdraw_request(session, request.account_id, bought.id, now=utc_now()),
    ):
        with pytest.raises((RequestDecided, UnknownRequest)):
            transact(late)
    with pytest.raises(RequestDecided):
        agree(buying, request)
    assert refunds_made(buying) == []
    assert ask(buying, bought, "form:again").id != request.id


def test_a_request_can_be_withdrawn_until_it_is_decided(buying, bought):
    request = ask(buying, bought)
    transact(lambda session: withdraw_request(session, request.account_id, bought.id, now=utc_now()))
    assert stored(request).state == "withdrawn"
    with pytest.raises(RequestDecided):
        agree(buying, request)
    again = ask(buying, bought, "form:again")
    agree(buying, again)
    with pytest.raises(UnknownRequest):
        transact(lambda session: withdraw_request(session, request.account_id, bought.id, now=utc_now()))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"refund_days": 0}, "never"),
        ({"settled_at": utc_now() - 14 * DAY}, "over"),
        ({"returned_minor": 3500}, "gone"),
    ],
)
def test_no_refund_is_offered_where_none_can_be(buying, bought, facts, why):
    wish = wish_now(bought)
    change(bought, **facts)
    with pytest.raises(RefundNotOffered) as caught:
        send(buying, wish)
    assert caught.value.why == why


def test_no_refund_is_offered_of_what_is_disputed_or_used(buying, bought):
    wish = wish_now(bought)
    disputed = dispute_of(bought)
    tell(bought, disputed)
    with pytest.raises(RefundNotOffered, match="disputed"):
        send(buying, wish)
    other = buy(buying, "form:2")
    wish = wish_now(other)
    spend(buying.user.account_id, 1020)
    with pytest.raises(RefundNotOffered, match="used"):
        send(buying, wish)


def test_another_account_has_neither_the_purchase_nor_the_request(buying, bought):
    request = ask(buying, bought)
    nobodys = request.account_id + 1
    with pytest.raises(UnknownPurchase):
        send(buying, wish_now(bought, "form:2"), account_id=nobodys)
    with pytest.raises(UnknownPurchase):
        transact(lambda session: withdraw_request(session, nobodys, bought.id, now=utc_now()))
    with pytest.raises(UnknownRequest):
        approve(nobodys, request.id, by_user_id=1, answer="", now=utc_now())


def test_a_request_whose_refund_stripe_refuses_waits_again(buying, bought):
    request = ask(buying, bought)
    buying.simulator.faults.answer(*CREATE, status=400, times=1)
    with pytest.raises(RefundRefused):
        agree(buying, request)
    assert (stored(request).state, stored(request).tries) == ("asked", 1)
    agree(buying, request)
    assert (stored(request).state, available(buying)) == ("refunded", 20)
    assert len(refunds_made(buying)) == 1


@pytest.mark.parametrize("answers", ["again", "swept"])
def test_a_request_whose_refund_got_no_answer_is_refunded_once(buying, bought, answers):
    request = ask(buying, bought)
    buying.simulator.faults.lose_answer(*CREATE, times=1)
    with pytest.raises(RefundUnconfirmed):
        agree(buying, request)
    assert stored(request).state == "approved"
    with pytest.raises(RequestDecided):
        send(buying, Wish(bought.id, 1000, 3500, "", "form:2"))
    if answers == "again":
        agree(buying, request)
    else:
        sweep_refund_orders(utc_now() + DAY)
    assert (stored(request).state, len(refunds_made(buying)), available(buying)) == ("refunded", 1, 20)
    with Session(db.engine) as session:
        assert len(list(session.scalars(select(RefundRequest)))) == 1
