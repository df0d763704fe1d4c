"""Facts of Stripe's objects as frozen dataclasses: what the gateway hands out. Knows no SDK and no database.

The tables of paths are what is read, and all that is read: a test finds each in the installed SDK's types.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

REFUND_FAILURES = frozenset({"failed", "canceled"})
REFUND_STATES = REFUND_FAILURES | {"pending", "requires_action", "succeeded"}
# `closed` need not be the end: an appeal opens a dispute again.
DISPUTE_ENDS = frozenset({"won", "lost", "warning_closed", "prevented"})
DISPUTE_STATES = DISPUTE_ENDS | {
    *("needs_response", "under_review", "warning_needs_response", "warning_under_review"),
    *("appeal_needs_response", "appeal_under_review"),
}

SIMULATED_MARK = "_sim_"  # in every id of the simulated Stripe, in none of the real one

CHECKOUT_PATHS = {
    "id": "id",
    "mode": "mode",
    "status": "status",
    "payment_status": "payment_status",
    "livemode": "livemode",
    "currency": "currency",
    "subtotal_minor": "amount_subtotal",
    "total_minor": "amount_total",
    "discount_minor": "total_details.amount_discount",
    "tax_minor": "total_details.amount_tax",
    "client_reference_id": "client_reference_id",
    "customer_id": "customer",
    "subscription_id": "subscription",
    "payment_intent_id": "payment_intent",
    "payment_intent_status": "payment_intent.status",
    "failure_code": "payment_intent.last_payment_error.code",
    "url": "url",
    "success_url": "success_url",
    "expires_at": "expires_at",
}
LINE_ITEM_PATHS = {"price_id": "price", "quantity": "quantity"}
PRICE_PATHS = {
    "id": "id",
    "lookup_key": "lookup_key",
    "product_id": "product",
    "product_name": "product.name",
    "amount_minor": "unit_amount",
    "currency": "currency",
    "interval": "recurring.interval",
    "is_active": "active",
    "is_product_active": "product.active",
}
REFUND_PATHS = {
    "id": "id",
    "amount_minor": "amount",
    "currency": "currency",
    "state": "status",
    "reason": "reason",
    "payment_intent_id": "payment_intent",
    "made_at": "created",
}
DISPUTE_PATHS = {
    "id": "id",
    "amount_minor": "amount",
    "currency": "currency",
    "state": "status",
    "reason": "reason",
    "payment_intent_id": "payment_intent",
    "due_by": "evidence_details.due_by",
    "made_at": "created",
}
PAYMENT_PATHS = {"payment_intent_id": "payment_intent"}
MOVEMENT_PATHS = {"category": "reporting_category"}
ENDPOINT_PATHS = {"id": "id", "url": "url", "status": "status", "api_version": "api_version", "secret": "secret"}


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a Checkout Session."""

    price_id: str | None
    quantity: int | None


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A Checkout Session as Stripe has it at the moment of asking. Money in minor units of `currency`.

    `line_items` is None where they were not asked for, or where there are more than one page of them.
    `payment_intent_status` and `failure_code` tell a delayed payment that failed from one that is still on its way.
    """

    id: str
    mode: str
    status: str | None
    payment_status: str
    livemode: bool
    currency: str | None
    subtotal_minor: int | None
    total_minor: int | None
    discount_minor: int | None
    tax_minor: int | None
    client_reference_id: str | None
    customer_id: str | None
    subscription_id: str | None
    payment_intent_id: str | None
    payment_intent_status: str | None
    failure_code: str | None
    url: str | None
    success_url: str | None
    expires_at: int
    metadata: Mapping[str, str]
    line_items: tuple[LineItem, ...] | None

    @property
    def is_paid(self) -> bool:
        """Whether the buyer owes nothing more: paid, or nothing to pay (a coupon of 100 %)."""
        return self.payment_status in {"paid", "no_payment_required"}

    @property
    def has_failed(self) -> bool:
        """Whether a delayed payment ended without money: completed, unpaid, and nothing on its way any more."""
        return (
            self.status == "complete"
            and self.payment_status == "unpaid"
            and self.payment_intent_status in {"requires_payment_method", "canceled"}
        )


@dataclass(frozen=True, slots=True)
class Price:
    """A Price with the product it belongs to. `interval` is None for one that is paid once."""

    id: str
    lookup_key: str | None
    product_id: str
    product_name: str | None
    amount_minor: int | None
    currency: str
    interval: str | None
    is_active: bool
    is_product_active: bool | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund. A `state` that is new to us undoes nothing: what was taken stays so."""

    id: str
    amount_minor: int
    currency: str
    state: str
    reason: str
    payment_intent_id: str | None
    made_at: dt.datetime
    metadata: Mapping[str, str]

    @property
    def is_undone(self) -> bool:
        """Whether its money stays with us after all."""
        return self.state in REFUND_FAILURES

    @property
    def is_understood(self) -> bool:
        """Whether we know what its state means."""
        return self.state in REFUND_STATES


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute. `is_withdrawn`: its money was taken from us and not given back, while it is open or since it is lost.

    https://docs.stripe.com/disputes/how-disputes-work
    """

    id: str
    amount_minor: int
    currency: str
    state: str
    reason: str
    payment_intent_id: str | None
    is_withdrawn: bool
    due_by: dt.datetime | None
    made_at: dt.datetime

    @property
    def is_open(self) -> bool:
        """Whether it has not ended. A state that is new to us is no end: what is frozen stays so."""
        return self.state not in DISPUTE_ENDS

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks so far. Such a payment may still be refunded, which often ends it."""
        return self.state.startswith("warning_")

    @property
    def is_understood(self) -> bool:
        """Whether we know what its state means."""
        return self.state in DISPUTE_STATES


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An address Stripe sends events to. `secret` is told once, when it is made."""

    id: str
    url: str
    status: str
    api_version: str | None
    secret: str | None
    events: tuple[str, ...]


def checkout_session(json: Json) -> CheckoutSession:
    """The facts of a `checkout.session`."""
    return CheckoutSession(
        **facts_of(json, CHECKOUT_PATHS), metadata=dict(json["metadata"] or {}), line_items=_line_items(json)
    )


def price(json: Json) -> Price:
    """The facts of a `price`, its product expanded or not."""
    return Price(**facts_of(json, PRICE_PATHS), metadata=dict(json["metadata"] or {}))


def refund(json: Json) -> Refund:
    """The facts of a `refund`."""
    facts = facts_of(json, REFUND_PATHS)
    words = {"state": facts["state"] or "pending", "reason": facts["reason"] or ""}
    return Refund(**facts | words | _made_at(facts), metadata=dict(json["metadata"] or {}))


def dispute(json: Json) -> Dispute:
    """The facts of a `dispute`. Its money is away while more of its movements took it than gave it back."""
    facts = facts_of(json, DISPUTE_PATHS)
    moved = [_at(movement, MOVEMENT_PATHS["category"]) for movement in json["balance_transactions"]]
    is_withdrawn = moved.count("dispute") > moved.count("dispute_reversal")
    due_by = None if facts["due_by"] is None else dt.datetime.fromtimestamp(facts["due_by"], dt.UTC)
    return Dispute(**facts | {"is_withdrawn": is_withdrawn, "due_by": due_by} | _made_at(facts))


def payment_intent_of(json: Json) -> str | None:
    """The payment intent that a charge, a refund or a dispute names."""
    found: str | None = facts_of(json, PAYMENT_PATHS)["payment_intent_id"]
    return found


def webhook_endpoint(json: Json) -> WebhookEndpoint:
    """The facts of a `webhook_endpoint`."""
    return WebhookEndpoint(**facts_of(json, ENDPOINT_PATHS), events=tuple(json["enabled_events"]))


def _made_at(facts: Mapping[str, Any]) -> dict[str, dt.datetime]:
    return {"made_at": dt.datetime.fromtimestamp(facts["made_at"], dt.UTC)}


def _line_items(json: Json) -> tuple[LineItem, ...] | None:
    page = json.get("line_items")
    if page is None or page["has_more"]:
        return None
    return tuple(LineItem(**facts_of(item, LINE_ITEM_PATHS)) for item in page["data"])


def facts_of(json: Json, paths: Mapping[str, str]) -> dict[str, Any]:
    """What stands at each path of an object, by name."""
    return {name: _at(json, path) for name, path in paths.items()}


def _at(json: Json, path: str) -> Any:
    """What stands at a dotted path; of an expanded object its id; None past an end or an object not expanded."""
    found: Any = json
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found["id"] if isinstance(found, Mapping) else found
