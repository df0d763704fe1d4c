"""The six events of one subscription's life, in every order: the same end, and each allowance once."""

import datetime as dt
import itertools
import random
import threading
from collections import Counter

from tests.billing.subscribing import START, Subscribing, at
from tests.support.people import make_user
from webapp.orm import utc_now
from webapp.web.plans import settle_plan

LIFE = (
    "customer.subscription.created",
    "invoice.paid",
    "checkout.session.completed",
    "customer.subscription.updated",
    "invoice.paid",
    "customer.subscription.deleted",
)
SEED = 20261126
ENDS = dt.datetime(2026, 2, 28, 12, tzinfo=dt.UTC)
HALF = START + (ENDS - START) / 2
LATER = ENDS - dt.timedelta(days=3)


def lived(subscribing: Subscribing, number: int) -> list[str]:
    """Subscribe, go up in the middle of the period, end it at once; the six events, which nobody has told."""
    subscribing.user = make_user(f"life{number}@example.com")
    with at(START):
        subscription_id = subscribing.subscribe()
    with at(HALF):
        subscribing.simulator.switch_plan(subscription_id, subscribing.price_of("pro"))
    with at(LATER):
        subscribing.simulator.cancel(subscription_id, at_period_end=False)
    waiting = subscribing.simulator.deliveries.waiting()
    for delivery in waiting:
        subscribing.simulator.deliveries.drop(delivery, now=0)
    told = {kind: [one.event_id for one in waiting if one.event_type == kind] for kind in LIFE}
    return [*(told[kind][0] for kind in LIFE[:4]), *(told[kind][-1] for kind in LIFE[4:])]


def assert_lived(subscribing: Subscribing, order: object) -> None:
    row = subscribing.row()
    assert (row.status, row.ended_at, row.plan_slug) == ("canceled", LATER, "pro"), order
    assert subscribing.given() == [("base", 500, ENDS), ("to:2000", 750, ENDS)], order
    assert [period.given_credits for period in subscribing.periods()] == [1250], order


def test_a_sample_of_the_720_orders_of_a_subscriptions_life_each_ends_the_same(subscribing, one_in):
    orders = list(itertools.permutations(range(len(LIFE))))
    assert len(orders) == 720
    sample = random.Random(SEED).sample(orders, len(orders) if one_in == 1 else 5)
    for number, order in enumerate(sample):
        events = lived(subscribing, number)
        assert len(set(events)) == 6
        with at(LATER):
            subscribing.tell_each(events[place] for place in order)
            assert_lived(subscribing, order)


def test_one_subscription_told_32_times_at_once_gives_its_allowance_once(subscribing, app):
    opened = subscribing.open()
    subscribing.simulator.pay(opened.session_id)
    kinds = ("customer.subscription.created", "invoice.paid", "checkout.session.completed")
    queue = [event_id for kind, event_id in subscribing.told_types().items() if kind in kinds] * 8 + ["return"] * 8
    assert len(queue) == 32
    start, answers = threading.Barrier(len(queue)), Counter()

    def run(told: str) -> None:
        with app.app_context():
            start.wait(timeout=60)
            if told == "return":
                settle_plan(subscribing.user.account_id, opened.session_id, now=utc_now())
                answers["return"] += 1
            else:
                answers[subscribing.tell(told).status_code] += 1

    threads = [threading.Thread(target=run, args=(told,)) for told in queue]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert answers == {200: 24, "return": 8}
    assert [granted for _, granted, _ in subscribing.given()] == [500]
    assert {event.state for event in subscribing.events()} == {"handled"}
    subscribing.assert_sound()


def test_each_event_alone_is_enough(subscribing):
    for place, kind in enumerate(LIFE):
        events = lived(subscribing, place)
        with at(LATER):
            subscribing.tell_each([events[place]] * 2)
            assert_lived(subscribing, kind)
