"""What a finding, or Stripe's refusal, says to a person who runs Refill; for commands and the operator's pages."""

from collections.abc import Mapping
from typing import Any

from webapp.billing.errors import BillingRefusal, StripeDenied, StripeRefused, StripeUnreachable
from webapp.billing.reconcile.models import ReconciliationFinding
from webapp.money import decimal_value, decimals_shown

CHECKOUT_DONE = {
    "paid": "paid at Stripe, {was} here: the credits were granted",
    "quarantined": "paid at Stripe, but not as it was asked for: nothing was granted, look at the purchase",
    "processing": "{was} here, the payment is on its way: noted",
    "failed": "{was} here, the payment has failed: noted",
    "expired": "{was} here, nobody paid in time: noted",
}


def finding_sentence(finding: ReconciliationFinding) -> str:
    """What differed, and what was done."""
    if finding.object_kind == "event":
        return _event(finding)
    if finding.object_kind == "checkout":
        return f"Payment{_money(finding.expected or finding.found, 'total_minor')}: {_checkout(finding)}."
    if finding.object_kind == "subscription" and finding.needs_person:
        return _lost_subscription(finding)
    came = "never heard of here" if finding.kind == "missing" else f"{finding.found.get('state')} here"
    state = f"{finding.expected.get('state')} at Stripe"
    return f"{finding.object_kind.capitalize()}{_money(finding.expected, 'amount_minor')}: {state}, {came}: settled."


def _lost_subscription(finding: ReconciliationFinding) -> str:
    plan, state = finding.expected.get("plan"), finding.expected.get("state")
    if finding.kind == "differs":
        return f"Subscription to {plan}: the catalogue has no such plan: nothing was done."
    if finding.expected:
        return f"Subscription to {plan}: {state} at Stripe, and no account of ours: nothing was done."
    return f"Subscription: {finding.found.get('state')} here, and unknown at Stripe: nothing was done."


def _event(finding: ReconciliationFinding) -> str:
    kind = finding.expected.get("type")
    came = "never came" if finding.kind == "missing" else f"was {finding.found.get('state')} here"
    return f"Event {kind} {came}: taken in ({finding.done})."


def _checkout(finding: ReconciliationFinding) -> str:
    if finding.done in CHECKOUT_DONE:
        return CHECKOUT_DONE[finding.done].format(was=finding.found.get("state"))
    if finding.kind == "missing":
        return "paid at Stripe, and no purchase of ours: nothing was done"
    if finding.kind == "differs":
        return "paid on both sides, and not the same: nothing was done"
    if not finding.expected:
        return "paid here, and unknown at Stripe: nothing was done"
    if finding.expected.get("payment_status") == "unpaid":
        return "paid here, and not paid at Stripe: nothing was done"
    return "paid a second time, by another checkout: nothing was done"


def _money(facts: Mapping[str, Any], name: str) -> str:
    minor, currency = facts.get(name), facts.get("currency")
    if minor is None or not currency:
        return ""
    return f" of {decimal_value(minor, currency):.{decimals_shown(currency)}f} {currency.upper()}"


def stripe_sentence(refusal: BillingRefusal) -> str:
    """What a refusal of Stripe's means for whoever runs Refill: nobody of them is being charged."""
    if isinstance(refusal, StripeDenied):
        return "Stripe doesn't accept STRIPE_SECRET_KEY, or the key may not do this."
    if isinstance(refusal, StripeUnreachable):
        return "Stripe couldn't be reached. What was done so far stays; run this again."
    if isinstance(refusal, StripeRefused):
        return f"{refusal}."
    return refusal.sentence
