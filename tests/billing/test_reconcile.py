"""Reconciling with Stripe: what never came is made whole by one run, reported once, and a second run finds nothing."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from tests.billing.buying import Buying
from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.reconcile.models import Reconciliation, ReconciliationFinding
from webapp.billing.reconcile.records import findings_of, waiting_findings
from webapp.billing.reconcile.spans import CHECKOUT_LIFE, LOOKS_BACK, MOST_STEPS, OVERLAP, first_moment, steps
from webapp.billing.webhooks import event_types
from webapp.extensions import Parts, db, end_reading, transact
from webapp.orm import utc_now
from webapp.web.reconcile import reconcile
from webapp.worker.reconcile import sweep_reconcile
from webapp.worker.sweeps import Swept

HOUR = dt.timedelta(hours=1)
LIST = "/v1/checkout/sessions"


def run(**more) -> Reconciliation:
    return reconcile(started_by="command", now=more.pop("now", utc_now()), **more)


def found_by(report: Reconciliation) -> list[ReconciliationFinding]:
    end_reading()
    found = findings_of(db.session(), report.id)
    end_reading()
    return found


def told(report: Reconciliation) -> list[tuple[str, str, str]]:
    return [(one.kind, one.object_kind, one.done) for one in found_by(report)]


def test_payments_that_nobody_told_of_are_granted_by_one_run_and_a_second_finds_nothing(buying):
    bought = [buying.paid(pack, key=f"form:{pack}") for pack in ("popular", "small", "starter")]
    left = buying.start("small", key="form:left")
    report = run()
    assert (report.state, report.failed, report.checkouts) == ("finished", 0, 3)
    assert sorted(buying.bought()) == [100, 500, 1000]
    assert {buying.purchase(purchase).state for purchase in bought} == {"paid"}
    assert buying.purchase(left).state == "open"
    found = found_by(report)
    payments = [one for one in found if one.object_kind == "checkout"]
    assert {(one.kind, one.done, one.needs_person) for one in payments} == {("missing", "paid", False)}
    assert {one.purchase_id for one in payments} == {purchase.id for purchase in bought}
    assert [one.found["state"] for one in payments] == ["open"] * 3
    ours = {one.event_id for one in buying.simulator.deliveries.waiting() if one.event_type in event_types()}
    assert {one.object_id for one in found if one.object_kind == "event"} == ours
    assert len(ours) == 6
    assert report.findings == len(found)
    before = everything(buying)
    second = run()
    assert (second.state, second.findings, second.failed, found_by(second)) == ("finished", 0, 0, [])
    assert everything(buying) == before
    buying.assert_sound()


def everything(buying: Buying) -> object:
    """The purchases, the inbox and the findings, word for word."""
    with db.engine.connect() as connection:
        tables = (Purchase.__table__, WebhookEvent.__table__, ReconciliationFinding.__table__)
        return [connection.execute(select(table).order_by(*table.primary_key)).fetchall() for table in tables]


def test_what_the_webhook_told_is_no_news(buying):
    purchase = buying.paid()
    assert {answer.status_code for answer in buying.tell_all()} == {200}
    before = everything(buying)
    report = run()
    assert (report.state, report.findings) == ("finished", 0)
    assert report.checkouts == 1
    assert report.events >= 2
    assert everything(buying) == before
    assert buying.purchase(purchase).state == "paid"


def test_a_webhook_that_comes_after_the_run_changes_nothing(buying):
    buying.paid()
    run()
    answers = [(answer.status_code, answer.json["reason"]) for answer in buying.tell_all()]
    assert set(answers) == {(200, "told_before"), (200, "unknown_type")}
    assert answers.count((200, "told_before")) == 2
    assert buying.bought() == [1000]


def test_how_an_event_came_is_stored(buying):
    buying.paid(key="form:1")
    buying.tell_all()
    buying.paid(key="form:2")
    run()
    ways = [event.came_by for event in buying.events() if event.type in event_types()]
    assert sorted(ways) == ["reconcile"] * 2 + ["webhook"] * 2


@pytest.mark.parametrize(("end", "state"), [("succeeds", "paid"), ("fails", "failed")])
def test_a_delayed_payment_that_ended_in_silence_is_followed(buying, end, state):
    purchase = buying.paid(outcome="delayed_succeeds")
    report = run()
    assert buying.purchase(purchase).state == "processing"
    assert ("differs", "checkout", "processing") in told(report)
    buying.simulator.settle(buying.gateway.checkout(purchase.session_id).payment_intent_id, end)
    report = run()
    assert buying.purchase(purchase).state == state
    assert ("missing" if end == "succeeds" else "differs", "checkout", state) in told(report)
    assert told(run()) == []


def test_a_session_that_was_never_stored_is_found_by_what_we_wrote_into_it(buying):
    purchase = buying.paid()
    change(purchase, session_id=None, session_url=None)
    assert ("missing", "checkout", "paid") in told(run())
    assert buying.purchase(purchase).session_id == purchase.session_id
    assert buying.bought() == [1000]


def test_a_payment_that_is_not_what_was_asked_for_is_quarantined_and_told_once(buying):
    purchase = buying.paid()
    change(purchase, amount_minor=1)
    report = run()
    assert ("missing", "checkout", "quarantined") in told(report)
    assert (buying.purchase(purchase).state, buying.bought()) == ("quarantined", [])
    assert told(run()) == []


def test_a_paid_checkout_without_a_purchase_is_reported_and_left_to_a_person(buying):
    """As after a database that was set back to an older copy."""
    purchase = buying.paid()
    with db.engine.begin() as connection:
        connection.execute(Purchase.__table__.delete().where(Purchase.id == purchase.id))
    report = run(since=utc_now() - HOUR)
    (finding,) = [one for one in found_by(report) if one.object_kind == "checkout"]
    assert (finding.kind, finding.needs_person, finding.purchase_id) == ("missing", True, None)
    assert finding.expected["metadata"]["purchase_id"] == purchase.id
    assert told(run(since=utc_now() - HOUR)) == []
    assert [one.object_id for one in waiting_findings(db.session())] == [purchase.session_id]


def test_a_purchase_that_stripe_never_heard_of_is_reported_and_keeps_its_credits(buying):
    purchase = buying.paid()
    buying.tell_all()
    change(purchase, session_id="cs_test_sim_gone")
    report = run()
    gone = next(one for one in found_by(report) if one.object_id == "cs_test_sim_gone")
    assert (gone.kind, gone.needs_person, gone.expected) == ("extra", True, {})
    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])
    assert told(run()) == []


def test_a_paid_purchase_with_other_money_than_stripe_has_is_reported_and_left_as_it_is(buying):
    purchase = buying.paid()
    buying.tell_all()
    change(purchase, total_minor=1)
    (finding,) = found_by(run())
    assert (finding.kind, finding.needs_person) == ("differs", True)
    assert (finding.expected["total_minor"], finding.found["total_minor"]) == (3500, 1)
    assert buying.purchase(purchase).total_minor == 1
    assert told(run()) == []


def test_another_applications_payments_in_the_same_account_are_passed_by(buying):
    purchase = buying.paid()
    with db.engine.begin() as connection:
        connection.execute(Purchase.__table__.delete().where(Purchase.id == purchase.id))
    parts = buying.app.extensions["refill"]
    elsewhere = parts.settings.model_copy(update={"base_url": "http://127.0.0.1:9"})
    buying.app.extensions["refill"] = replace(parts, settings=elsewhere)
    report = run(since=utc_now() - HOUR)
    assert (report.checkouts, report.findings, report.failed) == (1, 0, 0)


def test_an_event_that_failed_is_tried_again_however_old_it_is(buying):
    purchase = buying.paid()
    buying.simulator.faults.refuse_connection("GET", f"{LIST}/{{id}}", times=100)
    assert [answer.status_code for answer in buying.tell_all()].count(503) == 2
    buying.simulator.faults.clear()
    long_ago = utc_now() - 2 * LOOKS_BACK
    transact(lambda session: session.execute(update(WebhookEvent).values(created_at=long_ago, received_at=long_ago)))
    report = run(since=utc_now() + HOUR)
    assert states_of_ours(buying) == {"handled"}
    assert buying.purchase(purchase).state == "paid"
    assert ("differs", "event", "paid") in told(report)
    assert told(run()) == []


def test_events_that_an_earlier_version_knew_nothing_to_do_with_are_taken_in(buying):
    buying.paid()
    buying.tell_all()
    transact(lambda session: session.execute(update(WebhookEvent).values(state="ignored", reason="unknown_type")))
    report = run()
    assert states_of_ours(buying) == {"handled"}
    assert report.findings == 2


def states_of_ours(buying: Buying) -> set[str]:
    return {event.state for event in buying.events() if event.type in event_types()}


def test_one_thing_that_breaks_stops_no_other_and_the_next_run_looks_at_it_again(buying):
    first, second = buying.paid("small", key="form:1"), buying.paid("popular", key="form:2")
    buying.simulator.faults.answer("GET", f"{LIST}/{{id}}", status=500, times=1)
    report = run()
    assert (report.state, report.failed) == ("finished", 1)
    assert report.reached_at is None, "the next run must not begin behind what broke"
    assert {buying.purchase(first).state, buying.purchase(second).state} == {"paid"}, "healed by its event"
    again = run()
    assert (again.state, again.failed) == ("finished", 0)
    assert again.reached_at is not None
    assert sorted(buying.bought()) == [500, 1000]


@pytest.mark.parametrize("path", [LIST, "/v1/events", f"{LIST}/{{id}}"])
def test_stripe_gone_in_the_middle_ends_the_run_with_what_was_done_and_the_next_goes_on(buying, path):
    for number in range(5):
        buying.paid("starter", key=f"form:{number}")
    buying.simulator.faults.refuse_connection("GET", path, times=100)
    report = run()
    assert (report.state, report.reason, report.reached_at) == ("stopped", "StripeUnreachable", None)
    assert report.finished_at is not None
    buying.assert_sound()
    buying.simulator.faults.clear()
    again = run()
    assert (again.state, again.failed) == ("finished", 0)
    assert buying.bought() == [100] * 5
    assert (run().findings, buying.bought()) == (0, [100] * 5)
    buying.assert_sound()


def test_a_run_that_has_no_time_left_is_gone_on_with_by_the_next(buying):
    for number in range(3):
        buying.paid("starter", key=f"form:{number}")
    report = run(seconds=0)
    assert (report.state, report.reason, report.reached_at) == ("stopped", "time", None)
    assert run().state == "finished"
    assert buying.bought() == [100] * 3


def test_a_run_that_was_killed_is_noted_by_the_next_and_its_span_is_looked_at_again(buying):
    purchase = buying.paid()
    killed = run(seconds=0)
    long_ago = {"state": "running", "reason": "", "noted_at": utc_now() - 2 * HOUR}
    transact(lambda session: session.execute(update(Reconciliation).values(**long_ago)))
    assert run().state == "finished"
    end_reading()
    stored = db.session().get_one(Reconciliation, killed.id)
    assert (stored.state, stored.reason, stored.reached_at) == ("stopped", "killed", None)
    assert buying.purchase(purchase).state == "paid"


def test_a_run_begins_where_the_last_one_ended_and_not_at_the_newest_event(buying):
    now = utc_now()
    assert first_moment(db.session(), "simulated", now=now) == now - OVERLAP
    purchase = buying.start()
    end_reading()
    assert first_moment(db.session(), "simulated", now=now) == purchase.opened_at - OVERLAP
    end_reading()
    report = run(now=now)
    assert report.since_at == purchase.opened_at - OVERLAP
    assert first_moment(db.session(), "simulated", now=now) == report.reached_at - OVERLAP == now - OVERLAP
    assert first_moment(db.session(), "simulated", now=now + 2 * LOOKS_BACK) == now + LOOKS_BACK
    assert first_moment(db.session(), "live", now=now) == now - OVERLAP


def test_a_run_from_a_later_moment_leaves_no_gap_behind_itself(buying):
    now = utc_now()
    change(buying.paid(), opened_at=now - 20 * HOUR)
    assert run(since=now).reached_at is None
    assert first_moment(db.session(), "simulated", now=now) == now - 21 * HOUR


def test_steps_meet_and_end_behind_the_last_second():
    since = dt.datetime(2026, 11, 1, 10, 0, 0, 500, tzinfo=dt.UTC)
    spans = list(steps(since, since + dt.timedelta(days=2, hours=3)))
    assert [span.since for span in spans[1:]] == [span.until for span in spans[:-1]]
    assert spans[0].since == since.replace(microsecond=0)
    assert spans[-1].until > since + dt.timedelta(days=2, hours=3)
    assert len(spans) == 3
    assert len(list(steps(since, since + dt.timedelta(days=400)))) in {MOST_STEPS, MOST_STEPS + 1}


def test_a_checkout_made_before_the_span_and_paid_in_it_is_seen(buying):
    purchase = buying.paid()
    made = int((utc_now() - CHECKOUT_LIFE + HOUR).timestamp())
    with buying.simulator.store.writing() as state:
        sql = "UPDATE sim_object SET created = ?, json = json_set(json, '$.created', ?) WHERE id = ?"
        state.rows(sql, made, made, purchase.session_id)
    assert ("missing", "checkout", "paid") in told(run(since=utc_now()))


def test_an_unsettled_purchase_older_than_any_list_is_asked_about(buying):
    purchase = buying.paid()
    change(purchase, opened_at=utc_now() - 3 * LOOKS_BACK)
    report = run(since=utc_now() + HOUR)
    assert report.purchases == 1
    assert buying.purchase(purchase).state == "paid"


def test_many_payments_are_read_page_by_page(buying, monkeypatch):
    monkeypatch.setattr("webapp.billing.gateway.payments.PAGE", 2)
    for number in range(5):
        buying.paid("starter", key=f"form:{number}")
    assert run().checkouts == 5
    assert buying.bought() == [100] * 5


def test_the_sweep_reconciles_and_counts_what_it_found(buying):
    buying.paid()
    swept = sweep_reconcile(utc_now())
    assert swept.settled >= 2
    assert swept.failed == 0
    assert sweep_reconcile(utc_now()) == Swept()
    buying.paid(key="form:2")
    buying.simulator.faults.refuse_connection("GET", LIST, times=100)
    assert sweep_reconcile(utc_now()) == Swept(failed=1)
    parts = buying.app.extensions["refill"]
    buying.app.extensions["refill"] = Parts(parts.settings, parts.catalog, None)
    assert sweep_reconcile(utc_now()) == Swept()


def change(purchase: Purchase, **facts) -> None:
    def work(session):
        stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
        for name, fact in facts.items():
            setattr(stored, name, fact)

    transact(work)
