"""Facts of Stripe's subscriptions and invoices as frozen dataclasses. Knows no SDK and no database.

As in `stripe_objects`, the tables of paths are all that is read.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.billing.stripe_objects import Json, Price, facts_of, price

# https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
ENDED = frozenset({"canceled", "incomplete_expired"})
ON_THE_PLAN = frozenset({"trialing", "active", "past_due"})

SUBSCRIPTION_PATHS = {
    "id": "id",
    "status": "status",
    "livemode": "livemode",
    "customer_id": "customer",
    "cancel_at": "cancel_at",
    "is_ending": "cancel_at_period_end",
    "ended_at": "ended_at",
    "trial_ends_at": "trial_end",
    "started_at": "start_date",
    "pause": "pause_collection.behavior",
    "resumes_at": "pause_collection.resumes_at",
}
ITEM_PATHS = {"item_id": "id", "period_starts_at": "current_period_start", "period_ends_at": "current_period_end"}
CARD_PATHS = {"brand": "card.brand", "last4": "card.last4", "type": "type"}
PHASE_PATHS = {"starts_at": "start_date"}
INVOICE_PATHS = {
    "id": "id",
    "number": "number",
    "status": "status",
    "reason": "billing_reason",
    "currency": "currency",
    "total_minor": "total",
    "url": "hosted_invoice_url",
    "attempts": "attempt_count",
    "retries_at": "next_payment_attempt",
    "made_at": "created",
    "subscription_id": "parent.subscription_details.subscription",
}
INVOICE_LINE_PATHS = {
    "id": "id",
    "starts_at": "period.start",
    "ends_at": "period.end",
    "amount_minor": "amount",
    "price_id": "pricing.price_details.price",
    "item_id": "parent.subscription_item_details.subscription_item",
    "is_proration": "parent.subscription_item_details.proration",
}


@dataclass(frozen=True, slots=True)
class Card:
    """What pays: the brand and last four of a card, or the kind of another payment method."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription as Stripe has it at the moment of asking. Its first item is the plan: we sell no others.

    `next_price` is the Price that a schedule brings with the next period, None for the same.
    """

    id: str
    status: str
    livemode: bool
    customer_id: str
    item_id: str
    price: Price
    next_price_id: str | None
    period_starts_at: dt.datetime
    period_ends_at: dt.datetime
    trial_ends_at: dt.datetime | None
    ends_at: dt.datetime | None
    ended_at: dt.datetime | None
    started_at: dt.datetime
    is_paused: bool
    resumes_at: dt.datetime | None
    card: Card | None
    metadata: Mapping[str, str]

    @property
    def has_ended(self) -> bool:
        """Whether it is over for good. A state that is new to us is no end."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """What an invoice asks for: a Price for a time. Of a proration the time is what is left of the period."""

    id: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    amount_minor: int
    price_id: str | None
    item_id: str | None
    is_proration: bool


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice of a subscription. Money in minor units of `currency`."""

    id: str
    number: str | None
    status: str | None
    reason: str | None
    currency: str
    total_minor: int
    url: str | None
    attempts: int
    retries_at: dt.datetime | None
    made_at: dt.datetime
    subscription_id: str | None
    lines: tuple[InvoiceLine, ...]

    @property
    def is_paid(self) -> bool:
        """Whether nothing more is owed for it; one over nothing is paid as well."""
        return self.status == "paid"

    @property
    def has_failed(self) -> bool:
        """Whether a payment of it was tried in vain and may be tried again."""
        return self.status == "open" and self.attempts > 0


def subscription_facts(json: Json) -> SubscriptionFacts:
    """The facts of a `subscription`, its payment method, its customer and its schedule expanded."""
    facts = facts_of(json, SUBSCRIPTION_PATHS)
    item = json["items"]["data"][0]
    is_ending = facts.pop("is_ending")
    is_paused = facts.pop("pause") is not None
    moments = {name: _moment(facts.pop(name)) for name in ("trial_ends_at", "ended_at", "started_at", "resumes_at")}
    about_item = facts_of(item, ITEM_PATHS)
    period = {name: _moment(about_item.pop(name)) for name in ("period_starts_at", "period_ends_at")}
    cancel_at = _moment(facts.pop("cancel_at")) or (period["period_ends_at"] if is_ending else None)
    return SubscriptionFacts(
        **facts | moments | about_item | period,
        is_paused=is_paused,
        price=price(item["price"]),
        next_price_id=_next_price_id(json),
        ends_at=cancel_at,
        card=_card(json),
        metadata=dict(json["metadata"] or {}),
    )


def invoice(json: Json, lines: Sequence[Json] | None = None) -> Invoice:
    """The facts of an `invoice`. `lines` are all of its lines, where one page of them isn't all."""
    facts = facts_of(json, INVOICE_PATHS)
    moments = {name: _moment(facts[name]) for name in ("retries_at", "made_at")}
    found = json["lines"]["data"] if lines is None else lines
    return Invoice(**facts | moments, lines=tuple(_line(line) for line in found))


def has_more_lines(json: Json) -> bool:
    """Whether an `invoice` has more lines than it came with."""
    return bool(json["lines"]["has_more"])


def _line(json: Json) -> InvoiceLine:
    facts = facts_of(json, INVOICE_LINE_PATHS)
    moments = {name: _moment(facts[name]) for name in ("starts_at", "ends_at")}
    return InvoiceLine(**facts | moments | {"is_proration": bool(facts["is_proration"])})


def _card(json: Json) -> Card | None:
    """The subscription's own payment method, else its customer's."""
    customer = json["customer"] if isinstance(json["customer"], Mapping) else {}
    of_customer = (customer.get("invoice_settings") or {}).get("default_payment_method")
    method = json["default_payment_method"] or of_customer
    if not isinstance(method, Mapping):
        return None
    facts = facts_of(method, CARD_PATHS)
    return Card(facts["brand"] or facts["type"], facts["last4"] or "")


def _next_price_id(json: Json) -> str | None:
    """The Price of the schedule's phase that begins when the period ends."""
    schedule = json["schedule"]
    if not isinstance(schedule, Mapping):
        return None
    period_ends_at = json["items"]["data"][0]["current_period_end"]
    for phase in schedule["phases"]:
        if facts_of(phase, PHASE_PATHS)["starts_at"] >= period_ends_at:
            found = phase["items"][0]["price"]
            return str(found["id"] if isinstance(found, Mapping) else found)
    return None


def _moment(seconds: Any) -> Any:
    """The instant of Stripe's whole seconds; None for none."""
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
