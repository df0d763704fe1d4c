"""Payments: checkouts, refunds and disputes, one by one and in lists."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import stripe

from webapp.billing.errors import StripeRefused
from webapp.billing.gateway.calls import PAGE, Calls, all_of, asked, pages, typed
from webapp.billing.stripe_objects import (
    CheckoutSession,
    Dispute,
    Refund,
    checkout_session,
    dispute,
    payment_intent_of,
    refund,
)

MoneyKind = Literal["charge", "refund", "dispute"]


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant to before another, in whole seconds as Stripe counts them."""

    since: dt.datetime
    until: dt.datetime

    @property
    def params(self) -> dict[str, Any]:
        """What a list takes for it."""
        return {"created": {"gte": int(self.since.timestamp()), "lt": int(self.until.timestamp())}, "limit": PAGE}


class Payments(Calls):
    """What people pay and get back."""

    def create_checkout(self, params: Mapping[str, Any], *, idempotency_key: str) -> CheckoutSession:
        """Open a Checkout Session. The same key with the same parameters gives the same session.

        Raises StripeUnreachable (send the same again later) or StripeRefused.
        """
        options = {"idempotency_key": idempotency_key, "max_network_retries": 1}
        return checkout_session(
            asked("create checkout", lambda: self._v1.checkout.sessions.create(typed(params), typed(options)))
        )

    def checkout(self, session_id: str) -> CheckoutSession:
        """A Checkout Session as it is now, with its line items and its payment's status."""
        self.refuse_simulated(session_id)
        params = {"expand": ["line_items", "payment_intent"]}
        return checkout_session(
            asked("read checkout", lambda: self._v1.checkout.sessions.retrieve(session_id, typed(params)))
        )

    def checkout_of_payment(self, payment_intent_id: str) -> CheckoutSession | None:
        """The Checkout Session that made a payment intent, as it is now; None if none did."""
        self.refuse_simulated(payment_intent_id)
        params = {"payment_intent": payment_intent_id, "limit": 1}
        try:
            found = asked("find checkout", lambda: self._v1.checkout.sessions.list(typed(params)))
        except StripeRefused as refusal:
            if refusal.is_missing:
                return None
            raise
        return self.checkout(found["data"][0]["id"]) if found["data"] else None

    def refunds_of_payment(self, payment_intent_id: str) -> tuple[Refund, ...]:
        """Every refund of a payment, as it is now, whatever became of it."""
        self.refuse_simulated(payment_intent_id)
        params = {"payment_intent": payment_intent_id, "limit": PAGE}
        return tuple(refund(json) for json in all_of("list refunds", self._v1.refunds.list, params))

    def disputes_of_payment(self, payment_intent_id: str) -> tuple[Dispute, ...]:
        """Every dispute of a payment, as it is now, whatever became of it."""
        self.refuse_simulated(payment_intent_id)
        params = {"payment_intent": payment_intent_id, "limit": PAGE}
        return tuple(dispute(json) for json in all_of("list disputes", self._v1.disputes.list, params))

    def payment_of(self, kind: MoneyKind, object_id: str) -> str | None:
        """The payment intent behind a charge, a refund or a dispute, for events of API versions that don't name it."""
        self.refuse_simulated(object_id)
        reading: dict[MoneyKind, Callable[[str], stripe.StripeObject]] = {
            "charge": self._v1.charges.retrieve,
            "refund": self._v1.refunds.retrieve,
            "dispute": self._v1.disputes.retrieve,
        }
        try:
            found = asked(f"read {kind}", lambda: reading[kind](object_id))
        except StripeRefused as refusal:
            if refusal.is_missing:
                return None
            raise
        return payment_intent_of(found)

    def create_refund(self, params: Mapping[str, Any], *, idempotency_key: str) -> Refund:
        """Ask for a refund of a payment, or of a part. The same key with the same parameters asks once.

        Raises StripeUnreachable (send the same again) or StripeRefused.
        """
        options = {"idempotency_key": idempotency_key}
        return refund(asked("create refund", lambda: self._v1.refunds.create(typed(params), typed(options))))

    def completed_checkouts(self, made: Span) -> Iterator[CheckoutSession]:
        """Every Checkout Session made in a span that its buyer went through, newest first, without its line items.

        Asks page by page, so nothing may be held while the next one is taken. Raises as every call.
        """
        listing = self._v1.checkout.sessions.list
        for json in pages("list checkouts", listing, {"status": "complete", **made.params}):
            yield checkout_session(json)

    def refunds(self, made: Span) -> Iterator[Refund]:
        """Every refund made in a span, newest first; page by page."""
        for json in pages("list refunds", self._v1.refunds.list, made.params):
            yield refund(json)

    def disputes(self, made: Span) -> Iterator[Dispute]:
        """Every dispute made in a span, newest first; page by page."""
        for json in pages("list disputes", self._v1.disputes.list, made.params):
            yield dispute(json)
