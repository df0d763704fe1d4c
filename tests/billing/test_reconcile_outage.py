"""A day without webhooks: payments, refunds and disputes in silence, and one run that makes the ledger right."""

import datetime as dt
import json
import random
import threading

import pytest
from sqlalchemy import func, select

from tests.billing import returning
from tests.billing.test_reconcile import everything, found_by, run, told
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.reconcile.models import ReconciliationFinding
from webapp.billing.webhooks import event_types
from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations
from webapp.ledger.queries import balance
from webapp.orm import utc_now

REFUNDS = "/v1/refunds"


def books(buying) -> tuple[int, int, int]:
    """Available, frozen, debt: without the welcome credits."""
    end_reading()
    found = balance(db.session(), buying.user.account_id, now=utc_now())
    end_reading()
    return found.available - 20, found.frozen, found.debt


def outage(buying):
    """Three packs bought, one refunded, one disputed with its money withdrawn, while every webhook is lost."""
    deliveries = buying.simulator.deliveries
    deliveries.begin_outage(now=int(utc_now().timestamp()))
    popular, small, starter = (buying.paid(pack, key=f"form:{pack}") for pack in ("popular", "small", "starter"))
    returning.refund(buying, small)
    returning.dispute(buying, popular, "withdraw")
    deliveries.end_outage()
    assert deliveries.waiting() == []
    return popular, small, starter


def test_after_a_day_without_webhooks_one_run_makes_everything_whole_and_a_second_does_nothing(buying):
    popular, small, starter = outage(buying)
    report = run()
    assert (report.state, report.failed) == ("finished", 0)
    assert (report.checkouts, report.refunds, report.disputes) == (3, 1, 1)
    assert {buying.purchase(one).state for one in (popular, small, starter)} == {"paid"}
    assert books(buying) == (100, 0, 0)
    returned = [buying.purchase(one).returned_minor for one in (popular, small, starter)]
    assert returned == [3500, 2000, 0]
    found = told(report)
    assert found.count(("missing", "checkout", "paid")) == 3
    assert found.count(("missing", "refund", "settled")) == 1
    assert found.count(("missing", "dispute", "settled")) == 1
    assert not any(one.needs_person for one in found_by(report))
    before = everything(buying)
    again = run()
    assert (again.state, again.findings, found_by(again)) == ("finished", 0, [])
    assert everything(buying) == before
    buying.assert_sound()


def test_webhooks_that_come_after_all_change_nothing_any_more(buying):
    outage(buying)
    run()
    before = books(buying)
    with buying.simulator.store.reading() as state:
        ids = [row["id"] for row in state.rows("SELECT id, type FROM sim_event") if row["type"] in event_types()]
    answers = [buying.tell(event_id) for event_id in ids]
    assert {(answer.status_code, answer.json["reason"]) for answer in answers} == {(200, "told_before")}
    assert books(buying) == before


@pytest.mark.parametrize(
    ("step", "end"),
    [
        (lambda buying, ids: returning.end_refund(buying, ids["refund"], "fails"), (600, 0, 0)),
        (lambda buying, ids: returning.move(buying, ids["dispute"], "win"), (1100, 0, 0)),
        (lambda buying, ids: returning.move(buying, ids["dispute"], "lose"), (100, 0, 0)),
    ],
    ids=["the refund fails", "the dispute is won", "the dispute is lost"],
)
def test_what_changes_later_in_silence_is_seen_by_the_next_run(buying, step, end):
    outage(buying)
    run()
    with buying.simulator.store.reading() as state:
        ids = {row["type"]: row["id"] for row in state.rows("SELECT type, id FROM sim_object")}
    step(buying, ids)
    returning.taken(buying)
    report = run()
    assert report.failed == 0
    assert ("differs" in {kind for kind, _, _ in told(report)}) is True
    assert books(buying) == end
    assert told(run()) == []
    buying.assert_sound()


def test_an_open_dispute_is_asked_about_although_it_is_older_than_any_list(buying):
    """Nor has Stripe its events any more."""
    purchase = buying.paid()
    dispute = returning.dispute(buying, purchase, "withdraw")
    run()
    returning.move(buying, dispute["id"], "win")
    long_ago = int((utc_now() - dt.timedelta(days=40)).timestamp())
    with buying.simulator.store.writing() as state:
        state.rows("UPDATE sim_object SET created = ?", long_ago)
        state.rows("UPDATE sim_event SET created = ?", long_ago)
    report = run(since=utc_now())
    assert ("differs", "dispute", "settled") in told(report)
    assert books(buying) == (1000, 0, 0)


def test_inquiries_freeze_and_their_end_gives_back(buying):
    purchase = buying.paid()
    inquiry = returning.dispute(buying, purchase, is_inquiry=True)
    run()
    assert books(buying) == (0, 1000, 0)
    returning.move(buying, inquiry["id"], "close")
    run()
    assert books(buying) == (1000, 0, 0)


def test_a_refund_of_what_is_spent_becomes_debt_once(buying):
    purchase = buying.paid()
    run()
    account_id = buying.user.account_id
    transact(lambda session: operations.spend(session, account_id, credits=920, key="s", now=utc_now()))
    returning.refund(buying, purchase)
    for _ in range(2):
        run()
        assert books(buying) == (-20, 0, 900)
    buying.assert_sound()


def test_refunds_of_another_applications_payments_are_passed_by(buying):
    purchase = buying.paid()
    buying.tell_all()
    intent_id = returning.payment_of(buying, purchase)
    returning.refund(buying, purchase)

    def forget(session):
        session.get_one(type(purchase), (purchase.account_id, purchase.id)).payment_intent_id = None

    transact(forget)
    with buying.simulator.store.writing() as state:
        state.rows("UPDATE sim_event SET created = 0")
    report = run()
    assert (report.refunds, report.failed) == (1, 0)
    assert all(one.object_kind == "checkout" for one in found_by(report))
    assert buying.purchase(purchase).returned_minor == 0
    assert intent_id


@pytest.mark.parametrize("path", [REFUNDS, "/v1/disputes", "/v1/events"])
def test_stripe_gone_half_way_leaves_what_is_done_and_the_next_run_does_the_rest(buying, path):
    outage(buying)
    buying.simulator.faults.answer("GET", path, status=500, times=100)
    report = run()
    assert report.state == "stopped" or report.failed
    assert report.reached_at is None
    buying.assert_sound()
    buying.simulator.faults.clear()
    assert run().state == "finished"
    assert books(buying) == (100, 0, 0)
    assert told(run()) == []


def test_any_drops_and_orders_of_events_then_a_run_end_as_if_all_had_come(buying, one_in):
    """Each round buys, refunds a part and disputes; its events come mixed, doubled, or not at all."""
    chance = random.Random(20261120)
    expected = 0
    for number in range(18 // one_in):
        purchase = buying.paid("small", key=f"form:{number}")
        part = chance.choice([None, 1, 499, 1000, 1999])
        returning.refund(buying, purchase, part) if chance.random() < 0.6 else None
        left = 2000 - sum(refund["amount"] for refund in refunds_of(buying, purchase))
        if left and chance.random() < 0.5:
            returning.dispute(
                buying, purchase, *chance.choice([("withdraw",), ("withdraw", "win"), ("withdraw", "lose")])
            )
        returning.tell(buying, *returning.mixed(returning.taken(buying), chance, least=0))
        run()
        assert told(run()) == []
        expected += 500 - taken_back(buying, purchase)
        assert books(buying)[0] == expected
    buying.assert_sound()


def refunds_of(buying, purchase):
    intent_id = returning.payment_of(buying, purchase)
    with buying.simulator.store.reading() as state:
        rows = [json.loads(row["json"]) for row in state.rows("SELECT json FROM sim_object WHERE type = 'refund'")]
    return [row for row in rows if row["payment_intent"] == intent_id]


def taken_back(buying, purchase):
    """The credits that the money away from us is worth, of 500 for 2,000."""
    intent_id = returning.payment_of(buying, purchase)
    with buying.simulator.store.reading() as state:
        rows = [json.loads(row["json"]) for row in state.rows("SELECT json FROM sim_object WHERE type = 'dispute'")]
    away = sum(one["amount"] for one in rows if one["payment_intent"] == intent_id and one["status"] != "won")
    away += sum(refund["amount"] for refund in refunds_of(buying, purchase))
    return 500 * min(away, 2000) // 2000


def test_runs_beside_each_other_and_beside_live_webhooks_do_everything_once(buying, rounds):
    for number in range(rounds):
        purchase = buying.paid("small", key=f"form:{number}")
        returning.refund(buying, purchase, 1000)
        tellings = [one for one in returning.taken(buying) if one.kind in event_types()]
        failed = together(
            buying.app, run, run, *(lambda event_id=one.event_id: buying.tell(event_id) for one in tellings)
        )
        assert failed == []
    assert books(buying) == (250 * rounds, 0, 0)
    assert told(run()) == []
    with db.engine.connect() as connection:
        for table in (PurchaseRefund, PurchaseDispute):
            made = connection.scalar(select(func.count()).select_from(table))
            assert made == (rounds if table is PurchaseRefund else 0)
        checkouts = ReconciliationFinding.object_kind == "checkout"
        assert connection.scalar(select(func.count()).select_from(ReconciliationFinding).where(checkouts)) <= rounds
    buying.assert_sound()


def together(app, *works):
    """Run all of them at once; what they raised."""
    raised = []
    gate = threading.Barrier(len(works))

    def work(one):
        with app.app_context():
            try:
                gate.wait(10)
                one()
            except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
                raised.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised
