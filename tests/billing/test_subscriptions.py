"""A subscription's life, told in order: what is mirrored, what is given, when it ends."""

import datetime as dt
from dataclasses import replace

import pytest

from tests.billing.subscribing import MAX, ROLLING, START, TRIAL, YEARLY, YEARLY_PRO, Subscribing, at
from tests.support.browsing import sign_in
from webapp.billing.errors import AlreadySubscribed, PackLocked, UnknownPlan
from webapp.billing.models import StripeCustomer
from webapp.extensions import db, parts, transact
from webapp.ledger.operations import spend
from webapp.orm import utc_now
from webapp.web.plans import refresh_subscription, settle_plan

FEBRUARY, MARCH, APRIL = (
    dt.datetime(2026, month, day, 12, tzinfo=dt.UTC) for month, day in ((2, 28), (3, 31), (4, 30))
)


def use(subscribing: Subscribing, credits: int) -> None:
    account_id, key = subscribing.user.account_id, f"use:{utc_now().isoformat()}:{credits}"
    transact(lambda session: spend(session, account_id, credits=credits, key=key, now=utc_now()))


def test_whoever_subscribes_gets_the_allowance_once_until_the_period_ends(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        for _ in range(3):
            assert {answer.status_code for answer in subscribing.tell_all()} == {200}
        row = subscribing.row()
        assert (row.id, row.plan_slug, row.status, row.billed_every) == (subscription_id, "plus", "active", "month")
        assert (row.card_brand, row.card_last4) == ("visa", "4242")
        assert (row.period_starts_at, row.period_ends_at) == (START, FEBRUARY)
        assert subscribing.given() == [("base", 500, FEBRUARY)]
        assert db.session.get_one(StripeCustomer, (row.account_id, "simulated")).customer_id == row.customer_id


def test_the_page_they_come_back_to_settles_without_any_webhook(subscribing):
    with at(START):
        opened = subscribing.open()
        subscribing.simulator.pay(opened.session_id)
        settled = settle_plan(subscribing.user.account_id, opened.session_id, now=utc_now())
        assert (settled.state, settled.subscription_id) == ("complete", subscribing.row().id)
        assert subscribing.given() == [("base", 500, FEBRUARY)]
        assert settle_plan(subscribing.user.account_id, opened.session_id, now=utc_now()).state == "complete"
        subscribing.tell_all()
        assert subscribing.given() == [("base", 500, FEBRUARY)]


def test_each_renewal_gives_anew_and_the_rest_of_the_old_one_expires(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
        use(subscribing, 100)
    for moment, following in ((FEBRUARY, MARCH), (MARCH, APRIL)):
        with at(moment):
            subscribing.simulator.renew(subscription_id)
            subscribing.tell_all()
            assert subscribing.given()[-1] == ("base", 500, following)
            use(subscribing, 500)
            assert subscribing.row().period_ends_at == following
            subscribing.assert_sound()
    assert len(subscribing.given()) == 3


def test_a_failed_renewal_gives_nothing_until_it_is_paid(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
    with at(FEBRUARY):
        invoice = subscribing.simulator.renew(subscription_id, "failed")["latest_invoice"]
        subscribing.tell_all()
        row = subscribing.row()
        assert (row.status, row.problem, len(subscribing.given())) == ("past_due", "failed", 1)
        assert row.problem_at == FEBRUARY
        assert row.retries_at is not None
        assert invoice in row.invoice_url
    with at(FEBRUARY + dt.timedelta(days=3)):
        subscribing.simulator.retry_payment(invoice, "paid")
        subscribing.tell_all()
        row = subscribing.row()
        assert (row.status, row.problem, row.problem_at, row.invoice_url) == ("active", "", None, "")
        assert subscribing.given()[1:] == [("base", 500, MARCH)]


def test_an_invoice_that_is_paid_after_its_period_gives_nothing(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
    with at(FEBRUARY):
        invoice = subscribing.simulator.renew(subscription_id, "failed")["latest_invoice"]
    with at(MARCH + dt.timedelta(days=1)):
        subscribing.simulator.retry_payment(invoice, "paid")
        subscribing.tell_all()
        assert len(subscribing.given()) == 1


def test_the_bank_that_asks_is_told_apart_from_a_payment_that_failed(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id, "asks")
        subscribing.tell_all()
        assert subscribing.row().problem == "action"


def test_a_better_plan_gives_the_difference_for_what_is_left_of_the_period(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
    middle = START + (FEBRUARY - START) / 2
    with at(middle):
        subscribing.simulator.switch_plan(subscription_id, subscribing.price_of("pro"))
        subscribing.tell_all()
        assert subscribing.given() == [("base", 500, FEBRUARY), ("to:2000", 750, FEBRUARY)]
        for slug in ("plus", "pro"):  # down and up again
            subscribing.simulator.switch_plan(subscription_id, subscribing.price_of(slug))
            subscribing.tell_all()
        assert len(subscribing.given()) == 2
        (period,) = subscribing.periods()
        assert (period.given_credits, period.highest_credits) == (1250, 2000)
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert subscribing.given()[2:] == [("base", 2000, MARCH)]


def test_two_switches_in_one_period_give_each_step_once(subscribing):
    subscribing.sell(MAX)
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
    for share, slug in ((4, "pro"), (2, "max")):
        with at(FEBRUARY - (FEBRUARY - START) / share):
            subscribing.simulator.switch_plan(subscription_id, subscribing.price_of(slug))
            subscribing.tell_all()
    given = [granted for _, granted, _ in subscribing.given()]
    assert given == [500, 375, 1500]


def test_a_worse_plan_keeps_what_was_given_and_counts_from_the_next_period(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe("pro")
        subscribing.tell_all()
    with at(START + dt.timedelta(days=5)):
        subscribing.simulator.switch_plan(subscription_id, subscribing.price_of("plus"))
        subscribing.tell_all()
        assert subscribing.row().plan_slug == "plus"
        assert subscribing.given() == [("base", 2000, FEBRUARY)]
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert subscribing.given()[1:] == [("base", 500, MARCH)]


def test_a_trial_gives_the_whole_allowance_and_its_end_another(subscribing):
    subscribing.sell(TRIAL)
    ends_at = START + dt.timedelta(days=14)
    with at(START):
        subscription_id = subscribing.subscribe("trial")
        subscribing.tell_all()
        row = subscribing.row()
        assert (row.status, row.trial_ends_at) == ("trialing", ends_at)
        assert subscribing.given() == [("base", 500, ends_at)]
    with at(ends_at):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert subscribing.row().status == "active"
        assert subscribing.given()[1:] == [("base", 500, dt.datetime(2026, 3, 14, 12, tzinfo=dt.UTC))]


def test_a_second_subscription_has_no_trial(subscribing):
    subscribing.sell(TRIAL)
    with at(START):
        subscribing.simulator.cancel(subscribing.subscribe("trial"), at_period_end=False)
        subscribing.tell_all()
        assert "trial_period_days" not in subscribing.open("trial", "form:again").params["subscription_data"]


def test_a_year_gives_each_month_from_the_first_day_of_it(subscribing):
    subscribing.sell(YEARLY, YEARLY_PRO)
    with at(START):
        subscription_id = subscribing.subscribe("yearly")
        subscribing.tell_all()
        assert subscribing.given() == [("base", 500, FEBRUARY)]
        assert subscribing.row().next_step_at == FEBRUARY
    with at(MARCH + dt.timedelta(days=10)):  # nobody was there in March: that month is over
        subscribing.simulator.switch_plan(subscription_id, subscribing.price_of("yearlypro"))
        subscribing.tell_all()
        assert subscribing.given()[1:] == [("base", 500, APRIL), ("to:2000", 1000, APRIL)]
        assert subscribing.row().next_step_at == APRIL
    with at(APRIL):
        refresh_subscription(subscribing.user.account_id, now=utc_now())
        assert subscribing.given()[3:] == [("base", 2000, dt.datetime(2026, 5, 31, 12, tzinfo=dt.UTC))]


def test_what_is_left_rolls_over_up_to_the_cap_and_not_twice(subscribing):
    subscribing.sell(ROLLING)
    with at(START):
        subscription_id = subscribing.subscribe("rolling")
        subscribing.tell_all()
        use(subscribing, 400 + 20)  # the welcome credits come later in the order
    for moment, rolled in ((FEBRUARY, 80), (MARCH, 200)):
        with at(moment):
            subscribing.simulator.renew(subscription_id)
            subscribing.tell_all()
            assert subscribing.given()[-2:][1][:2] == ("rolled", rolled)
            subscribing.assert_sound()


def test_whoever_cancels_keeps_what_was_given_and_what_was_bought(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
        subscribing.settle(subscribing.paid("starter"))
        subscribing.simulator.cancel(subscription_id, at_period_end=True)
        subscribing.tell_all()
        row = subscribing.row()
        assert (row.status, row.ends_at, row.ended_at) == ("active", FEBRUARY, None)
        subscribing.simulator.resume(subscription_id)
        subscribing.tell_all()
        assert subscribing.row().ends_at is None
        subscribing.simulator.cancel(subscription_id, at_period_end=True)
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert subscribing.row().ended_at == FEBRUARY
        assert subscribing.bought() == [100]
        use(subscribing, 120)
        subscribing.assert_sound()


def test_what_has_ended_never_lives_again(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
        before = subscribing.at_stripe(subscription_id)
        subscribing.simulator.cancel(subscription_id, at_period_end=False)
        subscribing.tell_all()
        with subscribing.simulator.store.writing() as state:
            state.save(before)  # as an answer that is older than the end
        refresh_subscription(subscribing.user.account_id, now=utc_now())
        waiting = [one.event_id for one in subscribing.simulator.deliveries.waiting()]
        subscribing.tell_each(waiting)
        assert subscribing.row().ended_at == START
        assert subscribing.row().status == "canceled"


def test_paused_payments_give_nothing_new(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.simulator.pause_collection(subscription_id)
        subscribing.tell_all()
        assert subscribing.row().is_paused
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert len(subscribing.given()) == 1


def test_one_subscription_an_account(subscribing):
    with at(START):
        subscribing.subscribe()
        subscribing.tell_all()
        with pytest.raises(AlreadySubscribed) as refusal:
            subscribing.open("pro", "form:second")
        assert refusal.value.facts == {"plan": "plus"}


@pytest.mark.parametrize("slug", ["free", "nothing", ""])
def test_only_plans_on_sale_can_be_subscribed_to(subscribing, slug):
    with pytest.raises(UnknownPlan):
        subscribing.open(slug)


def test_a_second_checkout_ends_the_first_so_that_only_one_can_be_paid(subscribing):
    with at(START):
        first = subscribing.open("plus", "form:1")
        assert subscribing.open("plus", "form:2").id == first.id, "the same plan: the same page"
        second = subscribing.open("pro", "form:3")
        assert subscribing.simulator.pay(first.session_id)["status"] == "expired"
        assert subscribing.simulator.pay(second.session_id)["status"] == "complete"


def test_a_plan_that_left_the_catalogue_fails_loudly_and_heals(subscribing):
    with at(START):
        subscribing.subscribe("pro")
        whole = parts()
        gone = tuple(one for one in whole.catalog.plans if one.slug != "pro")
        subscribing.app.extensions["refill"] = replace(whole, catalog=replace(whole.catalog, plans=gone))
        assert {answer.status_code for answer in subscribing.tell_all()} == {200, 503}
        subscribing.app.extensions["refill"] = whole
        subscribing.tell_all()
        assert subscribing.given() == [("base", 2000, FEBRUARY)]


def test_a_pack_of_the_plan_that_was_paid_when_the_plan_had_ended_is_still_granted(subscribing):
    with pytest.raises(PackLocked):
        subscribing.start("plus-extra", key="form:locked")
    subscription_id = subscribing.subscribe()
    subscribing.tell_all()
    purchase = subscribing.start("plus-extra", key="form:open")
    subscribing.simulator.cancel(subscription_id, at_period_end=False)
    subscribing.tell_all()
    with pytest.raises(PackLocked):
        subscribing.start("plus-extra", key="form:locked again")
    subscribing.simulator.pay(purchase.session_id)
    subscribing.tell_all()
    assert subscribing.bought() == [200]


def test_the_plan_counts_while_a_payment_is_tried_again_and_not_while_payments_are_paused(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.simulator.pause_collection(subscription_id)
        subscribing.tell_all()
        with pytest.raises(PackLocked):
            subscribing.start("plus-extra", key="form:paused")
        subscribing.simulator.resume_collection(subscription_id)
        subscribing.tell_all()
        assert subscribing.start("plus-extra", key="form:again").state == "open"
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id, "failed")
        subscribing.tell_all()
        assert subscribing.start("plus-extra", key="form:past due").state == "open"
        subscribing.simulator.give_up(subscription_id, "unpaid")
        subscribing.tell_all()
        assert subscribing.row().status == "unpaid"
        with pytest.raises(PackLocked):
            subscribing.start("plus-extra", key="form:unpaid")


def test_a_plan_that_waits_for_the_next_period_is_known_and_comes_with_it(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe("pro")
        plus = subscribing.price_of("plus")
        for price, waits in ((plus, "plus"), (subscribing.price_of("pro"), ""), (plus, "plus")):
            subscribing.simulator.switch_plan(subscription_id, price, when="period_end")
            subscribing.tell_all()
            assert (subscribing.row().plan_slug, subscribing.row().next_plan_slug) == ("pro", waits)
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert (subscribing.row().plan_slug, subscribing.row().next_plan_slug) == ("plus", "")
        assert [granted for _, granted, _ in subscribing.given()] == [2000, 500]


def test_a_subscription_that_stripe_moved_to_something_else_counts_for_no_plan(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
        other = subscribing.gateway.create_price(
            {"product": "refill_plan_plus", "currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}},
            idempotency_key="other",
        )
        subscribing.simulator.switch_plan(subscription_id, other.id)
        subscribing.tell_all()
        assert (subscribing.row().plan_slug, subscribing.row().status) == ("", "active")
        with pytest.raises(PackLocked):
            subscribing.start("plus-extra", key="form:elsewhere")
        with pytest.raises(AlreadySubscribed):
            subscribing.open("pro", "form:second")
        client = sign_in(subscribing.app, subscribing.user)
        assert "Another plan" in client.get("/billing").text
    with at(FEBRUARY):
        subscribing.simulator.renew(subscription_id)
        subscribing.tell_all()
        assert subscribing.given() == [("base", 500, FEBRUARY)]
