"""Plans without webhooks: subscribed, renewed, ended, and given month by month by the worker alone."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.billing.subscribing import ROLLING, START, YEARLY, at
from tests.billing.telling import event_about, post
from webapp.billing.models import StripeCustomer
from webapp.billing.subscriptions.models import Subscription
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger.operations import spend
from webapp.orm import utc_now
from webapp.worker.allowances import sweep_allowances
from webapp.worker.parked import WAITS, sweep_parked
from webapp.worker.plans import READ_EVERY, SUBSCRIPTIONS_PER_RUN, over_subscriptions, sweep_plans
from webapp.worker.rounds import UNREACHABLE_UNTIL_REST
from webapp.worker.sweeps import Swept

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
READ = ("GET", "/v1/subscriptions/{id}")


def change(**facts):
    transact(lambda session: session.execute(update(Subscription).values(**facts)))


def settle_days(*days, start=START):
    """The sweeps of plans and allowances a minute after each of these days."""
    for day in days:
        with at(start + dt.timedelta(days=day) + MINUTE):
            sweep_plans(utc_now())
            sweep_allowances(utc_now())


class TestPlans:
    def test_what_was_subscribed_to_is_given_although_nobody_told_us(self, subscribing):
        subscribing.subscribe()
        assert sweep_plans(utc_now()) == Swept(settled=1)
        assert [given[:2] for given in subscribing.given()] == [("base", 500)]
        subscribing.asked.clear()
        assert sweep_plans(utc_now() + MINUTE) == Swept()
        assert subscribing.asked == [], "its period is not over"
        subscribing.assert_sound()

    def test_a_renewal_that_nobody_told_is_found_when_the_period_is_over(self, subscribing):
        with at(START):
            subscription_id = subscribing.subscribe()
            sweep_plans(utc_now())
        ends_at = subscribing.row().period_ends_at
        with at(ends_at + MINUTE):
            subscribing.simulator.renew(subscription_id)
            assert sweep_plans(utc_now()) == Swept(settled=1)
            assert [what for what, _, _ in subscribing.given()] == ["base", "base"]
            assert sweep_plans(utc_now()) == Swept()
        subscribing.assert_sound()

    def test_a_late_renewal_is_asked_for_once_an_hour(self, subscribing):
        with at(START):
            subscribing.subscribe()
            sweep_plans(utc_now())
        ends_at = subscribing.row().period_ends_at
        for minutes, is_asked in ((1, True), (30, False), (61, True), (62, False)):
            subscribing.asked.clear()
            with at(ends_at + minutes * MINUTE):
                assert sweep_plans(utc_now()) == Swept(), "Stripe says the same"
            assert bool(subscribing.asked) is is_asked, minutes

    def test_an_end_that_nobody_told_is_found(self, subscribing):
        with at(START):
            subscription_id = subscribing.subscribe()
            sweep_plans(utc_now())
            subscribing.simulator.cancel(subscription_id, at_period_end=True)
        with at(subscribing.row().period_ends_at + MINUTE):
            subscribing.simulator.renew(subscription_id)
            assert sweep_plans(utc_now()) == Swept(settled=1)
            assert subscribing.row().ended_at is not None
            subscribing.asked.clear()
            sweep_plans(utc_now() + 2 * HOUR)
            assert subscribing.asked == []

    def test_one_that_breaks_waits_its_hour_and_stops_no_other(self, subscribing):
        with at(START):
            subscribing.subscribe()
            sweep_plans(utc_now())
        with at(subscribing.row().period_ends_at + MINUTE):
            subscribing.simulator.faults.answer(*READ, status=400)
            assert sweep_plans(utc_now()) == Swept(failed=1)
            subscribing.asked.clear()
            assert sweep_plans(utc_now() + MINUTE) == Swept()
            assert subscribing.asked == []
        with at(subscribing.row().read_at + HOUR):
            subscribing.simulator.renew(subscribing.row().id)
            assert sweep_plans(utc_now()) == Swept(settled=1)

    def test_one_that_stripe_does_not_know_waits_its_hour(self, subscribing):
        with at(START):
            subscribing.subscribe()
            sweep_plans(utc_now())
            change(id="sub_sim_gone")
        with at(subscribing.row().period_ends_at + MINUTE):
            assert sweep_plans(utc_now()) == Swept()
            assert over_subscriptions(db.session(), "simulated", now=utc_now()) == []
            end_reading()

    def test_out_of_reach_is_no_answer_and_is_asked_again_at_once(self, subscribing):
        with at(START):
            subscribing.subscribe()
            sweep_plans(utc_now())
        with at(subscribing.row().period_ends_at + MINUTE):
            subscribing.simulator.faults.refuse_connection(*READ, times=1)
            assert sweep_plans(utc_now()) == Swept(failed=1)
            assert len(over_subscriptions(db.session(), "simulated", now=utc_now())) == 1
            end_reading()

    def test_subscriptions_of_another_mode_wait_for_their_own_stripe(self, subscribing):
        with at(START):
            subscribing.subscribe()
            sweep_plans(utc_now())
        change(stripe_mode="live")
        subscribing.asked.clear()
        with at(subscribing.row().period_ends_at + MINUTE):
            assert sweep_plans(utc_now()) == Swept()
            assert sweep_allowances(utc_now()) == Swept()
        assert subscribing.asked == []
        assert (READ_EVERY, SUBSCRIPTIONS_PER_RUN, UNREACHABLE_UNTIL_REST) == (HOUR, 200, 3)


class TestAllowances:
    def test_the_months_of_a_paid_year_are_given_as_they_begin(self, subscribing):
        subscribing.sell(YEARLY)
        with at(START):
            subscribing.subscribe("yearly")
            sweep_plans(utc_now())
        settle_days(1, 28, 28, 59, 89)  # 1 and 28 February, 31 March, 30 April
        begins = [one.starts_at.date().isoformat() for one in subscribing.periods()]
        assert begins == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
        assert [given[1] for given in subscribing.given()] == [500] * 4
        subscribing.assert_sound()

    def test_months_that_nobody_gave_in_time_are_over(self, subscribing):
        subscribing.sell(YEARLY)
        with at(START):
            subscribing.subscribe("yearly")
            sweep_plans(utc_now())
        settle_days(100)
        assert [one.starts_at.date().isoformat() for one in subscribing.periods()] == ["2026-01-31", "2026-04-30"]

    def test_what_rolls_over_is_given_once_the_old_period_has_ended(self, subscribing):
        subscribing.sell(ROLLING)
        with at(START):
            subscription_id = subscribing.subscribe("rolling")
            sweep_plans(utc_now())
            account = subscribing.user.account_id
            transact(lambda s: spend(s, account, credits=450, key="w", description="", now=utc_now()))
        with at(subscribing.row().period_ends_at + MINUTE):
            subscribing.simulator.renew(subscription_id)
            sweep_plans(utc_now())
            sweep_allowances(utc_now())
            assert [given[:2] for given in subscribing.given()] == [("base", 500), ("base", 500), ("rolled", 50)]
            assert sweep_allowances(utc_now()) == Swept()
        subscribing.assert_sound()

    def test_one_that_fails_stops_no_other_and_is_tried_again(self, subscribing):
        subscribing.sell(YEARLY)
        with at(START):
            subscribing.subscribe("yearly")
            sweep_plans(utc_now())
        sold = parts()
        subscribing.app.extensions["refill"] = replace(
            sold, catalog=replace(sold.catalog, plans=sold.catalog.plans[:3])
        )
        with at(START + dt.timedelta(days=28, minutes=1)):
            assert sweep_allowances(utc_now()) == Swept(failed=1)
            subscribing.app.extensions["refill"] = sold
            assert sweep_allowances(utc_now()) == Swept(settled=1)


class TestParkedEvents:
    @pytest.fixture
    def parked(self, subscribing):
        """An event of a subscription that nobody here knows: without metadata of ours, of an unknown customer."""
        subscription_id = subscribing.subscribe()
        stranger = subscribing.at_stripe(subscription_id) | {"metadata": {}}
        with subscribing.simulator.store.writing() as state:
            state.save(stranger)
        told = event_about(stranger, "customer.subscription.updated", "evt_sim_parked")
        assert post(subscribing.app, told).status_code == 200
        assert subscribing.event("evt_sim_parked").state == "parked"
        return stranger

    def test_one_waits_without_a_question_to_stripe(self, subscribing, parked):
        subscribing.asked.clear()
        assert sweep_parked(utc_now()) == Swept()
        assert subscribing.asked == []
        assert subscribing.event("evt_sim_parked").state == "parked"

    def test_one_is_taken_in_once_its_customer_is_known(self, subscribing, parked):
        known = StripeCustomer(
            account_id=subscribing.user.account_id,
            stripe_mode="simulated",
            customer_id=parked["customer"],
            created_at=utc_now(),
        )
        transact(lambda session: session.add(known))
        assert sweep_parked(utc_now()) == Swept(settled=1)
        event = subscribing.event("evt_sim_parked")
        assert (event.state, event.came_by, event.account_id) == ("handled", "webhook", subscribing.user.account_id)
        assert [given[:2] for given in subscribing.given()] == [("base", 500)]
        assert sweep_parked(utc_now()) == Swept()

    def test_one_that_nobody_came_to_know_is_let_go_after_three_days(self, subscribing, parked):
        received = subscribing.event("evt_sim_parked").received_at
        assert sweep_parked(received + WAITS - MINUTE) == Swept()
        assert sweep_parked(received + WAITS) == Swept(settled=1)
        event = subscribing.event("evt_sim_parked")
        assert (event.state, event.reason, event.came_by) == ("ignored", "never_known", "webhook")
        assert sweep_parked(received + 2 * WAITS) == Swept()
        assert json.loads(event.body)["id"] == "evt_sim_parked"
