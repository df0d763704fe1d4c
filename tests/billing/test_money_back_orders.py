"""What tells of money that came back, in every order and subset, as often as you like: one end, that of the money."""

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.billing.books import lot_of, money_of, standing
from tests.billing.buying import Buying
from tests.billing.returning import Telling, dispute, end_refund, mixed, move, refund, taken, tell
from webapp.billing.models import Purchase
from webapp.orm import utc_now
from webapp.web.money_back import ask_money_back

SEED = 20261126
COMPLETED = "checkout.session.completed"


def failing(buying: Buying, purchase: Purchase) -> Iterator[Any]:
    made = refund(buying, purchase, course="pending")["id"]
    yield
    yield end_refund(buying, made, "succeeds")
    yield end_refund(buying, made, "fails")


def in_parts(buying: Buying, purchase: Purchase) -> Iterator[Any]:
    yield refund(buying, purchase, 100)
    yield refund(buying, purchase, 150)


def lost(buying: Buying, purchase: Purchase) -> Iterator[Any]:
    yield from stepped(buying, purchase, "withdraw", "answer", "lose")


def won(buying: Buying, purchase: Purchase) -> Iterator[Any]:
    yield from stepped(buying, purchase, "withdraw", "win")


def asked_about(buying: Buying, purchase: Purchase) -> Iterator[Any]:
    yield from stepped(buying, purchase, "answer", "close", is_inquiry=True)


def refunded_and_disputed(buying: Buying, purchase: Purchase) -> Iterator[Any]:
    yield refund(buying, purchase, 200)
    yield from stepped(buying, purchase, "withdraw", amount_minor=300)


def stepped(buying: Buying, purchase: Purchase, *steps: Any, **facts: Any) -> Iterator[Any]:
    opened = dispute(buying, purchase, **facts)["id"]
    yield
    for step in steps:
        yield move(buying, opened, step)


# How the money goes, step by step; which lot of 100 it leaves; what of 500 cents is gone.
WAYS: dict[str, tuple[Callable[[Buying, Purchase], Iterator[Any]], dict[str, int], int]] = {
    "a refund that fails in the end": (failing, {"available": 100}, 0),
    "two parts refunded": (in_parts, {"available": 50, "voided": 50}, 250),
    "a dispute lost": (lost, {"voided": 100}, 500),
    "a dispute won": (won, {"available": 100}, 0),
    "an inquiry": (asked_about, {"available": 100}, 0),
    "a part refunded, the rest disputed": (refunded_and_disputed, {"voided": 100}, 500),
}


def happened(buying: Buying, way: str, number: object) -> tuple[Purchase, list[Telling]]:
    """A purchase to which all of it has happened at Stripe: the payment's own event and those of the money."""
    purchase = buying.paid("starter", key=f"form:{way} {number}")
    tellings = [telling for telling in taken(buying) if telling.kind == COMPLETED]
    for _ in WAYS[way][0](buying, purchase):
        tellings += taken(buying)
    return purchase, tellings


def assert_at_its_end(buying: Buying, purchase: Purchase, way: str, told: object) -> None:
    _, lot, returned_minor = WAYS[way]
    assert buying.purchase(purchase).state == "paid", (way, told)
    assert (lot_of(buying, purchase), money_of(buying, purchase)) == (lot, (returned_minor, 0)), (way, told)


def grid(size: int) -> list[tuple[int, ...]]:
    """Every order of every subset of so many events, by their places."""
    return [order for many in range(size + 1) for order in itertools.permutations(range(size), many)]


@pytest.mark.parametrize("way", WAYS)
def test_every_order_and_subset_of_its_events_ends_as_the_money_did(buying, way, one_in):
    """In the gate a sample; every second one with doubles. Where no event of the money is told, asking heals it."""
    chance = random.Random(SEED)
    _, tellings = happened(buying, way, "first")
    kinds = list(dict.fromkeys(telling.kind for telling in tellings))
    orders = grid(len(kinds))
    assert len(orders) >= 326 or len(kinds) < 5
    for number, order in enumerate(orders if one_in == 1 else chance.sample(orders, 8)):
        purchase, tellings = happened(buying, way, number)
        by_kind = {telling.kind: telling for telling in tellings}
        chosen = [by_kind[kinds[place]] for place in order]
        told = mixed(chosen, chance) if number % 2 else chosen
        tell(buying, *told)
        if not any(telling.kind != COMPLETED for telling in told):
            buying.settle(purchase)
            ask_money_back(buying.gateway, purchase.account_id, purchase.id, now=utc_now())
        assert_at_its_end(buying, purchase, way, told)
    assert standing(buying)["debt"] == 0
    buying.assert_sound()


def test_events_told_while_it_goes_on_late_doubled_or_never_end_as_the_money_did_when_it_is_asked_for(buying, one_in):
    chance = random.Random(SEED)
    for number in range(60 // one_in):
        way = list(WAYS)[number % len(WAYS)]
        purchase = buying.paid("starter", key=f"form:{number}")
        waiting = taken(buying)
        told = []
        for _ in WAYS[way][0](buying, purchase):
            waiting += taken(buying)
            now_told = mixed(waiting, chance, least=0, most=1)
            tell(buying, *now_told)
            told += now_told
            waiting = [telling for telling in waiting if telling not in now_told]
        late = mixed([telling for telling in waiting if chance.random() < 0.5], chance, most=2)
        tell(buying, *late)
        buying.settle(purchase)
        ask_money_back(buying.gateway, purchase.account_id, purchase.id, now=utc_now())
        assert_at_its_end(buying, purchase, way, (told, late))
        before = (lot_of(buying, purchase), standing(buying))
        ask_money_back(buying.gateway, purchase.account_id, purchase.id, now=utc_now())
        assert (lot_of(buying, purchase), standing(buying)) == before, "asked again, nothing changes"
    buying.assert_sound()


def test_all_that_tells_of_one_payment_told_at_once_and_often_ends_as_the_money_did(buying, app):
    way = "a part refunded, the rest disputed"
    purchase, tellings = happened(buying, way, 1)
    often = tellings * 4
    start, answers, broken = threading.Barrier(len(often)), Counter[int](), []

    def run(telling: Telling) -> None:
        try:
            with app.app_context():
                start.wait(timeout=30)
                answers[buying.tell(telling.event_id).status_code] += 1
        except BaseException as error:  # noqa: BLE001  # the test's own thread must hear of it
            broken.append(error)

    threads = [threading.Thread(target=run, args=(telling,)) for telling in often]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert (broken, answers) == ([], {200: len(often)})
    assert_at_its_end(buying, purchase, way, "at once")
    assert {event.state for event in buying.events(purchase)} == {"handled"}
    buying.assert_sound()
