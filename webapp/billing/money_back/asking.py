"""Asking Stripe what came back of a payment. No transaction may be open."""

import datetime as dt
from dataclasses import dataclass

from webapp.billing.gateway import Gateway
from webapp.billing.stripe_objects import Dispute, Refund


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """All refunds and disputes of one payment. `asked_at` is from before asking: what happened until then is in it."""

    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    asked_at: dt.datetime

    @property
    def returned_minor(self) -> int:
        """What is gone or on its way: refunds that have not failed, and disputes whose money was withdrawn."""
        refunded = sum(refund.amount_minor for refund in self.refunds if not refund.is_undone)
        return refunded + sum(dispute.amount_minor for dispute in self.disputes if dispute.is_withdrawn)

    @property
    def disputed_minor(self) -> int:
        """What other open disputes ask for, inquiries too."""
        return sum(dispute.amount_minor for dispute in self.disputes if dispute.is_open and not dispute.is_withdrawn)


def money_back(gateway: Gateway, payment_intent_id: str, *, now: dt.datetime) -> MoneyBack:
    """What came back of a payment, as Stripe has it now. Raises StripeUnreachable or StripeRefused."""
    refunds = gateway.refunds_of_payment(payment_intent_id)
    return MoneyBack(refunds, gateway.disputes_of_payment(payment_intent_id), asked_at=now)
