"""Stripe slow, broken or gone while money comes back, and our own code failing at any line: told again, it is whole."""

import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import delete

from tests.billing.books import kinds, lot_of, money_of, rows_of
from tests.billing.breaking import broken_at, files_of, lines_run
from tests.billing.buying import Buying
from tests.billing.returning import Telling, dispute, refund, taken, tell
from tests.billing.test_every_line import SEED, here
from webapp.billing.models import Purchase, StripeCustomer
from webapp.extensions import transact

FILES = files_of("billing", "billing/gateway", "billing/money_back", "views/webhook.py", "extensions.py")
LEDGER_FILES = files_of("ledger")
LEDGER_LINES = 25

# Every call that an event about a payment which nobody has told yet makes.
CALLS = {
    "find its checkout": ("GET", "/v1/checkout/sessions"),
    "read its checkout": ("GET", "/v1/checkout/sessions/{id}"),
    "list its refunds": ("GET", "/v1/refunds"),
    "list its disputes": ("GET", "/v1/disputes"),
}
FAULTS: dict[str, Callable[[Any, str, str], None]] = {
    "429": lambda faults, *call: faults.answer(*call, status=429),
    "500": lambda faults, *call: faults.answer(*call, status=500),
    "refused": lambda faults, *call: faults.refuse_connection(*call),
    "reset": lambda faults, *call: faults.reset(*call),
    "time-out": lambda faults, *call: faults.lose_answer(*call),
}


def untold(buying: Buying, number: object) -> tuple[Purchase, list[Telling]]:
    """A payment of which half is refunded and a part disputed; the application knows nothing of it. Its events."""
    purchase = buying.paid("starter", key=f"form:{number}")
    taken(buying)
    refund(buying, purchase, 250)
    dispute(buying, purchase, amount_minor=50)
    return purchase, taken(buying)


def whole(buying: Buying, purchase: Purchase, place: object) -> None:
    """Either nothing of it is written or all."""
    handled = [event for event in buying.events(purchase) if event.state == "handled"]
    if buying.purchase(purchase).state == "paid":
        assert lot_of(buying, purchase) == {"available": 40, "frozen": 10, "voided": 50}, place
        assert money_of(buying, purchase) == (250, 50), place
        assert rows_of(buying, purchase) == {("re", 250, "succeeded"), ("du", 50, "needs_response")}, place
        assert len(handled) == 1, place
    else:
        assert (lot_of(buying, purchase), money_of(buying, purchase)) == ({}, (0, 0)), place
        assert (rows_of(buying, purchase), handled) == (set(), []), place


def forget_customers() -> None:
    """As if nobody had ever bought: the customer is still to be stored."""
    transact(lambda session: session.execute(delete(StripeCustomer)))


def test_stripe_failing_at_each_call_leaves_nothing_half_done_and_the_next_delivery_heals_it(buying):
    for place, call in CALLS.items():
        for name, break_down in FAULTS.items():
            purchase, (telling, *_) = untold(buying, f"{place} {name}")
            break_down(buying.simulator.faults, *call)
            assert buying.tell(telling.event_id).status_code == 503, (place, name)
            assert buying.event(telling.event_id).reason == "StripeUnreachable", (place, name)
            assert buying.simulator.faults.coming == 0, (place, name)
            whole(buying, purchase, (place, name))
            assert buying.purchase(purchase).state == "open", (place, name)
            buying.simulator.faults.clear()
            tell(buying, telling)
            whole(buying, purchase, (place, name))
    buying.assert_sound()


def test_each_call_is_made_once_and_a_settled_purchase_needs_no_checkout(buying):
    _, (telling, *_, later) = untold(buying, 1)
    buying.asked.clear()
    tell(buying, telling)
    assert len(buying.asked) == len(CALLS)
    buying.asked.clear()
    tell(buying, later)
    assert [call.split("?")[0].rpartition("/")[2] for call in buying.asked] == ["refunds", "disputes"]


def test_the_webhook_failing_at_any_line_settles_once_when_it_is_told_again(buying, one_in):
    """As for the payment itself; the event is the first that we hear of it, so it grants, takes back and freezes."""
    _, (telling, *_) = untold(buying, "first")
    ours = lines_run(FILES, lambda: tell(buying, telling))
    _, (telling, *_) = untold(buying, "second")
    ledgers = lines_run(LEDGER_FILES, lambda: tell(buying, telling))
    assert len(ours) > 150
    assert len(ledgers) > 150
    places = here(ours + random.Random(SEED).sample(ledgers, LEDGER_LINES), 2 * one_in)
    for number, place in enumerate(places):
        forget_customers()
        purchase, (telling, *_) = untold(buying, number)
        with broken_at(place, FILES | LEDGER_FILES) as reached:
            answer = buying.tell(telling.event_id)
        assert reached, f"{place} was not run again"
        assert answer.status_code == 500, place
        whole(buying, purchase, place)
        tell(buying, telling)
        assert buying.tell(telling.event_id).json["reason"] == "told_before", place
        whole(buying, purchase, place)
        assert buying.purchase(purchase).state == "paid", place
    assert kinds(buying)[-3:] == [("grant", 100), ("takeback", -50), ("freeze", 0)]
    buying.assert_sound()
