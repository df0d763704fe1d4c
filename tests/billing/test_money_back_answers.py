"""Answers of Stripe's that are settled in another order than their questions were asked: the newest counts."""

import datetime as dt
from typing import Any

import pytest

from tests.billing.books import bought, kinds, lot_of, money_of, set_facts
from tests.billing.returning import Telling, payment_of, refund, taken, tell
from webapp.billing.errors import Overtaken
from webapp.billing.money_back.asking import money_back
from webapp.billing.money_back.settling import settle_money_back
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.web.money_back import ask_money_back


def test_an_answer_that_was_overtaken_is_asked_for_again(buying):
    """Between the two readings of one event another event is told whole; the first knew less than the second."""
    purchase = bought(buying)
    refund(buying, purchase, 100)
    first = taken(buying)[0]
    later: list[Telling] = []
    request, asked = buying.simulator.request, []

    def interrupted(method: str, url: str, *rest: Any, **more: Any) -> Any:
        asked.append(url)
        if "/v1/disputes" in url and not later:
            refund(buying, purchase, 150)
            later.extend(taken(buying))
            tell(buying, later[0])
        return request(method, url, *rest, **more)

    buying.simulator.request = interrupted
    tell(buying, first)
    buying.simulator.request = request
    assert money_of(buying, purchase) == (250, 0)
    assert lot_of(buying, purchase) == {"available": 50, "voided": 50}
    assert sum("/v1/refunds" in url for url in asked) == 3
    assert kinds(buying)[2:] == [("takeback", -50)]


def test_two_answers_settled_in_the_other_order_of_their_questions_end_as_stripe_has_it(buying):
    """Whatever the clocks say: the answer that was asked for first knows less, and is not settled after the second."""
    purchase = bought(buying)
    intent_id = payment_of(buying, purchase)
    known_at = buying.purchase(purchase).money_read_at
    refund(buying, purchase, 100)
    early = money_back(buying.gateway, intent_id, known_at=known_at)
    refund(buying, purchase, 150)
    late = money_back(buying.gateway, intent_id, known_at=known_at)
    for ahead in (dt.timedelta(hours=1), dt.timedelta(hours=-1)):
        transact(lambda session: settle_money_back(session, purchase, late, now=utc_now() + ahead))  # noqa: B023
        with pytest.raises(Overtaken):
            transact(lambda session: settle_money_back(session, purchase, early, now=utc_now()))
        assert money_of(buying, purchase) == (250, 0)
    settled_at = buying.purchase(purchase).money_read_at
    transact(lambda session: settle_money_back(session, purchase, late, now=utc_now()))
    assert buying.purchase(purchase).money_read_at == settled_at, "what is stored already changes nothing"


def test_two_settlings_within_one_moment_are_two(buying):
    purchase, now = bought(buying), utc_now()
    answers = []
    for amount_minor in (100, 50, 25):
        refund(buying, purchase, amount_minor)
        answers.append(money_back(buying.gateway, payment_of(buying, purchase), known_at=None if not answers else now))
    early, middle, late = answers
    transact(lambda session: settle_money_back(session, purchase, early, now=now))
    transact(lambda session: settle_money_back(session, purchase, late, now=now))
    with pytest.raises(Overtaken):
        transact(lambda session: settle_money_back(session, purchase, middle, now=now))
    assert money_of(buying, purchase) == (175, 0)


def test_a_clock_that_ran_ahead_keeps_no_later_refund_from_being_settled(buying):
    purchase = bought(buying)
    refund(buying, purchase, 100)
    set_facts(purchase, money_read_at=utc_now() + dt.timedelta(days=1))
    tell(buying, *taken(buying))
    assert money_of(buying, purchase) == (100, 0)


def test_asking_gives_up_after_the_third_time(buying, monkeypatch):
    purchase = bought(buying)

    def overtaken(*_: Any, **__: Any) -> None:
        raise Overtaken(purchase.id)

    monkeypatch.setattr("webapp.web.money_back.settle_money_back", overtaken)
    buying.asked.clear()
    with pytest.raises(Overtaken):
        ask_money_back(buying.gateway, purchase.account_id, purchase.id, now=utc_now())
    assert len(buying.asked) == 6


def test_an_answer_about_another_payment_is_refused(buying):
    purchase, other = bought(buying, 1), bought(buying, 2)
    told = money_back(buying.gateway, payment_of(buying, other), known_at=None)
    with pytest.raises(RuntimeError, match="another payment"):
        transact(lambda session: settle_money_back(session, purchase, told, now=utc_now()))
