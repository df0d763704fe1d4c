"""`flask stripe reconcile` and `flask stripe replay`: what they say is the same on both databases, so on one."""

import datetime as dt
import json

import pytest
from sqlalchemy import func, select, update

from tests.app.one_database import database_url
from tests.billing.test_reconcile import change, everything, run
from tests.billing.test_reconcile_outage import outage
from webapp.billing.models import WebhookEvent
from webapp.billing.reconcile.models import Reconciliation
from webapp.extensions import db, transact
from webapp.orm import utc_now

__all__ = ["database_url"]


class TestCommand:
    def test_it_says_what_it_looks_at_what_it_found_and_then_that_nothing_differs(self, buying):
        outage(buying)
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile"])
        assert ran.exit_code == 0, ran.output
        assert "3 checkouts, 0 purchases, 1 refund, 1 dispute" in ran.stdout
        assert "missing: Payment of 35.00 USD: paid at Stripe, open here: the credits were granted." in ran.stdout
        assert "missing: Refund of 20.00 USD: succeeded at Stripe, never heard of here: settled." in ran.stdout
        assert "events that never came were taken in." in ran.stdout
        assert "(0%): " in ran.stderr
        again = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile"])
        assert again.stdout.endswith("Nothing differs.\n")

    def test_its_report_as_json_has_every_finding(self, buying):
        outage(buying)
        since = f"{utc_now() - dt.timedelta(days=2):%Y-%m-%d}"
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile", "--since", since, "--json"])
        assert ran.exit_code == 0, ran.output
        report = json.loads(ran.stdout)
        assert (report["state"], report["refunds"], report["disputes"]) == ("finished", 1, 1)
        assert report["findings"] == len(report["found"])
        refund = next(one for one in report["found"] if one["object_kind"] == "refund")
        assert refund["expected"] == {"state": "succeeded", "amount_minor": 2000, "currency": "usd"}

    def test_a_stop_is_one_sentence_and_exit_status_1(self, buying):
        outage(buying)
        buying.simulator.faults.refuse_connection("GET", "/v1/checkout/sessions", times=100)
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile"])
        assert ran.exit_code == 1
        assert "Error: Stripe couldn't be reached. What was done so far stays; run this again." in ran.stderr

    def test_what_broke_alone_is_told_as_well(self, buying):
        outage(buying)
        buying.simulator.faults.answer("GET", "/v1/checkout/sessions/{id}", status=500, times=1)
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile"])
        assert ran.exit_code == 1
        assert "1 couldn't be looked at; the log says why. Run this again." in ran.stderr

    def test_what_still_waits_for_a_person_is_listed_by_every_run(self, buying):
        purchase = buying.paid()
        buying.tell_all()
        change(purchase, total_minor=1)
        run()
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile"])
        assert (
            "still waiting: Payment of 35.00 USD: paid on both sides, and not the same: nothing was done." in ran.stdout
        )
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile", "--json"])
        assert [one["purchase_id"] for one in json.loads(ran.stdout)["still_waiting"]] == [purchase.id]

    def test_a_time_that_is_none_is_refused(self, buying):
        ran = buying.app.test_cli_runner().invoke(args=["stripe", "reconcile", "--since", "yesterday"])
        assert ran.exit_code == 2
        with db.engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(Reconciliation)) == 0


class TestReplay:
    def replay(self, buying, event_id):
        return buying.app.test_cli_runner().invoke(args=["stripe", "replay", event_id])

    def test_an_event_that_never_came_is_fetched_and_taken_in_and_a_second_time_changes_nothing(self, buying):
        purchase = buying.paid()
        event_id = buying.told_types()["checkout.session.completed"]
        ran = self.replay(buying, event_id)
        assert (ran.exit_code, ran.stdout) == (0, f"{event_id}: handled (paid).\n")
        assert (buying.purchase(purchase).state, buying.event(event_id).came_by) == ("paid", "replay")
        before = everything(buying)
        assert self.replay(buying, event_id).stdout == f"{event_id}: handled (told_before).\n"
        assert everything(buying) == before

    def test_a_failed_event_is_taken_from_the_inbox(self, buying):
        buying.paid()
        event_id = buying.told_types()["checkout.session.completed"]
        buying.simulator.faults.answer("GET", "/v1/checkout/sessions/{id}", status=500, times=1)
        assert buying.tell(event_id).status_code == 503
        buying.asked.clear()
        assert self.replay(buying, event_id).stdout == f"{event_id}: handled (paid).\n"
        assert not [call for call in buying.asked if "/events/" in call]
        assert (buying.event(event_id).came_by, buying.event(event_id).attempts) == ("webhook", 2)

    def test_a_failure_is_one_sentence_and_stored(self, buying):
        buying.paid()
        event_id = buying.told_types()["checkout.session.completed"]
        buying.simulator.faults.answer("GET", "/v1/checkout/sessions/{id}", status=500, times=1)
        ran = self.replay(buying, event_id)
        assert (ran.exit_code, "Stripe couldn't be reached" in ran.stderr) == (1, True)
        assert buying.event(event_id).state == "failed"

    @pytest.mark.parametrize("event_id", ["evt_sim_nothing", "no/id", "é", ""])
    def test_an_event_that_nobody_has_is_one_sentence(self, buying, event_id):
        ran = self.replay(buying, event_id)
        assert ran.exit_code == 1
        assert "There is no such event, neither here nor at Stripe" in ran.stderr

    def test_an_ignored_event_stays_ignored(self, buying):
        buying.paid()
        buying.tell_all()
        transact(lambda session: session.execute(update(WebhookEvent).values(state="ignored", reason="mode")))
        event_id = next(event.id for event in buying.events() if event.type == "charge.succeeded")
        assert self.replay(buying, event_id).stdout == f"{event_id}: ignored (unknown_type).\n"
