"""Refunds: what Stripe refunds and what it refuses, what becomes of a refund, and the events that tell of it."""

import threading
from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.payments import bodies, charge_of, forget, pay, refusal
from tests.contract.test_simulator_paying import heard
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.refunding import DELAY_SECONDS

REFUNDED = ["refund.created", "charge.refunded", "refund.updated"]


def test_a_whole_refund(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str) -> None:
    made = sdk.v1.refunds.create(
        {"payment_intent": payment, "reason": "requested_by_customer", "metadata": {"purchase": "P-1"}}
    )

    charge = charge_of(sdk, payment)
    assert made.id.startswith("re_sim_")
    assert (made.amount, made.currency, made.status) == (3500, "usd", "succeeded")
    assert (made.payment_intent, made.charge) == (payment, charge.id)
    assert (made.reason, made.metadata and made.metadata["purchase"]) == ("requested_by_customer", "P-1")
    assert (charge.amount_refunded, charge.refunded) == (3500, True)
    assert (charge.amount_captured, charge.status, charge.paid) == (3500, "succeeded", True)
    assert sdk.v1.refunds.retrieve(made.id) == made
    assert heard(simulated) == REFUNDED


def test_partial_refunds_add_up_on_the_charge_and_in_its_events(
    sdk: stripe.StripeClient, payment: str, clock: Clock
) -> None:
    first = sdk.v1.refunds.create({"payment_intent": payment, "amount": 1000})
    clock.forward(60)
    second = sdk.v1.refunds.create({"charge": charge_of(sdk, payment).id, "amount": 500})
    clock.forward(60)
    rest = sdk.v1.refunds.create({"payment_intent": payment})

    assert rest.amount == 2000
    told = bodies(sdk, "charge.refunded")
    assert [(data["object"]["amount_refunded"], data["object"]["refunded"]) for data in told] == [
        (1000, False),
        (1500, False),
        (3500, True),
    ]
    assert [data["previous_attributes"] for data in told] == [
        {"amount_refunded": 0},
        {"amount_refunded": 1000},
        {"amount_refunded": 1500, "refunded": False},
    ]
    listed = sdk.v1.refunds.list({"payment_intent": payment})
    assert [refund.id for refund in listed.data] == [rest.id, second.id, first.id]
    transactions = sdk.v1.balance_transactions.list({"type": "refund"}).data
    assert [(one.source, one.amount, one.fee, one.net) for one in transactions] == [
        (rest.id, -2000, 0, -2000),
        (second.id, -500, 0, -500),
        (first.id, -1000, 0, -1000),
    ]


def test_what_can_not_be_refunded_is_refused_as_stripe_does(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, payment: str
) -> None:
    create, charge_id = sdk.v1.refunds.create, charge_of(sdk, payment).id
    of_payment = {"payment_intent": payment}
    assert refusal(create, {**of_payment, "amount": 3501}) == (
        400, None, "amount", "Refund amount ($35.01) is greater than charge amount ($35.00)",
    )  # fmt: skip
    assert refusal(create, {**of_payment, "amount": 0})[1:3] == ("parameter_invalid_integer", "amount")
    assert refusal(create, {})[3].startswith("One of the following params should be provided")
    assert "only specify one" in refusal(create, {**of_payment, "charge": charge_id})[3]
    assert refusal(create, {"payment_intent": "pi_none"})[1:3] == ("resource_missing", "payment_intent")
    assert refusal(create, {"charge": "ch_none"})[1:3] == ("resource_missing", "charge")

    create({**of_payment, "amount": 2500})  # type: ignore[typeddict-item]
    assert refusal(create, {**of_payment, "amount": 1001})[3] == (
        "Refund amount ($10.01) is greater than unrefunded amount on charge ($10.00)"
    )
    create(of_payment)  # type: ignore[arg-type]
    assert refusal(create, of_payment) == (
        400, "charge_already_refunded", None, f"Charge {charge_id} has already been refunded.",
    )  # fmt: skip

    unpaid = pay(sdk, simulated, price_id, "delayed_succeeds")
    assert "does not have a successful charge to refund" in refusal(create, {"payment_intent": unpaid})[3]
    declined = pay(sdk, simulated, price_id, "declined")
    assert "has not been paid" in refusal(create, {"charge": charge_of(sdk, declined).id})[3]
    assert len(sdk.v1.refunds.list().data) == 2


def test_a_disputed_payment_is_not_refunded_unless_the_bank_only_asks(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    asked, won, lost = [pay(sdk, simulated, price_id) for _ in range(3)]
    simulated.dispute(asked, is_inquiry=True)
    ids = {intent: simulated.dispute(intent, 100, is_withdrawn=True)["id"] for intent in (won, lost)}

    sdk.v1.refunds.create({"payment_intent": asked})
    code, text = refusal(sdk.v1.refunds.create, {"payment_intent": won})[1::2]
    assert code == "charge_disputed"
    assert text == f"Charge {charge_of(sdk, won).id} has been charged back; cannot issue a refund."
    simulated.move_dispute(ids[won], "win")
    sdk.v1.refunds.create({"payment_intent": won, "amount": 100})
    simulated.move_dispute(ids[lost], "lose")
    assert refusal(sdk.v1.refunds.create, {"payment_intent": lost})[1] == "charge_disputed"


def test_the_same_key_refunds_once(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str) -> None:
    part: Any = {"payment_intent": payment, "amount": 1000}
    made = [sdk.v1.refunds.create(part, {"idempotency_key": "refund:P-1:1"}).id for _ in range(3)]

    assert len(set(made)) == 1
    assert charge_of(sdk, payment).amount_refunded == 1000
    assert heard(simulated) == REFUNDED
    with pytest.raises(stripe.IdempotencyError):
        sdk.v1.refunds.create({**part, "amount": 1001}, {"idempotency_key": "refund:P-1:1"})
    event = sdk.v1.events.list({"type": "refund.created"}).data[0]
    assert event.request is not None
    assert event.request.idempotency_key == "refund:P-1:1"


def test_a_refund_to_a_bank_account_is_on_its_way_and_arrives_by_itself(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    payment = pay(sdk, simulated, price_id, "delayed_succeeds")
    simulated.settle(payment)
    forget(simulated)

    made = sdk.v1.refunds.create({"payment_intent": payment})
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert charge_of(sdk, payment).refunded, "the money has left, wherever it is"
    assert heard(simulated) == REFUNDED[:2]
    clock.forward(DELAY_SECONDS - 1)
    work(simulated)
    assert sdk.v1.refunds.retrieve(made.id).status == "pending"
    clock.forward(1)
    work(simulated)

    arrived = sdk.v1.refunds.retrieve(made.id)
    assert (arrived.status, arrived.pending_reason) == ("succeeded", None)
    assert heard(simulated) == REFUNDED
    assert bodies(sdk, "refund.updated")[0]["previous_attributes"] == {
        "pending_reason": "processing",
        "status": "pending",
    }


def work(simulated: SimulatedHTTPClient) -> None:
    """Let what is due happen, without sending anything."""
    simulated.deliveries.hold_all()
    simulated.courier.work()


@pytest.mark.parametrize("course", ["succeeds", "pending", "fails"])
def test_a_refund_that_fails_gives_the_charge_its_money_back(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, course: Any
) -> None:
    kept = simulated.refund(payment, 1000)
    failing = simulated.refund(payment, 2500, course)
    forget(simulated)
    assert charge_of(sdk, payment).refunded

    assert simulated.end_refund(kept["id"])["status"] == "succeeded", "nothing else was planned"
    for _ in range(2):
        failed = simulated.end_refund(failing["id"], "fails")
        assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")

    charge = charge_of(sdk, payment)
    assert (charge.amount_refunded, charge.refunded) == (1000, False)
    assert heard(simulated) == ["refund.failed", "refund.updated"], "once"
    back = sdk.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (back.amount, back.source, back.reporting_category) == (2500, failing["id"], "refund_failure")
    assert sum(one.net for one in sdk.v1.balance_transactions.list().data) == -1000
    assert sdk.v1.refunds.retrieve(kept["id"]).status == "succeeded"
    with simulated.store.reading() as state:
        assert state.due("refund", now=2**40) == [], "nothing more will happen by itself"
    sdk.v1.refunds.create({"payment_intent": payment, "amount": 2500})


def test_refunds_at_the_same_moment_never_give_back_more_than_was_paid(
    simulated: SimulatedHTTPClient, sdk: stripe.StripeClient, payment: str
) -> None:
    start, refused = threading.Barrier(4), []

    def refund() -> None:
        start.wait()
        try:
            simulated.refund(payment, 1500)
        except StripeRefusal as refusal:
            refused.append(refusal.param)

    threads = [threading.Thread(target=refund) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == ["amount", "amount"]
    assert charge_of(sdk, payment).amount_refunded == 3000
    assert [refund.amount for refund in sdk.v1.refunds.list().data] == [1500, 1500]


def test_a_refund_that_has_failed_arrives_no_more(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    refund = simulated.refund(payment, course="pending")
    simulated.end_refund(refund["id"], "fails")

    for end in ("succeeds", "canceled"):
        assert simulated.end_refund(refund["id"], end)["status"] == "failed"  # type: ignore[arg-type]
    assert charge_of(sdk, payment).amount_refunded == 0


def test_only_a_refund_that_waits_for_the_buyer_is_canceled(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    waiting = simulated.refund(payment, 1000, "asks")
    assert waiting["next_action"]["type"] == "display_details"
    assert charge_of(sdk, payment).amount_refunded == 1000
    done = simulated.refund(payment, 500)
    forget(simulated)

    canceled = sdk.v1.refunds.cancel(waiting["id"])

    assert (canceled.status, canceled.next_action, canceled.balance_transaction) == ("canceled", None, None)
    assert charge_of(sdk, payment).amount_refunded == 500
    assert heard(simulated) == ["refund.updated"]
    for refund_id, status in ((waiting["id"], "canceled"), (done["id"], "succeeded")):
        assert f"because it has a status of {status}" in refusal(sdk.v1.refunds.cancel, refund_id)[3]
    assert refusal(sdk.v1.refunds.cancel, "re_none")[0] == 404


def test_a_refund_that_waited_for_the_buyer_arrives_when_he_has_answered(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    waiting = simulated.refund(payment, course="asks")
    assert sdk.v1.balance_transactions.list().data == []

    assert simulated.end_refund(waiting["id"], "succeeds")["status"] == "succeeded"

    assert [one.amount for one in sdk.v1.balance_transactions.list({"source": waiting["id"]}).data] == [-3500]


def test_metadata_of_a_refund_is_all_that_changes(
    sdk: stripe.StripeClient, raw_sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    refund = sdk.v1.refunds.create({"payment_intent": payment, "metadata": {"who": "support"}})
    forget(simulated)

    for _ in range(2):
        updated = sdk.v1.refunds.update(refund.id, {"metadata": {"who": "billing"}})
        assert updated.to_dict()["metadata"] == {"who": "billing"}

    assert heard(simulated) == ["refund.updated"]
    assert refusal(raw_sdk.v1.refunds.update, refund.id, {"amount": 1})[1] == "parameter_unknown"


def test_refunds_are_listed_by_payment_and_time_page_by_page(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    payments = [pay(sdk, simulated, price_id) for _ in range(2)]
    for amount in range(1, 6):
        for payment in payments:
            sdk.v1.refunds.create({"payment_intent": payment, "amount": amount})
        clock.forward(60)

    def amounts(**params: Any) -> list[int]:
        return [refund.amount for refund in sdk.v1.refunds.list(params).data]  # type: ignore[arg-type]

    assert amounts(payment_intent=payments[0]) == [5, 4, 3, 2, 1]
    assert amounts(charge=charge_of(sdk, payments[1]).id, limit=2) == [5, 4]
    assert amounts(created={"gte": clock.now - 120}) == [5, 5, 4, 4]
    walked = sdk.v1.refunds.list({"payment_intent": payments[1], "limit": 2}).auto_paging_iter()
    assert [refund.amount for refund in walked] == [5, 4, 3, 2, 1]
    assert refusal(sdk.v1.refunds.list, {"payment_intent": "pi_none"})[1] == "resource_missing"


def test_what_a_refund_names_can_be_expanded(sdk: stripe.StripeClient, payment: str) -> None:
    sdk.v1.refunds.create({"payment_intent": payment})

    (refund,) = sdk.v1.refunds.list(
        {"expand": ["data.charge", "data.payment_intent", "data.balance_transaction.source"]}
    ).data

    assert isinstance(refund.charge, stripe.Charge)
    assert refund.charge.refunded
    assert isinstance(refund.payment_intent, stripe.PaymentIntent)
    assert isinstance(refund.balance_transaction, stripe.BalanceTransaction)
    assert isinstance(refund.balance_transaction.source, stripe.Refund)
