"""Subscriptions compared with Stripe, the doctor's checks of plans, and the customer portal's settings at Stripe."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, inspect, update

from tests.billing.doctoring import look
from tests.billing.subscribing import MAX, START, at
from webapp.billing.models import StripeCustomer, StripePrice, WebhookEvent
from webapp.billing.reconcile.records import findings_of
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.billing.subscriptions.portal_settings import LATER, our_portal
from webapp.extensions import db, end_reading, parts, transact
from webapp.orm import utc_now
from webapp.web.plans import portal_address
from webapp.web.prices import sync_now
from webapp.web.reconcile import reconcile
from webapp.web.reconcile.words import finding_sentence
from webapp.worker.plans import sweep_plans


def run(**more):
    """A reconciliation: its numbers, and its findings of subscriptions."""
    report = reconcile(started_by="command", now=utc_now(), **more)
    found = findings_of(db.session(), report.id)
    end_reading()
    assert report.state == "finished"
    return report, [one for one in found if one.object_kind == "subscription"]


def change(**facts):
    transact(lambda session: session.execute(update(Subscription).values(**facts)))


class TestReconciling:
    def test_a_subscription_that_nobody_told_is_given_and_told_once(self, subscribing):
        subscription_id = subscribing.subscribe()
        report, (found,) = run()
        assert (found.kind, found.object_id, found.done) == ("missing", subscription_id, "settled")
        assert (found.account_id, found.needs_person) == (subscribing.user.account_id, False)
        assert finding_sentence(found) == "Subscription: active at Stripe, never heard of here: settled."
        assert [given[:2] for given in subscribing.given()] == [("base", 500)]
        assert report.subscriptions == 1
        report, found = run()
        assert (report.subscriptions, found, report.failed) == (2, [], 0)
        subscribing.assert_sound()

    def test_a_change_that_nobody_told_is_found_however_old_the_subscription_is(self, subscribing):
        with at(START):
            subscription_id = subscribing.subscribe()
            sweep_plans(utc_now())
        with at(subscribing.row().period_ends_at):
            run()
            subscribing.simulator.deliveries.waiting()
            subscribing.simulator.cancel(subscription_id, at_period_end=False)
            _, (found,) = run(since=utc_now())
        assert (found.kind, found.found["state"], found.expected["state"]) == ("differs", "active", "canceled")
        assert subscribing.row().ended_at is not None

    def test_one_of_nobody_waits_for_a_person(self, subscribing):
        subscribing.subscribe()
        transact(lambda session: session.execute(delete(PlanCheckout)))
        transact(lambda session: session.execute(delete(StripeCustomer)))
        _, (found,) = run()
        assert (found.kind, found.needs_person, found.account_id) == ("missing", True, None)
        assert "active at Stripe, and no account of ours" in finding_sentence(found)
        assert subscribing.given() == []

    def test_one_that_stripe_has_no_more_is_told_and_left(self, subscribing):
        subscribing.subscribe()
        sweep_plans(utc_now())
        change(id="sub_sim_gone")
        _, found = run()
        extra = next(one for one in found if one.kind == "extra")
        assert (extra.object_id, extra.needs_person) == ("sub_sim_gone", True)
        assert "unknown at Stripe" in finding_sentence(extra)

    def test_a_plan_that_the_catalogue_has_no_more_waits_for_a_person_and_stops_nothing(self, subscribing):
        subscribing.sell(MAX)
        subscribing.subscribe("max")
        sold = parts()
        without = replace(sold.catalog, plans=sold.catalog.plans[:-1])
        subscribing.app.extensions["refill"] = replace(sold, catalog=without)
        _, (found,) = run()
        assert (found.kind, found.needs_person) == ("differs", True)
        assert "the catalogue has no such plan" in finding_sentence(found)

    def test_subscriptions_of_other_applications_are_passed_by(self, subscribing):
        subscription_id = subscribing.subscribe()
        with subscribing.simulator.store.writing() as state:
            state.save(state.load("subscription", subscription_id) | {"metadata": {}})
        transact(lambda session: session.execute(delete(PlanCheckout)))
        report, found = run()
        assert (report.subscriptions, found) == (1, [])


class TestTheDoctor:
    def test_all_is_well_with_a_subscriber(self, subscribing):
        subscribing.subscribe()
        sweep_plans(utc_now())
        for name, words in (
            ("plans", "All 2 plans have their Prices"),
            ("subscriptions", "1 subscription is alive."),
            ("portal", "offers what the catalogue sells."),
        ):
            found = look(name)
            assert (found.state, words in found.sentence) == ("ok", True), found

    def test_a_plan_without_a_working_price_is_bad(self, subscribing):
        lowered = update(StripePrice).where(StripePrice.lookup_key == "refill_plan_plus").values(amount_minor=1)
        transact(lambda session: session.execute(lowered))
        found = look("plans")
        assert (found.state, found.facts) == ("bad", {"plans": ["plus"]})

    def test_two_live_subscriptions_of_one_account_are_bad(self, subscribing):
        subscribing.subscribe()
        sweep_plans(utc_now())
        row = subscribing.row()
        facts = {name: getattr(row, name) for name, _ in inspect(Subscription).columns.items()} | {"id": "sub_sim_2"}
        transact(lambda session: session.add(Subscription(**facts)))
        found = look("subscriptions")
        assert (found.state, found.facts) == ("bad", {"accounts": [subscribing.user.account_id]})

    def test_a_subscription_to_a_plan_that_is_gone_is_bad(self, subscribing):
        subscribing.subscribe()
        sweep_plans(utc_now())
        change(plan_slug="old")
        found = look("subscriptions")
        assert (found.state, found.facts) == ("bad", {"gone": {"old": 1}})

    def test_a_portal_of_an_older_catalogue_is_told(self, subscribing):
        sold = parts()
        fewer = replace(sold.catalog, plans=sold.catalog.plans[:-1])
        subscribing.app.extensions["refill"] = replace(sold, catalog=fewer)
        assert look("portal").state == "warn"
        sync_now()
        assert look("portal").state == "ok"

    def test_no_portal_is_bad_and_stripe_out_of_reach_is_told(self, subscribing):
        with subscribing.simulator.store.writing() as state:
            held = our_portal(subscribing.gateway)[0]
            state.save(state.load("billing_portal.configuration", held) | {"metadata": {}})
        assert look("portal").state == "bad"
        subscribing.simulator.faults.refuse_connection("GET", "/v1/billing_portal/configurations", times=1)
        assert look("portal").sentence == "Stripe couldn't be reached."

    @pytest.mark.parametrize("state", ["parked"])
    def test_a_parked_event_waits(self, subscribing, state):
        subscribing.subscribe()
        subscribing.tell_all()
        transact(lambda session: session.execute(update(WebhookEvent).values(state=state)))
        assert "parked" in look("events").sentence


class TestThePortal:
    def test_it_offers_what_the_catalogue_sells_and_nothing_more(self, subscribing):
        held, _ = our_portal(subscribing.gateway)
        with subscribing.simulator.store.reading() as state:
            features = state.load("billing_portal.configuration", held)["features"]
        assert features["subscription_cancel"]["mode"] == "at_period_end"
        assert features["invoice_history"]["enabled"]
        assert features["payment_method_update"]["enabled"]
        switching = features["subscription_update"]
        assert (switching["proration_behavior"], switching["default_allowed_updates"]) == ("always_invoice", ["price"])
        assert switching["schedule_at_period_end"]["conditions"] == LATER
        offered = [price for product in switching["products"] for price in product["prices"]]
        assert offered == [subscribing.price_of("plus"), subscribing.price_of("pro")]
        assert not features["subscription_pause"]["enabled"]

    def test_a_sync_makes_it_once_and_brings_it_to_the_catalogue(self, subscribing):
        assert sync_now().portal == "unchanged"
        held = our_portal(subscribing.gateway)
        subscribing.sell(MAX)
        changed = our_portal(subscribing.gateway)
        assert changed[0] == held[0]
        assert changed[1] != held[1]
        assert len(subscribing.gateway.portal_configurations()) == 1
        assert sync_now().portal == "unchanged"

    def test_a_plan_that_is_not_sold_any_more_can_not_be_switched_to(self, subscribing):
        sold = parts()
        plans = tuple(replace(one, is_active=one.slug != "pro") for one in sold.catalog.plans)
        subscribing.app.extensions["refill"] = replace(sold, catalog=replace(sold.catalog, plans=plans))
        held = our_portal(subscribing.gateway)[0]
        assert sync_now().portal == f"portal {held} updated"
        with subscribing.simulator.store.reading() as state:
            switching = state.load("billing_portal.configuration", held)["features"]["subscription_update"]
        assert [one["prices"] for one in switching["products"]] == [[subscribing.price_of("plus")]]

    def test_people_are_sent_to_ours_and_not_to_the_accounts_default(self, subscribing):
        subscribing.subscribe()
        sweep_plans(utc_now())
        held = our_portal(subscribing.gateway)[0]
        with subscribing.simulator.store.writing() as state:
            state.save(state.load("billing_portal.configuration", held) | {"is_default": False})
        portal_address(subscribing.user.account_id, None)
        with subscribing.simulator.store.reading() as state:
            (row,) = state.rows("SELECT id FROM sim_object WHERE type = 'billing_portal.session'")
            opened = state.load("billing_portal.session", row["id"])
        assert opened["configuration"] == held
        assert opened["return_url"].endswith("/billing?portal=return")
