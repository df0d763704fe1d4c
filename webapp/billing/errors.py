"""What billing refuses. Sentences are for the buyer: they say whether money moved, never what a key or a token is.

Refusal
└── BillingRefusal
    ├── PaymentsOff          no Stripe behind the Buy button
    ├── UnknownPack          not in the catalogue, or not on sale
    ├── PackLocked           needs a plan                      pack, plan
    ├── PackUnavailable      no Price in Stripe that agrees with the catalogue
    ├── UnknownPlan          not in the catalogue, or not on sale       plan
    ├── PlanUnavailable      no Price in Stripe that agrees with the catalogue
    ├── AlreadySubscribed    one subscription an account: change that one  plan
    ├── PlanMissing          somebody pays for a plan that the catalogue hasn't  plan
    ├── StillSubscribed      a subscription would go on without its account     plan
    ├── NotSubscribed        there is nothing to manage in the portal
    ├── PortalUnavailable    Stripe doesn't open its portal
    ├── TermsChanged         the form showed other terms       pack, credits, amount_minor, currency
    ├── CheckoutExpired      this purchase can't be paid any more
    ├── UnknownPurchase
    ├── UnknownEvent         neither stored here nor kept by Stripe
    ├── NotRefundable        nothing of this purchase can be refunded   state
    ├── RefundOutOfRange     not between one step and what is left      left_minor, currency
    ├── RefundUnderway       another refund of it is not confirmed yet  amount_minor, currency
    ├── RefundUnconfirmed    nobody knows yet whether Stripe made it    amount_minor, currency
    ├── RefundRefused        Stripe said no to a refund                 stripe_code
    ├── RefundNotOffered     nobody may ask for a refund of this        why
    ├── QuoteChanged         the refund would be another one now        credits, amount_minor, currency
    ├── UnknownRequest       no request for a refund waits there
    ├── RequestDecided       an operator was quicker
    ├── Overtaken            others settled other answers meanwhile: ask again
    ├── InvalidWebhook       not an event that Stripe signed for us
    ├── StripeUnreachable    no answer, or none that says yes or no: try again later
    │   └── StripeDenied     Stripe doesn't accept our key
    └── StripeRefused        Stripe said no
"""

from typing import ClassVar

from webapp.errors import Refusal


class BillingRefusal(Refusal):
    """Billing can't do this; no money moved."""

    code = "billing_refused"


class PaymentsOff(BillingRefusal):
    """Payments are not configured: nothing can be bought, and no event is expected."""

    code = "payments_off"

    def __init__(self) -> None:
        super().__init__("Payments are not configured here, so nothing can be bought.")


class UnknownPack(BillingRefusal):
    """There is no such pack on sale."""

    code = "unknown_pack"

    def __init__(self) -> None:
        super().__init__("We don't sell that pack (any more). You have not been charged.")


class PackLocked(BillingRefusal):
    """The buyer's plan doesn't include the pack. Facts: `pack`, `plan` (None: any subscription)."""

    code = "pack_locked"


class PackUnavailable(BillingRefusal):
    """The pack has no Price in Stripe that agrees with the catalogue. Facts: `pack`."""

    code = "pack_unavailable"


class UnknownPlan(BillingRefusal):
    """There is no such plan on sale. Facts: `plan`."""

    code = "unknown_plan"

    def __init__(self, slug: str) -> None:
        super().__init__("We don't sell that plan (any more). You have not been charged.", plan=slug)


class PlanUnavailable(BillingRefusal):
    """The plan has no Price in Stripe that agrees with the catalogue. Facts: `plan`."""

    code = "plan_unavailable"

    def __init__(self, slug: str) -> None:
        super().__init__("This plan can't be bought right now. You have not been charged.", plan=slug)


class PlanMissing(BillingRefusal):
    """Stripe has a subscription to a plan of ours that isn't in the catalogue: nobody can tell what it gives."""

    code = "plan_missing"

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"Somebody subscribes to the plan “{slug}”, which the catalogue has no more. Put it back; with "
            "active = false nobody else can buy it.",
            plan=slug,
        )


class AlreadySubscribed(BillingRefusal):
    """The account has a subscription, which can be changed; a second one would be paid twice. Facts: `plan`."""

    code = "already_subscribed"

    def __init__(self, slug: str) -> None:
        super().__init__(
            "You have a subscription already. Change it in “Manage subscription”. You have not been charged.", plan=slug
        )


class StillSubscribed(BillingRefusal):
    """The account has a subscription that would be charged again. Facts: `plan`."""

    code = "still_subscribed"

    def __init__(self, slug: str) -> None:
        super().__init__(
            "Your subscription would go on and be charged again. Cancel it first, on the billing page. Nothing was "
            "closed.",
            plan=slug,
        )


class NotSubscribed(BillingRefusal):
    """Nothing was ever paid here, so there is nothing to manage in the customer portal."""

    code = "not_subscribed"

    def __init__(self) -> None:
        super().__init__("There is nothing to manage yet: you have no subscription and have bought nothing.")


class PortalUnavailable(BillingRefusal):
    """Stripe doesn't open the customer portal for this account; nothing was changed."""

    code = "portal_unavailable"

    def __init__(self) -> None:
        super().__init__("Stripe's pages for your subscription can't be opened right now. Nothing was changed.")


class TermsChanged(BillingRefusal):
    """The page showed other terms than the present ones. Facts: `pack`, `credits`, `amount_minor`, `currency`."""

    code = "terms_changed"


class CheckoutExpired(BillingRefusal):
    """The purchase's life is over and it has no checkout page: a new purchase is needed."""

    code = "checkout_expired"

    def __init__(self, sentence: str = "That checkout has expired. You have not been charged. Start again.") -> None:
        super().__init__(sentence)


class UnknownPurchase(BillingRefusal):
    """The account has no such purchase."""

    code = "unknown_purchase"

    def __init__(self) -> None:
        super().__init__("We can't find that purchase.")


class UnknownEvent(BillingRefusal):
    """There is no event of this id, here or at Stripe, which keeps them for 30 days."""

    code = "unknown_event"

    def __init__(self) -> None:
        super().__init__("There is no such event, neither here nor at Stripe, which keeps events for 30 days.")


class NotRefundable(BillingRefusal):
    """Nothing of this purchase can be refunded: not paid, nothing left, or not by this Stripe. Facts: `state`."""

    code = "not_refundable"


class RefundOutOfRange(BillingRefusal):
    """The amount is not a refund of what is left of the payment. Facts: `left_minor`, `currency`."""

    code = "refund_out_of_range"


class RefundUnderway(BillingRefusal):
    """Another refund of the purchase was ordered and is not confirmed. Facts: `amount_minor`, `currency`."""

    code = "refund_underway"

    def __init__(self, **facts: object) -> None:
        super().__init__(
            "Another refund of this purchase was ordered, and Stripe hasn't confirmed it yet. It comes first.", **facts
        )


class RefundUnconfirmed(BillingRefusal):
    """No answer to a refund that was sent: it may have been made. Facts: `amount_minor`, `currency`."""

    code = "refund_unconfirmed"

    def __init__(self, **facts: object) -> None:
        super().__init__(
            "We couldn't reach Stripe, so the refund is not confirmed. It was ordered and is sent again by itself, or "
            "when you send this form again: it is made once. Don't make it anywhere else.",
            **facts,
        )


class RefundRefused(BillingRefusal):
    """Stripe said no to a refund, and no money moved. Facts: `stripe_code`."""

    code = "refund_refused"
    SENTENCES: ClassVar[dict[str, str]] = {
        "charge_already_refunded": "Stripe says that this payment has been refunded already.",
        "charge_disputed": "Stripe refunds nothing of a payment that is in dispute.",
        "balance_insufficient": "There isn't enough money in your Stripe balance for this refund.",
    }

    def __init__(self, stripe_code: str) -> None:
        sentence = self.SENTENCES.get(stripe_code, "Stripe didn't make this refund.")
        super().__init__(f"{sentence} No money moved.", stripe_code=stripe_code)


class RefundNotOffered(BillingRefusal):
    """A refund of unused credits can't be asked for. Fact: `why` (never, over, used, gone, disputed, underway)."""

    code = "refund_not_offered"

    def __init__(self, why: str, sentence: str) -> None:
        super().__init__(sentence, why=why)
        self.why = why


class QuoteChanged(BillingRefusal):
    """Credits were used or came back since the refund was shown. Facts: `credits`, `amount_minor`, `currency`."""

    code = "quote_changed"

    def __init__(self, **facts: object) -> None:
        super().__init__(
            "This refund would be another one now: its credits were used, or came back. Nothing was refunded. The "
            "new sum must be asked for.",
            **facts,
        )


class UnknownRequest(BillingRefusal):
    """The account has no such request for a refund."""

    code = "unknown_request"

    def __init__(self) -> None:
        super().__init__("We can't find that request.")


class RequestDecided(BillingRefusal):
    """The request for a refund doesn't wait any more."""

    code = "request_decided"

    def __init__(self) -> None:
        super().__init__("This request has been decided already.")


class Overtaken(BillingRefusal):
    """Another answer of Stripe's, and a different one, was settled while this one was asked for: ask again.

    `object_id` is the purchase or the subscription.
    """

    code = "overtaken"

    def __init__(self, object_id: str) -> None:
        super().__init__("Something changed at Stripe just now. Nothing was done. Please try again.")
        self.object_id = object_id


class InvalidWebhook(BillingRefusal):
    """The request is not an event that Stripe signed for us. `reason` is a word for the log."""

    code = "invalid_webhook"

    def __init__(self, reason: str) -> None:
        super().__init__("This is not an event that Stripe signed for us.")
        self.reason = reason


class StripeUnreachable(BillingRefusal):
    """Stripe gave no answer, or none that says yes or no (429, 5xx). The same request may be sent again."""

    code = "stripe_unreachable"

    def __init__(self, request_id: str | None = None) -> None:
        super().__init__("We couldn't reach Stripe. You have not been charged. Try again in a minute.")
        self.request_id = request_id


class StripeDenied(StripeUnreachable):
    """Stripe doesn't accept our key. For the buyer that is the same as no answer."""


class StripeRefused(BillingRefusal):
    """Stripe said no: `stripe_code` and `param` say to what, `request_id` finds it in Stripe's log."""

    code = "stripe_refused"

    def __init__(self, stripe_code: str, param: str = "", request_id: str | None = None) -> None:
        super().__init__("Stripe couldn't open this checkout. You have not been charged.")
        self.stripe_code = stripe_code
        self.param = param
        self.request_id = request_id

    def __str__(self) -> str:
        return f"Stripe refused: {self.stripe_code or 'no code'}, parameter {self.param or '-'}, {self.request_id}"

    @property
    def is_missing(self) -> bool:
        """Whether the object that was named doesn't exist at Stripe."""
        return self.stripe_code == "resource_missing"
