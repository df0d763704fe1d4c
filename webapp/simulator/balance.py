"""Balance transactions: what refunds and disputes take out of the account's balance and bring back into it.

Charges have none here: Stripe makes theirs some time after the payment.
https://docs.stripe.com/api/balance_transactions
"""

from typing import Literal

import stripe

from webapp.simulator.calls import Call
from webapp.simulator.lists import Listing, page
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

Move = Literal["refund", "payment_refund", "refund_failure", "dispute", "dispute_reversal"]

# Each with Stripe's `type` and `reporting_category`: the type alone does not tell a dispute from other adjustments.
# https://docs.stripe.com/reports/reporting-categories
KINDS: dict[Move, tuple[str, str]] = {
    "refund": ("refund", "refund"),
    "payment_refund": ("payment_refund", "refund"),
    "refund_failure": ("refund_failure", "refund_failure"),
    "dispute": ("adjustment", "dispute"),
    "dispute_reversal": ("adjustment", "dispute_reversal"),
}


def move(
    state: State, source: Json, kind: Move, amount_minor: int, description: str, *, now: int, fee_minor: int = 0
) -> Json:
    """Store that money left the balance (below zero) or came back into it, because of a refund or a dispute."""
    type_, category = KINDS[kind]
    transaction = blank(
        stripe.BalanceTransaction,
        id=new_id("txn"),
        object="balance_transaction",
        amount=amount_minor,
        available_on=now,
        balance_type="payments",
        created=now,
        currency=source["currency"],
        description=description,
        fee=fee_minor,
        fee_details=[_fee(fee_minor, source["currency"])] if fee_minor else [],
        net=amount_minor - fee_minor,
        reporting_category=category,
        source=source["id"],
        status="available",
        type=type_,
    )
    return state.add(transaction)


def retrieve(call: Call, transaction_id: str) -> Json:
    """One balance transaction."""
    return call.required("balance_transaction", transaction_id)


def list_all(call: Call) -> Json:
    """Balance transactions, newest first; `source` is the refund or the dispute behind them."""
    params = call.params

    def fits(transaction: Json) -> bool:
        return all(params.get(name) in {None, transaction[name]} for name in ("currency", "source", "type"))

    return page(call, Listing("balance_transaction", "sim_object", "/v1/balance_transactions"), fits)


def _fee(amount_minor: int, currency: str) -> Json:
    return blank(
        stripe.BalanceTransaction.FeeDetail,
        amount=amount_minor,
        currency=currency,
        description="Dispute fee",
        type="stripe_fee",
    )
