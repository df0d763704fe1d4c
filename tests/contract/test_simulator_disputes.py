"""Disputes through their life: what happens to the money, and the events that tell of it."""

from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.payments import bodies, charge_of, forget, pay, refusal
from tests.contract.test_simulator_paying import PAID, heard
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.disputing import ANSWER_SECONDS, STEPS
from webapp.simulator.errors import StripeRefusal

MOVED = {"dispute": -1, "dispute_reversal": 1}


def categories(sdk: stripe.StripeClient, dispute_id: str) -> list[str]:
    return [one.reporting_category for one in sdk.v1.disputes.retrieve(dispute_id).balance_transactions]


@pytest.mark.parametrize(
    ("steps", "status", "events", "moved"),
    [
        ((), "needs_response", [], []),
        (("withdraw",), "needs_response", ["funds_withdrawn"], ["dispute"]),
        (("withdraw", "answer"), "under_review", ["funds_withdrawn", "updated"], ["dispute"]),
        (("withdraw", "lose"), "lost", ["funds_withdrawn", "closed"], ["dispute"]),
        (("lose",), "lost", ["funds_withdrawn", "closed"], ["dispute"]),
        (
            ("withdraw", "answer", "win"),
            "won",
            ["funds_withdrawn", "updated", "closed", "funds_reinstated"],
            ["dispute", "dispute_reversal"],
        ),
        (("answer", "win"), "won", ["updated", "closed"], []),
    ],
)
def test_a_dispute_goes_on_in_the_order_of_its_steps(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, steps: Any, status: str,
    events: list[str], moved: list[str],
) -> None:  # fmt: skip
    dispute = simulated.dispute(payment)
    assert dispute["status"] == "needs_response"
    for step in steps:
        simulated.move_dispute(dispute["id"], step)

    assert sdk.v1.disputes.retrieve(dispute["id"]).status == status
    assert heard(simulated) == [f"charge.dispute.{event}" for event in ("created", *events)]
    assert categories(sdk, dispute["id"]) == moved
    assert charge_of(sdk, payment).disputed
    assert charge_of(sdk, payment).amount_refunded == 0
    transactions = sdk.v1.balance_transactions.list({"source": dispute["id"]}).data
    assert sum(one.amount for one in transactions) == 3500 * sum(MOVED[name] for name in moved)
    assert [one.fee for one in transactions if one.fee] == [1500] * moved.count("dispute")


def test_a_dispute_says_what_stripe_says_of_it(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, clock: Clock
) -> None:
    dispute_id = simulated.dispute(payment, is_withdrawn=True)["id"]

    dispute = sdk.v1.disputes.retrieve(dispute_id, {"expand": ["charge", "payment_intent"]})

    assert dispute_id.startswith("du_sim_")
    assert (dispute.amount, dispute.currency, dispute.reason) == (3500, "usd", "fraudulent")
    assert isinstance(dispute.charge, stripe.Charge)
    assert isinstance(dispute.payment_intent, stripe.PaymentIntent)
    assert dispute.payment_intent.id == payment
    assert (dispute.evidence_details.due_by, dispute.evidence_details.has_evidence) == (
        clock.now + ANSWER_SECONDS,
        False,
    )
    assert not dispute.is_charge_refundable
    (taken,) = dispute.balance_transactions
    assert (taken.object, taken.amount, taken.type, taken.source) == (
        "balance_transaction", -3500, "adjustment", dispute_id,
    )  # fmt: skip
    assert dispute.payment_method_details is not None
    assert dispute.payment_method_details.card is not None
    assert dispute.payment_method_details.card.case_type == "chargeback"


def test_events_of_a_dispute_carry_it_as_it_was_then(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    dispute_id = simulated.dispute(payment, is_withdrawn=True)["id"]
    for step in ("answer", "win"):
        simulated.move_dispute(dispute_id, step)  # type: ignore[arg-type]

    told = {
        name: bodies(sdk, f"charge.dispute.{name}")
        for name in ("created", "funds_withdrawn", "updated", "closed", "funds_reinstated")
    }
    assert {name: len(found) for name, found in told.items()} == dict.fromkeys(told, 1)
    shown = {
        name: (found[0]["object"]["status"], len(found[0]["object"]["balance_transactions"]))
        for name, found in told.items()
    }
    assert shown == {
        "created": ("needs_response", 0),
        "funds_withdrawn": ("needs_response", 1),
        "updated": ("under_review", 1),
        "closed": ("won", 1),
        "funds_reinstated": ("won", 2),
    }
    assert told["updated"][0]["previous_attributes"]["status"] == "needs_response"


@pytest.mark.parametrize("answers", [(), ("answer",)])
def test_an_inquiry_moves_no_money_until_it_becomes_a_dispute(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, answers: Any
) -> None:
    inquiry = simulated.dispute(payment, is_inquiry=True, is_withdrawn=True)
    for step in answers:
        simulated.move_dispute(inquiry["id"], step)
    found = sdk.v1.disputes.retrieve(inquiry["id"])
    assert found.status.startswith("warning_")
    assert (found.balance_transactions, found.is_charge_refundable) == ([], True)
    forget(simulated)

    simulated.move_dispute(inquiry["id"], "withdraw")

    found = sdk.v1.disputes.retrieve(inquiry["id"])
    assert (found.status, found.is_charge_refundable) == ("needs_response", False)
    assert categories(sdk, inquiry["id"]) == ["dispute"]
    assert heard(simulated) == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]


def test_an_inquiry_is_closed_without_money(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    inquiry = simulated.dispute(payment, is_inquiry=True)

    simulated.move_dispute(inquiry["id"], "close")

    assert sdk.v1.disputes.retrieve(inquiry["id"]).status == "warning_closed"
    assert heard(simulated) == ["charge.dispute.created", "charge.dispute.closed"]
    assert sdk.v1.balance_transactions.list().data == []


@pytest.mark.parametrize("end", ["win", "lose", "close"])
def test_a_dispute_that_has_ended_stays_as_it_is(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, end: Any
) -> None:
    dispute = simulated.dispute(payment, is_inquiry=end == "close", is_withdrawn=True)
    ended = simulated.move_dispute(dispute["id"], end)
    forget(simulated)

    for step in STEPS:
        assert simulated.move_dispute(dispute["id"], step) == ended
    assert heard(simulated) == []
    assert refusal(sdk.v1.disputes.close, dispute["id"])[3] == "This dispute is already closed."


def test_closing_a_dispute_accepts_it(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str) -> None:
    dispute = simulated.dispute(payment, is_withdrawn=True)
    forget(simulated)

    assert sdk.v1.disputes.close(dispute["id"], options={"idempotency_key": "close:1"}).status == "lost"
    assert sdk.v1.disputes.close(dispute["id"], options={"idempotency_key": "close:1"}).status == "lost"

    assert heard(simulated) == ["charge.dispute.closed"]
    assert refusal(sdk.v1.disputes.close, "du_none")[0] == 404
    inquiry = simulated.dispute(payment, is_inquiry=True)
    with pytest.raises(stripe.APIError, match="not simulated"):
        sdk.v1.disputes.close(inquiry["id"])


def test_a_part_may_be_disputed_and_more_than_is_left(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    simulated.refund(payment, 3000)

    rest = simulated.dispute(payment, is_withdrawn=True)
    all_of_it = simulated.dispute(payment, 3500, is_withdrawn=True)

    assert (rest["amount"], all_of_it["amount"]) == (500, 3500)
    for amount in (0, -1, 3501):
        with pytest.raises(StripeRefusal):
            simulated.dispute(payment, amount)


def test_a_dispute_never_needs_a_payment_that_was_not_made(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    unpaid = pay(sdk, simulated, price_id, "declined")
    for act in (simulated.dispute, simulated.refund):
        with pytest.raises(StripeRefusal, match="has not succeeded"):
            act(unpaid)
    with pytest.raises(LookupError):
        simulated.dispute("pi_none")


def test_a_bank_payment_is_disputed_without_a_card(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    payment = pay(sdk, simulated, price_id, "delayed_succeeds")
    simulated.settle(payment)

    simulated.dispute(payment)

    (dispute,) = sdk.v1.disputes.list({"payment_intent": payment}).data
    assert dispute.payment_method_details is None


def test_the_card_that_is_disputed_is_disputed_at_once(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    payment = pay(sdk, simulated, price_id, "disputed", after="refund")

    (dispute,) = sdk.v1.disputes.list({"payment_intent": payment}).data
    assert (dispute.amount, dispute.status, categories(sdk, dispute.id)) == (3500, "needs_response", ["dispute"])
    details = charge_of(sdk, payment).payment_method_details
    assert details is not None
    assert details.card is not None
    assert details.card.last4 == "0259"
    order = [event.type for event in sdk.v1.events.list({"limit": 100}).data if event.type.split(".")[0] != "price"]
    assert order[::-1][-6:] == [*PAID, "charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with simulated.store.reading() as state:
        assert state.due("payment_intent", now=2**40) == []


def test_metadata_of_a_dispute_changes_and_evidence_is_not_simulated(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    dispute = simulated.dispute(payment)
    forget(simulated)

    for _ in range(2):
        updated = sdk.v1.disputes.update(dispute["id"], {"metadata": {"seen": "yes"}})
        assert updated.to_dict()["metadata"] == {"seen": "yes"}

    assert heard(simulated) == ["charge.dispute.updated"]
    with pytest.raises(stripe.APIError, match="not simulated"):
        sdk.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})


def test_disputes_are_listed_by_payment_and_time_page_by_page(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    payments = [pay(sdk, simulated, price_id) for _ in range(2)]
    for amount in range(1, 5):
        for payment_id in payments:
            simulated.dispute(payment_id, amount)
        clock.forward(60)

    def amounts(**params: Any) -> list[int]:
        return [dispute.amount for dispute in sdk.v1.disputes.list(params).data]  # type: ignore[arg-type]

    assert amounts(payment_intent=payments[0]) == [4, 3, 2, 1]
    assert amounts(charge=charge_of(sdk, payments[1]).id, limit=2) == [4, 3]
    assert amounts(created={"gte": clock.now - 60}) == [4, 4]
    walked = sdk.v1.disputes.list({"payment_intent": payments[1], "limit": 3}).auto_paging_iter()
    assert [dispute.amount for dispute in walked] == [4, 3, 2, 1]
    first = sdk.v1.disputes.list({"limit": 2}).data[1].id
    assert amounts(ending_before=first) == [4]
    assert refusal(sdk.v1.disputes.list, {"charge": "ch_none"})[1] == "resource_missing"


def test_balance_transactions_are_found_by_source_type_currency_and_time(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str, clock: Clock
) -> None:
    refund = simulated.refund(payment, 1000)
    clock.forward(60)
    dispute = simulated.dispute(payment, 1000, is_withdrawn=True)

    def sources(**params: Any) -> list[Any]:
        return [one.source for one in sdk.v1.balance_transactions.list(params).data]  # type: ignore[arg-type]

    assert sources() == [dispute["id"], refund["id"]]
    assert sources(source=refund["id"]) == sources(type="refund") == [refund["id"]]
    assert sources(type="adjustment") == sources(created={"gt": clock.now - 60}) == [dispute["id"]]
    assert sources(currency="eur") == []
    assert refusal(sdk.v1.balance_transactions.retrieve, "txn_none")[0] == 404
    with pytest.raises(stripe.APIError, match="not simulated"):
        sources(payout="po_1")
