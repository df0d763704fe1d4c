"""`flask doctor`: each thing that can be wrong is named, with what to do, and no check hides another."""

import datetime as dt
import json
import threading

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from tests.billing import returning
from tests.billing.doctoring import PUBLIC, URL, look, real, states, with_settings
from tests.billing.test_reconcile import change, run
from webapp.billing.models import WebhookEvent
from webapp.billing.reconcile.models import Reconciliation, ReconciliationFinding
from webapp.doctor import run as doctor
from webapp.doctor import stripe
from webapp.doctor.check import Diagnosis, age_text, counted
from webapp.extensions import db, transact
from webapp.orm import utc_now
from webapp.worker.loop import run_once
from webapp.worker.models import SweepRun

__all__ = ["real", "with_settings"]


def test_an_installation_that_runs_and_is_used_has_nothing_bad(buying):
    buying.paid()
    buying.tell_all()
    run_once()
    assert {name: state for name, state in states().items() if state != "ok"} == {}
    assert look("ledger").sentence == "All 1 balance matches."
    assert look("webhooks").sentence.startswith("Stripe last reached this server ")


def test_the_command_prints_a_line_for_each_and_ends_with_1_where_something_is_bad(buying):
    runner = buying.app.test_cli_runner()
    ran = runner.invoke(args=["doctor"])
    assert ran.exit_code == 1, "no worker has run"
    assert "bad   worker          The worker has never run. Start `flask worker`." in ran.stdout
    run_once()
    ran = runner.invoke(args=["doctor"])
    assert (ran.exit_code, len(ran.stdout.splitlines())) == (0, len(doctor.DIAGNOSES))
    ran = runner.invoke(args=["doctor", "--json", "--deep"])
    assert ran.exit_code == 0
    assert {check["name"] for check in json.loads(ran.stdout)} == {one.name for one in doctor.DIAGNOSES}


class TestWebhooks:
    def test_a_server_that_stripe_never_reached_is_told_the_address(self, real):
        """Nobody has bought yet: there is time to put it right."""
        found = look("webhooks")
        assert found.state == "warn"
        assert found.sentence == (
            f"Stripe has never reached this server. Check the endpoint: its address must be {PUBLIC}/api/stripe/webhook"
        )

    def test_before_anybody_bought_in_simulation_nothing_is_missing(self, buying):
        assert look("webhooks").state == "ok"

    def test_payments_without_any_webhook_are_bad(self, buying):
        purchase = buying.paid()
        buying.settle(purchase)
        found = look("webhooks")
        assert (found.state, URL in found.sentence) == ("bad", True)
        run()
        assert look("webhooks") == found, "what a reconciliation found hasn't reached us"

    def test_events_that_never_came_are_bad_until_webhooks_arrive_again(self, buying):
        buying.paid(key="form:1")
        buying.tell_all()
        assert look("webhooks").state == "ok"
        buying.paid(key="form:2")
        returning.taken(buying)
        run()
        found = look("webhooks")
        assert (found.state, found.facts["never_came"]) == ("bad", 2)
        buying.paid(key="form:3")
        buying.tell_all()
        assert (look("webhooks").state, "arrive again" in look("webhooks").sentence) == ("warn", True)
        long_ago = utc_now() - dt.timedelta(days=2)
        transact(lambda session: session.execute(update(ReconciliationFinding).values(found_at=long_ago)))
        assert look("webhooks").state == "ok"

    def test_late_ones_are_told(self, buying):
        buying.paid()
        buying.tell_all()
        earlier = utc_now() - dt.timedelta(hours=2, minutes=1)
        transact(lambda session: session.execute(update(WebhookEvent).values(created_at=earlier)))
        assert (look("webhooks").state, "up to 2 hours late" in look("webhooks").sentence) == ("warn", True)


class TestEvents:
    @pytest.mark.parametrize(("age", "state"), [(dt.timedelta(minutes=5), "warn"), (dt.timedelta(hours=2), "bad")])
    def test_failed_and_parked_ones_are_counted_with_the_oldest(self, buying, age, state):
        buying.paid()
        buying.tell_all()
        assert look("events").state == "ok"
        then = utc_now() - age
        of = WebhookEvent.type == "checkout.session.completed"
        changes = {"state": "failed", "received_at": then}
        transact(lambda session: session.execute(update(WebhookEvent).where(of).values(**changes)))
        of_payment = WebhookEvent.type == "payment_intent.succeeded"
        transact(lambda session: session.execute(update(WebhookEvent).where(of_payment).values(state="parked")))
        found = look("events")
        assert (found.state, found.facts) == (state, {"failed": 1, "parked": 1})
        assert age_text(age) in found.sentence

    def test_events_of_another_mode_are_told(self, buying):
        buying.paid()
        buying.tell_all()
        assert look("strangers").state == "ok"
        transact(lambda session: session.execute(update(WebhookEvent).values(state="ignored", reason="mode")))
        assert look("strangers").state == "warn"


class TestMoney:
    def test_a_quarantined_payment_is_bad(self, buying):
        purchase = buying.paid()
        change(purchase, amount_minor=1)
        buying.tell_all()
        change(purchase, settled_at=utc_now() - dt.timedelta(days=3, minutes=1))
        assert (look("purchases").state, look("purchases").facts) == ("bad", {"quarantined": 1})
        assert "the oldest since 3 days" in look("purchases").sentence

    def test_a_purchase_that_nobody_settles_is_told_and_one_at_a_bank_is_not(self, buying):
        purchase = buying.paid(outcome="delayed_succeeds")
        assert look("purchases").state == "ok"
        buying.settle(purchase)
        assert (look("purchases").state, look("purchases").facts) == ("ok", {"processing": 1})
        change(purchase, opened_at=utc_now() - dt.timedelta(days=20))
        assert (look("purchases").state, purchase.reference in look("purchases").sentence) == ("warn", True)

    def test_an_open_dispute_is_told_until_it_ends(self, buying):
        purchase = buying.paid()
        dispute = returning.dispute(buying, purchase, "withdraw")
        run()
        assert (look("disputes").state, look("disputes").facts) == ("warn", {"disputes": 1})
        returning.move(buying, dispute["id"], "win")
        run()
        assert look("disputes").state == "ok"

    def test_simulated_grants_beside_real_money_are_bad(self, buying, with_settings):
        buying.settle(buying.paid())
        assert look("simulated").state == "ok"
        key = SecretStr("sk_test_simulated")
        with_settings(stripe_mode="test", stripe_secret_key=key)
        assert look("simulated").state == "warn"
        with_settings(stripe_mode="live", stripe_secret_key=key)
        assert look("simulated").state == "bad"


class TestReconciliation:
    def test_its_age_and_its_stop_are_told(self, buying):
        buying.paid()
        assert (look("reconciliation").state, "never compared" in look("reconciliation").sentence) == ("warn", True)
        run()
        assert look("reconciliation").state == "ok"
        for hours, state in ((4, "warn"), (25, "bad")):
            then = utc_now() - dt.timedelta(hours=hours)
            transact(lambda session, then=then: session.execute(update(Reconciliation).values(reached_at=then)))
            assert look("reconciliation").state == state
        run()
        buying.simulator.faults.refuse_connection("GET", "/v1/checkout/sessions", times=99)
        run()
        assert (look("reconciliation").state, "stopped: Stripe" in look("reconciliation").sentence) == ("warn", True)

    def test_what_needs_a_person_is_bad(self, buying):
        purchase = buying.paid()
        buying.tell_all()
        change(purchase, total_minor=1)
        run()
        assert (look("reconciliation").state, look("reconciliation").facts) == ("bad", {"findings": 1})


class TestStorage:
    def test_another_migration_is_bad(self, buying):
        assert look("migrations").state == "ok"
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        assert (look("migrations").state, "flask db upgrade" in look("migrations").sentence) == ("bad", True)

    def test_a_late_sweep_is_bad_where_money_waits_for_it(self, buying):
        run_once()
        assert look("worker").state == "ok"
        late = utc_now() - dt.timedelta(days=1)
        for name, state in (("exports", "warn"), ("purchases", "bad")):
            of = SweepRun.name == name
            transact(lambda session, of=of: session.execute(update(SweepRun).where(of).values(finished_at=late)))
            assert (look("worker").state, f"{name} (1440 min)" in look("worker").sentence) == (state, True)

    def test_a_ledger_that_does_not_add_up_is_bad_in_the_sample_in_the_whole_and_on_the_page(self, buying):
        buying.settle(buying.paid())
        run_once()
        with db.engine.begin() as connection:
            broken = "UPDATE accounts SET available = available + 1 WHERE id = :id"
            connection.execute(text(broken), {"id": buying.user.account_id})
        assert look("ledger").state == "bad"
        deep = next(iter(doctor.all_checks(is_deep=True, diagnoses=[doctor.DIAGNOSES[-1]])))
        assert (deep.name, deep.state) == ("ledger", "bad")
        as_swept = {check.name: check for check in doctor.cheap_checks()}["ledger"]
        assert (as_swept.state, "1 balance matches" in as_swept.sentence) == ("ok", True), "as of the last look"
        run_once()
        as_swept = {check.name: check for check in doctor.cheap_checks()}["ledger"]
        assert (as_swept.state, "flask credits verify" in as_swept.sentence) == ("bad", True)

    @pytest.mark.parametrize(("away", "state"), [(1, "ok"), (60, "warn"), (-60, "warn"), (280, "bad")])
    def test_a_clock_that_is_out_is_told(self, buying, monkeypatch, away, state):
        theirs = utc_now() + dt.timedelta(seconds=away)
        monkeypatch.setattr(buying.app.extensions["refill"].gateway, "clock", lambda: theirs)
        assert look("clock").state == state

    def test_our_clock_is_compared_with_stripes(self, buying):
        assert (look("clock").state, look("clock").facts["compared_with"]) == ("ok", "Stripe's")
        assert abs(buying.gateway.clock() - utc_now()) < dt.timedelta(seconds=5)

    def test_without_stripes_clock_the_databases_is_compared(self, buying, monkeypatch):
        monkeypatch.setattr(buying.app.extensions["refill"].gateway, "clock", lambda: None)
        assert look("clock").state == "ok"
        if db.engine.dialect.name == "postgresql":
            assert look("clock").facts["compared_with"] == "the database's"
            monkeypatch.setattr(stripe, "machine_now", lambda: utc_now() + dt.timedelta(minutes=1))
            assert look("clock").state == "warn"


class TestAlone:
    def test_a_check_that_breaks_is_bad_and_hides_no_other(self, buying):
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE webhook_events RENAME TO hidden"))
        found = {check.name: check for check in doctor.cheap_checks()}
        assert (found["webhooks"].state, "couldn't be looked at" in found["webhooks"].sentence) == ("bad", True)
        assert (found["purchases"].state, found["migrations"].state) == ("ok", "ok")
        assert len(found) == len(doctor.CHEAP)

    def test_a_check_that_takes_too_long_is_left_behind(self, buying, monkeypatch):
        monkeypatch.setattr(doctor, "SECONDS", 0.05)
        ended = threading.Event()
        slow = Diagnosis("slow", lambda _look: ended.wait(10) and ("ok", "At last."))
        found = list(doctor.all_checks(diagnoses=[slow, Diagnosis("next", lambda _look: ("ok", "Fine."))]))
        ended.set()
        assert [(check.name, check.state) for check in found] == [("slow", "bad"), ("next", "ok")]
        assert "took more than" in found[0].sentence

    def test_the_cheap_ones_ask_nobody(self, buying):
        buying.asked.clear()
        doctor.cheap_checks()
        assert buying.asked == []
        assert db.engine.pool.checkedout() == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 hour"), (172799, "1 day"), (-5, "0 s")],
)
def test_ages_are_said_in_one_word(seconds, words):
    assert age_text(dt.timedelta(seconds=seconds)) == words


def test_numbers_and_their_words_agree():
    assert (counted(1, "event is", "events are"), counted(1000, "event", "events")) == ("1 event is", "1,000 events")
