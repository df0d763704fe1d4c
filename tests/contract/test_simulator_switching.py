"""Switching plans: prorations to the second and the cent, credit, other intervals, switches with the next period."""

from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.payments import refusal
from tests.contract.subscribing import Plans, latest_invoice, make_plans, period, subscribe, told
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.subscriptions.periods import prorated

DAY = 24 * 3600


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    return make_plans(sdk)


def price_of(subscription: stripe.Subscription) -> str:
    return str(subscription["items"].data[0].price.id)


def lines(invoice: stripe.Invoice) -> list[tuple[int, bool, int, int]]:
    """Of each line: the amount, whether it is a proration, its period."""
    found = []
    for line in invoice.lines.data:
        assert line.parent is not None
        assert line.parent.subscription_item_details is not None
        is_proration = line.parent.subscription_item_details.proration
        found.append((line.amount, is_proration, line.period.start, line.period.end))
    return found


@pytest.mark.parametrize(
    ("now", "share"),
    [(0, 1000), (1, 667), (2, 333), (3, 0), (4, 0), (-5, 1000)],
)
def test_shares_are_of_what_is_left_to_the_second(now: int, share: int) -> None:
    assert prorated(1000, now=now, start=0, end=3) == share


def test_halves_of_a_cent_are_rounded_up() -> None:
    assert [prorated(amount, now=1, start=0, end=2) for amount in (1, 2, 3, 999)] == [1, 1, 2, 500]


def test_a_dearer_plan_is_billed_at_once_for_the_rest_of_the_period(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    start, end = period(subscription)
    clock.forward(10 * DAY + 1)

    simulated.switch_plan(subscription.id, plans.pro)

    left = end - clock.now
    given_back, asked_for = round(1200 * left / (end - start)), round(3000 * left / (end - start))
    assert (given_back, asked_for) == (800, 2000)
    invoice = latest_invoice(sdk, subscription.id)
    assert lines(invoice) == [(-given_back, True, clock.now, end), (asked_for, True, clock.now, end)]
    assert (invoice.billing_reason, invoice.total, invoice.status) == ("subscription_update", 1200, "paid")
    switched = sdk.v1.subscriptions.retrieve(subscription.id)
    assert (price_of(switched), period(switched), switched.status) == (plans.pro, (start, end), "active")
    assert told(simulated) == [
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.paid",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_cheaper_plan_gives_credit_that_later_invoices_use(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription = subscribe(sdk, simulated, plans.pro)
    clock.forward(15 * DAY)
    simulated.switch_plan(subscription.id, plans.plus)

    def balance() -> int:
        return sdk.v1.customers.retrieve(str(subscription.customer)).balance or 0

    invoice = latest_invoice(sdk, subscription.id)
    assert [line[0] for line in lines(invoice)] == [-1500, 600]
    assert (invoice.total, invoice.amount_due, invoice.amount_paid, invoice.status) == (-900, 0, 0, "paid")
    assert (invoice.starting_balance, invoice.ending_balance, balance()) == (0, -900, -900)
    assert told(simulated) == ["customer.subscription.updated", "invoice.paid"]

    simulated.renew(subscription.id)
    renewal = latest_invoice(sdk, subscription.id)
    assert (renewal.total, renewal.amount_due, renewal.amount_paid, balance()) == (1200, 300, 300, 0)
    assert sdk.v1.charges.list({"limit": 1}).data[0].amount == 300


def test_a_switch_back_and_forth_at_one_moment_costs_nothing(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    clock.forward(7 * DAY + 12_345)
    for price_id in (plans.pro, plans.plus) * 3:
        simulated.switch_plan(subscription.id, price_id)

    invoices = sdk.v1.invoices.list({"subscription": subscription.id}).data[:-1]
    balance = sdk.v1.customers.retrieve(str(subscription.customer)).balance
    assert sum(invoice.total for invoice in invoices) == 0
    assert sum(invoice.amount_paid for invoice in invoices) + (balance or 0) == 0


@pytest.mark.parametrize("behavior", ["create_prorations", "none"])
def test_prorations_may_wait_for_the_next_invoice_or_not_be_at_all(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock, behavior: Any
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    (item,) = subscription["items"].data
    clock.forward(15 * DAY)
    sdk.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "price": plans.pro}], "proration_behavior": behavior}
    )
    assert told(simulated) == ["customer.subscription.updated"]
    assert len(sdk.v1.invoices.list().data) == 1

    simulated.renew(subscription.id)

    pending = [-600, 1500] if behavior == "create_prorations" else []
    invoice = latest_invoice(sdk, subscription.id)
    assert [line[0] for line in lines(invoice)] == [*pending, 3000]
    simulated.renew(subscription.id)
    assert [line[0] for line in lines(latest_invoice(sdk, subscription.id))] == [3000]


def test_another_interval_begins_a_new_period_now(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    _, end = period(subscription)
    clock.forward(15 * DAY)

    simulated.switch_plan(subscription.id, plans.yearly)

    switched = sdk.v1.subscriptions.retrieve(subscription.id)
    begins, ends = clock.now, clock.now + 365 * DAY
    assert (switched.billing_cycle_anchor, period(switched)) == (begins, (begins, ends))
    invoice = latest_invoice(sdk, subscription.id)
    assert lines(invoice) == [(-600, True, begins, end), (12000, False, begins, ends)]
    assert (invoice.amount_paid, invoice.billing_reason) == (11400, "subscription_update")
    clock.now = ends - 1
    assert simulated.renew_due() == 0


def test_a_switch_at_the_periods_end_stands_in_a_schedule_until_then(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.pro)

    simulated.switch_plan(subscription.id, plans.plus, when="period_end")
    assert told(simulated) == ["subscription_schedule.created", "customer.subscription.updated"]
    waiting = sdk.v1.subscriptions.retrieve(subscription.id, {"expand": ["schedule"]})
    assert price_of(waiting) == plans.pro
    now, then = waiting.schedule.phases
    assert (now.start_date, now.end_date, then.start_date) == (*period(waiting), now.end_date)
    assert (now["items"][0].price, then["items"][0].price) == (plans.pro, plans.plus)

    simulated.renew(subscription.id)
    renewed = sdk.v1.subscriptions.retrieve(subscription.id)
    assert (price_of(renewed), latest_invoice(sdk, renewed.id).total) == (plans.plus, 1200)


def test_the_last_plan_that_was_chosen_counts(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.pro)
    simulated.switch_plan(subscription.id, plans.plus, when="period_end")
    simulated.switch_plan(subscription.id, plans.pro, when="period_end")
    simulated.renew(subscription.id)
    assert price_of(sdk.v1.subscriptions.retrieve(subscription.id)) == plans.pro

    simulated.switch_plan(subscription.id, plans.plus, when="period_end")
    simulated.switch_plan(subscription.id, plans.yearly)
    simulated.renew(subscription.id)
    assert price_of(sdk.v1.subscriptions.retrieve(subscription.id)) == plans.yearly


def test_a_planned_switch_ends_with_its_subscription(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.pro)
    simulated.switch_plan(subscription.id, plans.plus, when="period_end")
    told(simulated)

    simulated.cancel(subscription.id, at_period_end=False)

    assert told(simulated)[-2:] == ["subscription_schedule.canceled", "customer.subscription.deleted"]
    assert sdk.v1.subscriptions.retrieve(subscription.id).schedule is None


def test_in_a_trial_a_switch_costs_nothing_and_ends_nothing(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus, subscription_data={"trial_period_days": 7})

    simulated.switch_plan(subscription.id, plans.pro)

    switched = sdk.v1.subscriptions.retrieve(subscription.id)
    assert (switched.status, period(switched)) == ("trialing", period(subscription))
    assert len(sdk.v1.invoices.list().data) == 1
    simulated.renew(subscription.id)
    assert latest_invoice(sdk, subscription.id).total == 3000


def test_a_switch_that_is_not_paid_is_made_and_owed(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)

    simulated.switch_plan(subscription.id, plans.pro, course="failed")

    switched = sdk.v1.subscriptions.retrieve(subscription.id)
    assert (price_of(switched), switched.status) == (plans.pro, "past_due")
    assert latest_invoice(sdk, subscription.id).status == "open"


def test_more_of_the_same_plan_is_prorated_too(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    (item,) = subscription["items"].data

    sdk.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "quantity": 3}], "proration_behavior": "always_invoice"}
    )

    invoice = latest_invoice(sdk, subscription.id)
    assert [line[0] for line in lines(invoice)] == [-1200, 3600]
    assert [line.quantity for line in invoice.lines.data] == [1, 3]


def test_what_can_not_be_switched_to_is_refused(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, price_id: str
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    (item,) = subscription["items"].data
    euro: Any = {"currency": "eur", "unit_amount": 900, "recurring": {"interval": "month"}}
    euro["product"] = sdk.v1.prices.retrieve(plans.plus).product
    other_currency = sdk.v1.prices.create(euro).id
    sdk.v1.prices.update(plans.pro, {"active": False})

    for wrong in ("price_none", price_id, plans.pro, other_currency):
        given = {"items": [{"id": item.id, "price": wrong}]}
        assert refusal(sdk.v1.subscriptions.update, subscription.id, given)[::2] == (400, "items[0][price]")
        for when in ("now", "period_end"):
            with pytest.raises(StripeRefusal):
                simulated.switch_plan(subscription.id, wrong, when=when)  # type: ignore[arg-type]
    assert sdk.v1.subscriptions.retrieve(subscription.id) == subscription
