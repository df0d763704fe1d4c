"""Asking Stripe what came back of a payment. No transaction may be open."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from webapp.billing.gateway import Gateway
from webapp.billing.stripe_objects import Dispute, Refund


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """All refunds and disputes of one payment, as Stripe had them when it was asked.

    `known_at` is the purchase's `money_read_at` from before asking: whatever had been settled until then is older
    than this answer. None: nothing had been.
    """

    payment_intent_id: str
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    known_at: dt.datetime | None

    def sums(self, *, total_minor: int, currency: str) -> tuple[int, int]:
        """What is gone or on its way, and what open disputes ask for besides; both together at most the total.

        Gone are refunds that have not failed and disputes whose money was withdrawn and not given back; the others
        that are open freeze, inquiries too. What is counted in another currency counts for the whole payment.
        """
        returned: list[Refund | Dispute] = [refund for refund in self.refunds if not refund.is_undone]
        returned += [dispute for dispute in self.disputes if dispute.is_withdrawn]
        disputed = [dispute for dispute in self.disputes if dispute.is_open and not dispute.is_withdrawn]
        returned_minor = min(_sum(returned, total_minor, currency), total_minor)
        return returned_minor, min(_sum(disputed, total_minor, currency), total_minor - returned_minor)

    def without_inquiries(self) -> "MoneyBack":
        """The same but for the disputes that are only inquiries: they keep nothing from being refunded."""
        return replace(self, disputes=tuple(dispute for dispute in self.disputes if not dispute.is_inquiry))


def _sum(backs: Sequence[Refund | Dispute], total_minor: int, currency: str) -> int:
    return sum(back.amount_minor if back.currency == currency else total_minor for back in backs)


def money_back(gateway: Gateway, payment_intent_id: str, *, known_at: dt.datetime | None) -> MoneyBack:
    """What came back of a payment, as Stripe has it now. Raises StripeUnreachable or StripeRefused.

    `known_at` is the `money_read_at` of its purchase, read before this is called.
    """
    refunds = gateway.refunds_of_payment(payment_intent_id)
    disputes = gateway.disputes_of_payment(payment_intent_id)
    return MoneyBack(payment_intent_id, refunds, disputes, known_at)
