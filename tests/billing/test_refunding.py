"""Refunds that an operator orders: previewed, ordered by a row, made once whatever breaks, and settled."""

import datetime as dt
import json
import random
import threading
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.billing.books import bought, lot_of, money_of, set_facts, standing, use
from tests.billing.breaking import LineBroke, broken_at, files_of, lines_run
from tests.billing.buying import Buying
from tests.billing.returning import dispute, end_refund, payment_of, refund, taken, tell
from tests.billing.test_every_line import SEED, here
from webapp.billing.errors import (
    NotRefundable,
    PaymentsOff,
    RefundOutOfRange,
    RefundRefused,
    RefundUnconfirmed,
    RefundUnderway,
    UnknownPurchase,
)
from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundOrder
from webapp.billing.money_back.refunding import RefundPreview
from webapp.extensions import Parts, db, end_reading
from webapp.ledger.errors import IdempotencyConflict
from webapp.orm import utc_now
from webapp.web.money_back import Refunded, preview_refund, refund_purchase
from webapp.worker.refunds import UNREACHABLE_UNTIL_REST, sweep_refund_orders
from webapp.worker.sweeps import Swept

CREATE = ("POST", "/v1/refunds")
FILES = files_of("billing", "billing/gateway", "billing/money_back", "web/money_back.py", "extensions.py")


def order(purchase: Purchase, amount_minor: Any = None, key: str = "form:r", **more: Any) -> Refunded:
    more = {"amount_minor": amount_minor, "order_key": key, "now": utc_now()} | more
    return refund_purchase(purchase.account_id, purchase.id, **more)


def foreseen(purchase: Purchase, amount_minor: Any = None) -> RefundPreview:
    found = preview_refund(purchase.account_id, purchase.id, amount_minor=amount_minor, now=utc_now())
    end_reading()
    return found


def orders() -> list[tuple[str, str, bool]]:
    with Session(db.engine) as session:
        rows = session.scalars(select(RefundOrder).order_by(RefundOrder.ordered_at))
        return [(row.state, row.reason, row.refund_id is not None) for row in rows]


def made_at_stripe(buying: Buying, purchase: Purchase) -> list[dict[str, Any]]:
    """The refunds that Stripe has of a purchase."""
    with buying.simulator.store.reading() as state:
        rows = [json.loads(row["json"]) for row in state.rows("SELECT json FROM sim_object WHERE type = 'refund'")]
    intent_id = payment_of(buying, purchase)
    return [made for made in rows if made["payment_intent"] == intent_id]


def swept_later(minutes: int = 2) -> Swept:
    return sweep_refund_orders(utc_now() + dt.timedelta(minutes=minutes))


def test_a_refund_does_what_its_preview_says(buying):
    """In three parts, with some credits spent and some on hold: what was foreseen is what there is."""
    purchase = bought(buying)
    use(buying, "spend", credits=70, key="s")
    use(buying, "hold", credits=20, key="h", lasts_seconds=600)
    for number, (amount_minor, taken_back, waits, debt) in enumerate(
        [(101, 20, 0, 0), (250, 50, 0, 40), (None, 10, 20, 50)]
    ):
        said = foreseen(purchase, amount_minor)
        done = order(purchase, amount_minor, key=f"form:{number}")
        assert done.is_settled
        assert (said.credits.taken, said.credits.waits, said.credits.after.debt) == (taken_back, waits, debt)
        after = {name: getattr(said.credits.after, name) for name in standing(buying)}
        assert standing(buying) == after
        assert (done.order.state, done.order.amount_minor) == ("made", said.amount_minor)
    assert (said.total_minor, said.left_minor, said.amount_minor, said.currency) == (500, 149, 149, "usd")
    assert money_of(buying, purchase) == (500, 0)
    assert lot_of(buying, purchase) == {"held": 20, "spent": 50, "voided": 80, "owed": -50}
    tell(buying, *taken(buying))
    assert lot_of(buying, purchase) == {"held": 20, "spent": 50, "voided": 80, "owed": -50}
    assert [(made["amount"], made["reason"]) for made in made_at_stripe(buying, purchase)] == [
        (101, "requested_by_customer"),
        (250, "requested_by_customer"),
        (149, "requested_by_customer"),
    ]
    buying.assert_sound()


def test_a_double_click_makes_one_refund(buying, app):
    purchase = bought(buying)
    start, done = threading.Barrier(6), []

    def click() -> None:
        with app.app_context():
            start.wait(timeout=30)
            try:
                done.append(order(purchase, 100))
            except RefundUnconfirmed as refusal:  # its twin is on the way
                done.append(refusal)

    threads = [threading.Thread(target=click) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(done) == 6
    assert order(purchase, 100).order.state == order(purchase).order.state == "made"
    assert [made["amount"] for made in made_at_stripe(buying, purchase)] == [100]
    assert orders() == [("made", "", True)]
    with pytest.raises(IdempotencyConflict):
        order(purchase, 50)
    assert lot_of(buying, purchase) == {"available": 80, "voided": 20}


def test_what_can_not_be_refunded_is_refused_and_nothing_is_ordered(buying):
    unpaid, paid = buying.start("starter", key="form:unpaid"), bought(buying)
    with pytest.raises(NotRefundable) as caught:
        order(unpaid)
    assert caught.value.facts == {"state": "open"}
    for amount in (0, -1, 501, 2**63, True, 1.5, "7"):
        with pytest.raises(RefundOutOfRange) as out:
            order(paid, amount)
        assert out.value.facts == {"left_minor": 500, "currency": "usd"}
        with pytest.raises(RefundOutOfRange):
            foreseen(paid, amount)
    with pytest.raises(UnknownPurchase):
        refund_purchase(paid.account_id + 1, paid.id, amount_minor=1, order_key="k", now=utc_now())
    with pytest.raises(UnknownPurchase):
        refund_purchase(paid.account_id, "a\x00b", amount_minor=1, order_key="k", now=utc_now())
    set_facts(paid, currency="isk")  # krónur have no hundredths, yet Stripe counts in them
    with pytest.raises(RefundOutOfRange):
        order(paid, 150)
    set_facts(paid, currency="usd", stripe_mode="test")
    with pytest.raises(NotRefundable, match="another Stripe"):
        order(paid)
    set_facts(paid, stripe_mode="simulated")
    order(paid)
    with pytest.raises(NotRefundable, match="Nothing is left"):
        order(paid, key="form:again")
    parts = buying.app.extensions["refill"]
    buying.app.extensions["refill"] = Parts(parts.settings, parts.catalog, None)
    with pytest.raises(PaymentsOff):
        order(paid, key="form:off")
    assert sweep_refund_orders(utc_now()) == Swept()
    assert orders() == [("made", "", True)]


def test_money_in_dispute_is_not_left_and_an_inquiry_keeps_nothing_from_being_refunded(buying):
    disputed, asked_about = bought(buying, 1), bought(buying, 2)
    dispute(buying, disputed, amount_minor=200)
    dispute(buying, asked_about, is_inquiry=True)
    tell(buying, *taken(buying))
    assert foreseen(disputed).left_minor == 300
    said = foreseen(asked_about)
    assert (said.left_minor, said.credits.taken, said.credits.before.frozen) == (500, 100, 140)
    with pytest.raises(RefundRefused, match="dispute") as caught:
        order(disputed, 300, key="form:disputed")
    assert caught.value.facts == {"stripe_code": "charge_disputed"}
    order(asked_about, key="form:asked")
    assert (lot_of(buying, asked_about), money_of(buying, asked_about)) == ({"voided": 100}, (500, 0))
    assert lot_of(buying, disputed) == {"available": 60, "frozen": 40}


def test_a_quarantined_purchase_can_be_refunded(buying):
    purchase = buying.paid("starter")
    set_facts(purchase, amount_minor=400)
    tell(buying, *taken(buying))
    assert foreseen(purchase).credits.taken == 0
    assert order(purchase).order.amount_minor == 500
    assert (buying.purchase(purchase).state, money_of(buying, purchase)) == ("quarantined", (500, 0))


def test_an_act_is_noted_with_its_order_once_or_there_is_no_order(buying):
    purchase, noted = bought(buying), []

    def note(session: Session, ordered: RefundOrder) -> None:
        noted.append(ordered.number)
        session.execute(update(Purchase).values(reason="noted"))

    def refuse(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        order(purchase, also=refuse)
    assert orders() == []
    for _ in range(2):
        order(purchase, also=note)
    assert (noted, buying.purchase(purchase).reason) == ([1], "noted")


FAULTS = {
    "429": lambda faults: faults.answer(*CREATE, status=429),
    "500": lambda faults: faults.answer(*CREATE, status=500),
    "refused": lambda faults: faults.refuse_connection(*CREATE),
    "reset": lambda faults: faults.reset(*CREATE),
    "time-out before the effect": lambda faults: faults.lose_request(*CREATE),
    "time-out after the effect": lambda faults: faults.lose_answer(*CREATE),
}


def test_a_refund_whose_answer_is_lost_is_made_once_by_the_same_form_by_the_worker_or_by_its_event(buying):
    """Even when Stripe has forgotten our key, as it does after a day: its refunds are read before it is sent again."""
    for fault, break_down in FAULTS.items():
        for healed_by in ("form", "worker", "event"):
            where = f"{fault} {healed_by}"
            purchase = bought(buying, where)
            break_down(buying.simulator.faults)
            with pytest.raises(RefundUnconfirmed) as caught:
                order(purchase, 100, key=where)
            assert caught.value.facts == {"amount_minor": 100, "currency": "usd"}
            with pytest.raises(RefundUnderway):
                order(purchase, 200, key=f"another {where}")
            with buying.simulator.store.writing() as state:
                state.rows("DELETE FROM sim_idempotency")
            told = taken(buying)
            if healed_by == "worker":
                assert sweep_refund_orders(utc_now()) == Swept(), "the form may still be at it"
                assert swept_later() == Swept(settled=1), where
            elif healed_by == "event" and told:
                tell(buying, told[-1])
            else:
                assert order(purchase, 100, key=where).order.state == "made", where
            assert [made["amount"] for made in made_at_stripe(buying, purchase)] == [100], where
            assert order(purchase, 100, key=where).order.state == "made", where
            assert lot_of(buying, purchase) == {"available": 80, "voided": 20}, where
            assert swept_later() == Swept(), where
    assert {state for state, *_ in orders()} == {"made"}


def test_a_500_that_stripe_keeps_for_a_day_makes_nothing_twice(buying):
    purchase = bought(buying)
    buying.simulator.faults.break_down(*CREATE)
    for _ in range(2):
        with pytest.raises(RefundUnconfirmed):
            order(purchase)
    with buying.simulator.store.writing() as state:
        state.rows("DELETE FROM sim_idempotency")
    assert swept_later() == Swept(settled=1)
    assert len(made_at_stripe(buying, purchase)) == 1


def test_a_refund_that_is_made_and_not_read_yet_is_settled_by_its_event(buying):
    purchase = bought(buying)
    buying.simulator.faults.refuse_connection("GET", "/v1/disputes")
    done = order(purchase, 100)
    assert (done.order.state, done.is_settled, money_of(buying, purchase)) == ("made", False, (0, 0))
    tell(buying, taken(buying)[-1])
    assert money_of(buying, purchase) == (100, 0)


def test_a_refund_that_stripe_refuses_ends_and_what_stripe_knows_is_settled(buying):
    """Somebody refunded it in the dashboard a moment ago and no event has come."""
    purchase = bought(buying)
    refund(buying, purchase, 450)
    for _ in range(2):
        with pytest.raises(RefundRefused, match="No money moved"):
            order(purchase, 100)
    assert (orders(), money_of(buying, purchase)) == ([("refused", "refused", False)], (450, 0))
    assert order(purchase, key="form:rest").order.amount_minor == 50
    with pytest.raises(NotRefundable):
        order(purchase, key="form:more")


def test_a_refund_that_fails_later_can_be_ordered_again(buying):
    purchase = bought(buying)
    first = order(purchase)
    end_refund(buying, str(first.order.refund_id), "fails")
    tell(buying, *taken(buying))
    assert (money_of(buying, purchase), lot_of(buying, purchase)) == ((0, 0), {"available": 100})
    again = order(purchase, key="form:again")
    assert (again.order.number, again.order.state) == (2, "made")
    assert money_of(buying, purchase) == (500, 0)


def test_the_worker_rests_when_stripe_is_gone_and_ends_what_stripe_refuses(buying):
    purchases = [bought(buying, number) for number in range(UNREACHABLE_UNTIL_REST + 1)]
    buying.simulator.faults.refuse_connection("*", "*", times=9)
    for purchase in purchases:
        with pytest.raises(RefundUnconfirmed):
            order(purchase, key=purchase.id)
    assert swept_later() == Swept(failed=UNREACHABLE_UNTIL_REST)
    buying.simulator.faults.clear()
    dispute(buying, purchases[0], "lose")
    assert swept_later() == Swept(settled=len(purchases))
    assert sorted(state for state, *_ in orders()) == ["made"] * UNREACHABLE_UNTIL_REST + ["refused"]
    assert swept_later() == Swept()


def test_metadata_that_was_edited_at_stripe_ends_no_order(buying):
    purchase, other = bought(buying, 1), bought(buying, 2)
    buying.simulator.faults.lose_request(*CREATE)
    with pytest.raises(RefundUnconfirmed):
        order(purchase, 100)
    for name in ("refund:other:1", f"refund:{other.id}:1", f"refund:{purchase.id}:999999999999", "x", ""):
        made = refund(buying, purchase, 10)
        buying.gateway._v1.refunds.update(made["id"], {"metadata": {"refund_order": name}})
    tell(buying, *taken(buying))
    assert orders() == [("asked", "", False)]


def test_a_refund_that_fails_at_any_line_of_ours_is_made_once_when_the_form_is_sent_again(buying, one_in):
    first = bought(buying, "first")
    places = lines_run(FILES, lambda: order(first, 100, key="form:first"))
    assert len(places) > 120
    broke = 0
    for number, place in enumerate(here(places, 2 * one_in)):
        purchase = bought(buying, number)
        with broken_at(place, FILES) as reached:
            try:
                order(purchase, 100, key=f"form:{number}")
            except LineBroke:
                broke += 1
        assert reached, place
        healed = order(purchase, 100, key=f"form:{number}")
        assert (healed.order.state, healed.is_settled) == ("made", True), place
        assert [made["amount"] for made in made_at_stripe(buying, purchase)] == [100], place
        assert lot_of(buying, purchase) == {"available": 80, "voided": 20}, place
    assert broke == number + 1
    assert swept_later() == Swept()
    buying.assert_sound()


def test_previews_are_what_happens_whatever_was_used_and_came_back_before(buying, one_in):
    """A pack of 1,000 for 3,500 cents, in random parts with spends, holds, captures and disputes in between."""
    chance = random.Random(SEED)
    for round_number in range(12 // one_in):
        purchase = bought(buying, round_number, "popular")
        for number in range(5):
            free = standing(buying)["available"]
            if free > 40:
                operation, key = chance.choice(["spend", "hold"]), f"{round_number} {number}"
                use(buying, operation, credits=chance.randint(1, free), key=key)
            left = foreseen(purchase).left_minor if money_of(buying, purchase)[0] < 3500 else 0
            if left == 0:
                break
            amount_minor = chance.choice([None, chance.randint(1, left), chance.randint(1, left)])
            said = foreseen(purchase, amount_minor)
            order(purchase, amount_minor, key=f"form:{round_number} {number}")
            assert standing(buying) == {name: getattr(said.credits.after, name) for name in standing(buying)}
    buying.assert_sound()
