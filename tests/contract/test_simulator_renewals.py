"""Periods and renewals of subscriptions: anchors, trials, payments that fail, pauses, ends, what is due by itself."""

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.payments import bodies, refusal
from tests.contract.subscribing import Plans, latest_invoice, make_plans, period, subscribe, told
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.courier import Courier
from webapp.simulator.subscriptions.periods import boundary, period_end

DAY = 24 * 3600
UPDATED = "customer.subscription.updated"
YEARLY = {"interval": "year", "interval_count": 1}
MONTHLY = {"interval": "month", "interval_count": 1}
PAID = ["payment_intent.created", "invoice.paid", "charge.succeeded", "payment_intent.succeeded"]
DECLINED = [
    "payment_intent.created",
    "charge.failed",
    "payment_intent.payment_failed",
    "invoice.payment_failed",
    "customer.subscription.updated",
]


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    return make_plans(sdk)


def unix(text: str) -> int:
    return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp())


@pytest.mark.parametrize(
    ("anchor", "recurring", "boundaries"),
    [
        ("2026-01-31T10:00", MONTHLY, ["2026-02-28T10:00", "2026-03-31T10:00", "2026-04-30T10:00", "2026-05-31T10:00"]),
        ("2027-12-30T23:59:59", MONTHLY, ["2028-01-30T23:59:59", "2028-02-29T23:59:59", "2028-03-30T23:59:59"]),
        ("2028-02-29", MONTHLY, ["2028-03-29", "2028-04-29"]),
        ("2028-02-29", YEARLY, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-11-30", {"interval": "month", "interval_count": 3}, ["2027-02-28", "2027-05-30"]),
        ("2026-11-26", {"interval": "week", "interval_count": 2}, ["2026-12-10", "2026-12-24"]),
        ("2026-12-31", {"interval": "day", "interval_count": 1}, ["2027-01-01", "2027-01-02"]),
    ],
)  # fmt: skip
def test_periods_are_counted_from_the_anchor(anchor: str, recurring: dict[str, Any], boundaries: list[str]) -> None:
    expected = [unix(moment) for moment in boundaries]

    assert [boundary(unix(anchor), recurring, number + 1) for number in range(len(expected))] == expected
    starts = [unix(anchor), *expected[:-1]]
    assert [period_end(unix(anchor), recurring, start) for start in starts] == expected
    assert [period_end(unix(anchor), recurring, end - 1) for end in expected] == expected


def test_a_subscription_of_day_31_comes_back_to_it(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    clock.now = unix("2027-10-31T12:00")
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    for _ in range(5):
        simulated.renew(subscription_id)

    invoices = sdk.v1.invoices.list({"subscription": subscription_id}).data[::-1]
    periods = [(line.period.start, line.period.end) for invoice in invoices for line in invoice.lines.data]
    days = ["2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
    assert periods == list(pairwise(unix(f"{day}T12:00") for day in days))
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_create", *["subscription_cycle"] * 5]
    # An invoice's own period is the one that has ended; its line's is the one that begins.
    assert [(one.period_start, one.period_end) for one in invoices[1:]] == periods[:-1]


def test_a_renewal_tells_the_period_before_and_its_invoice(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    before = period(subscription)

    simulated.renew(subscription.id)

    assert told(simulated) == ["customer.subscription.updated", *PAID]
    (change,) = bodies(sdk, "customer.subscription.updated")
    assert change["previous_attributes"].keys() == {"items", "latest_invoice"}
    (old,) = change["previous_attributes"]["items"]["data"]
    assert (old["current_period_start"], old["current_period_end"]) == before
    assert change["object"]["items"]["data"][0]["current_period_start"] == before[1]


def test_a_payment_that_fails_leaves_the_subscription_past_due_until_it_is_paid(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.renew(subscription_id, "failed")

    assert told(simulated) == ["customer.subscription.updated", *DECLINED]
    assert sdk.v1.subscriptions.retrieve(subscription_id).status == "past_due"
    invoice_id = latest_invoice(sdk, subscription_id).id
    tried = []
    for _ in range(4):
        invoice = sdk.v1.invoices.retrieve(invoice_id)
        tried.append((invoice.status, invoice.attempt_count, invoice.next_payment_attempt))
        simulated.retry_payment(invoice_id, "failed")
    days = (3, 5, 7)
    assert tried == [*(("open", n, clock.now + day * DAY) for n, day in enumerate(days, 1)), ("open", 4, None)]
    told(simulated)

    simulated.retry_payment(invoice_id, "paid")
    assert told(simulated) == [*PAID[1:], "customer.subscription.updated"]
    paid = sdk.v1.invoices.retrieve(invoice_id)
    assert (paid.status, paid.amount_paid, paid.next_payment_attempt) == ("paid", 1200, None)
    assert sdk.v1.subscriptions.retrieve(subscription_id).status == "active"
    assert len(sdk.v1.invoice_payments.list({"invoice": invoice_id}).data) == 1
    simulated.retry_payment(invoice_id, "failed")
    assert told(simulated) == []


def test_the_bank_may_ask_at_a_renewal(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.renew(subscription_id, "asks")

    assert told(simulated) == [
        "customer.subscription.updated",
        "payment_intent.created",
        "payment_intent.requires_action",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "customer.subscription.updated",
    ]
    assert sdk.v1.subscriptions.retrieve(subscription_id).status == "past_due"


@pytest.mark.parametrize(("to", "kind"), [("canceled", "deleted"), ("unpaid", "updated")])
def test_the_end_of_all_attempts_cancels_or_leaves_unpaid(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, to: Any, kind: str
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.renew(subscription_id, "failed")
    told(simulated)

    simulated.give_up(subscription_id, to)

    assert told(simulated) == [f"customer.subscription.{kind}"]
    ended = sdk.v1.subscriptions.retrieve(subscription_id)
    assert ended.status == to
    invoice = latest_invoice(sdk, subscription_id)
    assert (invoice.status, invoice.next_payment_attempt, invoice.auto_advance) == ("open", None, False)
    if to == "unpaid":
        simulated.renew(subscription_id)
        assert latest_invoice(sdk, subscription_id).status == "draft"
        assert sdk.v1.subscriptions.retrieve(subscription_id).status == "unpaid"
    else:
        assert ended.cancellation_details is not None
        assert ended.cancellation_details.reason == "payment_failed"


@pytest.mark.parametrize(
    ("course", "status", "invoice_status"), [("paid", "active", "paid"), ("failed", "past_due", "open")]
)
def test_a_trial_ends_with_the_first_payment(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock, course: Any, status: str,
    invoice_status: str,
) -> None:  # fmt: skip
    trial = {"trial_period_days": 7}
    subscription = subscribe(sdk, simulated, plans.plus, subscription_data=trial)
    simulated.renew(subscription.id, course)

    renewed = sdk.v1.subscriptions.retrieve(subscription.id)
    invoice = latest_invoice(sdk, subscription.id)
    assert (renewed.status, invoice.status, invoice.total) == (status, invoice_status, 1200)
    ends = clock.now + 7 * DAY
    assert (renewed.billing_cycle_anchor, period(renewed)) == (ends, (ends, ends + 31 * DAY - DAY))


def test_a_trial_can_be_ended_at_once(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus, subscription_data={"trial_period_days": 7})
    clock.forward(DAY)

    ended = sdk.v1.subscriptions.update(subscription.id, {"trial_end": "now"})

    assert (ended.status, ended.trial_end, ended.billing_cycle_anchor) == ("active", clock.now, clock.now)
    assert period(ended) == (clock.now, clock.now + 30 * DAY)
    assert latest_invoice(sdk, ended.id).total == 1200


@pytest.mark.parametrize(
    ("behavior", "status", "kinds"),
    [
        ("cancel", "canceled", ["customer.subscription.deleted"]),
        ("pause", "paused", [UPDATED, "customer.subscription.paused"]),
        ("create_invoice", "past_due", [UPDATED, "invoice.payment_failed", UPDATED]),
    ],
)
def test_a_trial_without_a_card_ends_as_it_was_opened_to(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, behavior: str, status: str,
    kinds: list[str],
) -> None:  # fmt: skip
    trial = {"trial_period_days": 7, "trial_settings": {"end_behavior": {"missing_payment_method": behavior}}}
    subscription = subscribe(
        sdk, simulated, plans.plus, subscription_data=trial, payment_method_collection="if_required"
    )

    assert simulated.renew(subscription.id)["status"] == status
    assert told(simulated) == kinds


def test_a_paused_subscription_waits_and_resumes_with_a_new_period(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    trial = {"trial_period_days": 7, "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}}}
    subscription = subscribe(
        sdk, simulated, plans.plus, subscription_data=trial, payment_method_collection="if_required"
    )
    assert refusal(sdk.v1.subscriptions.resume, subscription.id)[0] == 400
    simulated.renew(subscription.id)
    clock.forward(90 * DAY)
    assert simulated.renew_due() == 0
    simulated.change_card(str(subscription.customer), "4242")
    told(simulated)

    resumed = sdk.v1.subscriptions.resume(subscription.id)

    assert told(simulated) == ["customer.subscription.updated", *PAID, "customer.subscription.resumed"]
    assert (resumed.status, period(resumed)[0]) == ("active", clock.now)


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_nobody_is_asked_for_money_while_collection_is_paused(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, behavior: Any, status: str
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    simulated.pause_collection(subscription.id, behavior)

    simulated.renew(subscription.id)

    assert latest_invoice(sdk, subscription.id).status == status
    renewed = sdk.v1.subscriptions.retrieve(subscription.id)
    assert (renewed.status, period(renewed)[0]) == ("active", period(subscription)[1])
    assert len(sdk.v1.charges.list().data) == 1
    simulated.resume_collection(subscription.id)
    simulated.renew(subscription.id)
    assert latest_invoice(sdk, subscription.id).status == "paid"


def test_a_planned_end_comes_with_the_period_unless_it_is_taken_back(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.cancel(subscription_id, at_period_end=True)
    simulated.resume(subscription_id)
    assert simulated.renew(subscription_id)["status"] == "active"
    simulated.cancel(subscription_id, at_period_end=True)
    told(simulated)
    simulated.cancel(subscription_id, at_period_end=True)
    assert told(simulated) == []

    simulated.renew(subscription_id)

    assert told(simulated) == ["customer.subscription.deleted"]
    assert len(sdk.v1.invoices.list({"subscription": subscription_id}).data) == 2


def test_a_planned_end_may_be_said_in_cancel_at_alone(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    for end in ("max_period_end", "", "min_period_end"):
        changed = sdk.v1.subscriptions.update(subscription.id, {"cancel_at": end})
        expected = period(subscription)[1] if end else None
        assert (changed.cancel_at, changed.cancel_at_period_end) == (expected, False)
    both: Any = {"cancel_at": "", "cancel_at_period_end": False}
    assert refusal(sdk.v1.subscriptions.update, subscription.id, both)[2] == "cancel_at"

    assert simulated.renew(subscription.id)["status"] == "canceled"


def test_a_planned_end_moves_with_the_period(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    subscription_id = subscribe(sdk, simulated, plans.plus).id
    simulated.cancel(subscription_id, at_period_end=True)

    switched = simulated.switch_plan(subscription_id, plans.yearly)

    assert switched["cancel_at"] == switched["items"]["data"][0]["current_period_end"]


def test_what_is_due_comes_by_itself_one_period_after_another(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, clock: Clock
) -> None:
    clock.now = unix("2027-10-31T12:00")
    monthly = subscribe(sdk, simulated, plans.plus)
    ending = subscribe(sdk, simulated, plans.pro)
    simulated.cancel(ending.id, at_period_end=True)
    clock.now = unix("2027-11-30T11:59:59")
    assert simulated.renew_due() == 0

    clock.now = unix("2028-03-01")
    courier = Courier(simulated.store, simulated.deliveries, base_url="http://127.0.0.1:9", clock=clock)
    simulated.deliveries.hold_all()
    courier.work()

    assert simulated.renew_due() == 0
    days = ["2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29"]
    invoices = sdk.v1.invoices.list({"subscription": monthly.id}).data[::-1]
    assert [invoice.created for invoice in invoices[1:]] == [unix(f"{day}T12:00") for day in days]
    assert sdk.v1.subscriptions.retrieve(ending.id).ended_at == unix("2027-11-30T12:00")
    assert len(sdk.v1.invoices.list({"subscription": ending.id}).data) == 1


@pytest.mark.parametrize(("last4", "status"), [("4242", "active"), ("0341", "past_due"), ("3184", "past_due")])
def test_the_card_says_how_a_renewal_goes(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans, last4: str, status: str
) -> None:
    subscription = subscribe(sdk, simulated, plans.plus)
    method = simulated.change_card(str(subscription.customer), last4)
    assert told(simulated) == ["customer.subscription.updated"]

    assert simulated.renew(subscription.id)["status"] == status
    changed = sdk.v1.subscriptions.retrieve(subscription.id)
    customer = sdk.v1.customers.retrieve(str(subscription.customer))
    assert customer.invoice_settings is not None
    assert changed.default_payment_method == method["id"] == customer.invoice_settings.default_payment_method


def test_a_card_that_is_declined_at_once_can_not_be_added(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    from webapp.simulator.errors import StripeRefusal

    subscription = subscribe(sdk, simulated, plans.plus)

    with pytest.raises(StripeRefusal, match="declined"):
        simulated.change_card(str(subscription.customer), "0002")
    assert sdk.v1.subscriptions.retrieve(subscription.id) == subscription
