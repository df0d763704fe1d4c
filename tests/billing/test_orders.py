"""Everything that names one payment, in every order and as often as you like: one grant."""

import datetime as dt
import itertools
import random
import threading
from collections import Counter

import pytest

from tests.billing.buying import Buying
from webapp.billing.models import Purchase
from webapp.orm import utc_now
from webapp.worker.purchases import sweep_purchases

# What tells of one payment: events, the return page, the sweep. A card is paid at once, a bank debit days later.
BY_CARD = (
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
    "return",
)
BY_BANK = (
    "checkout.session.completed",
    "payment_intent.succeeded",
    "checkout.session.async_payment_succeeded",
    "return",
    "sweep",
)
SEED = 20261120


def tell(buying: Buying, purchase: Purchase, teller: str, events: dict[str, str]) -> None:
    if teller == "return":
        buying.settle(purchase)
    elif teller == "sweep":
        assert sweep_purchases(utc_now() + dt.timedelta(minutes=1)).failed == 0
    else:
        assert buying.tell(events[teller]).status_code == 200


def paid(buying: Buying, tellers: tuple[str, ...], number: int) -> tuple[Purchase, dict[str, str]]:
    """A purchase whose money is at Stripe, by card or by bank, and its undelivered events."""
    if tellers is BY_CARD:
        purchase = buying.paid("starter", key=f"form:{number}")
    else:
        purchase = buying.paid("starter", key=f"form:{number}", outcome="delayed_succeeds")
        buying.simulator.settle(buying.gateway.checkout(purchase.session_id).payment_intent_id, "succeeds")
    return purchase, events_of(buying, purchase)


def events_of(buying: Buying, purchase: Purchase) -> dict[str, str]:
    """The events of one purchase, undelivered: type to id. Takes them off the queue."""
    deliveries = buying.simulator.deliveries
    found = {}
    for delivery in deliveries.waiting():
        found[delivery.event_type] = delivery.event_id
        deliveries.drop(delivery, now=0)
    return found


def assert_granted_once(buying: Buying, purchase: Purchase, order: object) -> None:
    stored = buying.purchase(purchase)
    assert stored.state == "paid", order
    assert stored.grant_seq is not None, order


@pytest.mark.parametrize("tellers", [BY_CARD, BY_BANK], ids=["by card", "by bank"])
def test_a_sample_of_the_120_orders_of_what_names_one_payment_each_ends_with_one_grant(buying, tellers, one_in):
    """With a fixed seed; each of the five tellers is the first and the last of some."""
    orders = list(itertools.permutations(tellers))
    assert len(orders) == 120
    sample = orders if one_in == 1 else random.Random(SEED).sample(orders, 24)
    assert {order[0] for order in sample} == {order[-1] for order in sample} == set(tellers)
    for number, order in enumerate(sample):
        purchase, events = paid(buying, tellers, number)
        for teller in order:
            tell(buying, purchase, teller, events)
        assert_granted_once(buying, purchase, order)
    assert buying.bought() == [100] * len(sample)
    buying.assert_sound()


def test_every_telling_one_to_five_times_in_mixed_order_ends_with_one_grant(buying):
    chance = random.Random(SEED)
    for number in range(12):
        tellers = (BY_CARD, BY_BANK)[number % 2]
        purchase, events = paid(buying, tellers, number)
        order = [teller for teller in tellers for _ in range(chance.randint(1, 5))]
        chance.shuffle(order)
        for teller in order:
            tell(buying, purchase, teller, events)
        assert_granted_once(buying, purchase, order)
    assert buying.bought() == [100] * 12
    buying.assert_sound()


def test_a_delayed_payment_told_in_every_order_ends_as_it_ended_at_stripe(buying, one_in):
    """`completed` says unpaid when it happens; told after the money came, Stripe itself already says paid."""
    number = granted = 0
    for end, state in (("succeeds", "paid"), ("fails", "failed")):
        ending = f"checkout.session.async_payment_{'succeeded' if end == 'succeeds' else 'failed'}"
        intent_event = "payment_intent.succeeded" if end == "succeeds" else "payment_intent.payment_failed"
        orders = list(itertools.permutations(("checkout.session.completed", intent_event, ending, "return")))
        for order in random.Random(SEED).sample(orders, len(orders) // one_in):
            number += 1
            purchase = buying.paid("starter", key=f"form:{number}", outcome="delayed_succeeds")
            session = buying.gateway.checkout(purchase.session_id)
            buying.simulator.settle(session.payment_intent_id, end)
            events = events_of(buying, purchase)
            for teller in order:
                tell(buying, purchase, teller, events)
            assert buying.purchase(purchase).state == state, order
            granted += state == "paid"
    assert buying.bought() == [100] * granted
    assert granted == 24 // one_in
    buying.assert_sound()


def test_an_unpaid_telling_before_the_money_is_processing_and_grants_nothing(buying):
    purchase = buying.paid("starter", outcome="delayed_succeeds")
    events = events_of(buying, purchase)
    tell(buying, purchase, "checkout.session.completed", events)
    assert (buying.purchase(purchase).state, buying.bought()) == ("processing", [])
    session = buying.gateway.checkout(purchase.session_id)
    buying.simulator.settle(session.payment_intent_id, "succeeds")
    later = events_of(buying, purchase)
    tell(buying, purchase, "checkout.session.async_payment_succeeded", later)
    tell(buying, purchase, "checkout.session.completed", events)
    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [100])


def test_one_payment_told_32_times_at_once_by_three_events_and_the_return_page_is_granted_once(buying, app):
    purchase, events = paid(buying, BY_BANK, 1)
    tellers = BY_BANK[:4] * 8
    start, answers, broken = threading.Barrier(len(tellers)), Counter(), []

    def run(teller: str) -> None:
        try:
            with app.app_context():
                start.wait(timeout=30)
                if teller == "return":
                    answers[f"return {buying.settle(purchase).state in {'open', 'paid'}}"] += 1
                else:
                    answers[buying.tell(events[teller]).status_code] += 1
        except BaseException as error:  # noqa: BLE001  # the test's own thread must hear of it
            broken.append(error)

    threads = [threading.Thread(target=run, args=(teller,)) for teller in tellers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert broken == []
    assert answers == {200: 24, "return True": 8}
    assert buying.bought() == [100]
    assert buying.purchase(purchase).state == "paid"
    assert {event.state for event in buying.events()} == {"handled"}
    buying.assert_sound()


def test_two_purchases_of_one_account_paid_at_once_are_both_granted(buying, app):
    purchases = [buying.paid("starter", key=f"form:{number}") for number in range(6)]
    queue = [(delivery.event_id) for delivery in buying.simulator.deliveries.waiting()]
    start, answers = threading.Barrier(len(queue)), Counter()

    def run(event_id: str) -> None:
        with app.app_context():
            start.wait(timeout=30)
            answers[buying.tell(event_id).status_code] += 1

    threads = [threading.Thread(target=run, args=(event_id,)) for event_id in queue]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert answers == {200: len(queue)}
    assert [buying.purchase(purchase).state for purchase in purchases] == ["paid"] * 6
    assert buying.bought() == [100] * 6
    buying.assert_sound()
