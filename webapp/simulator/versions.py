"""An event as an endpoint of an older API version is sent it: the same facts in the shapes of that version.

The table is the difference between the SDK's types of both versions, for the objects whose events are delivered.
Fields that moved since 2024-06-20: https://docs.stripe.com/changelog/basil
"""

from collections.abc import Mapping
from typing import Any

from webapp.simulator.store import Json

OLD_VERSION = "2024-06-20"  # before releases had names

# For each kind of object: the fields that came later, and those that are gone since with what they said.
LATER: Mapping[str, frozenset[str]] = {
    "checkout.session": frozenset(
        {
            "adaptive_pricing", "allowed_payment_method_types", "automatic_tax.provider", "branding_settings",
            "collected_information", "customer_account", "customer_details.business_name",
            "customer_details.individual_name", "discounts", "excluded_payment_method_types",
            "integration_identifier", "managed_payments", "name_collection", "optional_items", "origin_context",
            "permissions", "presentment_details", "wallet_options",
        }
    ),
    "charge": frozenset(
        {
            "billing_details.tax_id", "outcome.advice_code", "outcome.network_advice_code",
            "outcome.network_decline_code", "presentment_details",
        }
    ),
    "payment_intent": frozenset(
        {
            "allowed_payment_method_types", "customer_account", "excluded_payment_method_types", "hooks",
            "managed_payments", "payment_details", "payment_record", "presentment_details",
        }
    ),
    "refund": frozenset({"customer", "customer_account", "payment_method", "pending_reason", "presentment_details"}),
    "dispute": frozenset(
        {
            "enhanced_eligibility_types", "evidence.appeal", "evidence.enhanced_evidence",
            "evidence_details.enhanced_eligibility", "evidence_details.submission_method",
            "intended_submission_method",
        }
    ),
    "customer": frozenset({"business_name", "customer_account", "individual_name"}),
    "subscription": frozenset(
        {
            "billing_mode", "billing_schedules", "customer_account", "managed_payments", "presentment_details",
            "status_details",
        }
    ),
    "invoice": frozenset(
        {
            "amount_overpaid", "amount_paid_off_stripe", "customer_account", "parent", "status_details",
            "total_pretax_credit_amounts", "total_taxes",
        }
    ),
}  # fmt: skip
GONE: Mapping[str, Mapping[str, Any]] = {
    "checkout.session": {"shipping_details": None, "ui_mode": "hosted"},
    "charge": {"invoice": None},
    "payment_intent": {"invoice": None},
    "subscription": {"discount": None},
    "invoice": {
        "application_fee_amount": None, "charge": None, "discount": None, "paid_out_of_band": False,
        "payment_intent": None, "quote": None, "tax": None, "total_tax_amounts": [], "transfer_data": None,
    },
}  # fmt: skip


def moved(item: Json) -> Json:
    """What stands elsewhere since. The lines of an invoice stay as they are."""
    if item["object"] == "subscription":
        first = item["items"]["data"][0]
        return {name: first[name] for name in ("current_period_start", "current_period_end")}
    if item["object"] == "invoice":
        details = item["parent"]["subscription_details"]
        kept = {"subscription": details["subscription"], "subscription_details": {"metadata": details["metadata"]}}
        return {**kept, "subscription_proration_date": None, "paid": item["status"] == "paid"}
    return {}


def as_old_version(event: Json) -> Json:
    """The event in the shapes of OLD_VERSION."""
    data = {**event["data"], "object": _older(event["data"]["object"])}
    return {**event, "api_version": OLD_VERSION, "data": data}


def _older(item: Json) -> Json:
    older = {**item, **GONE.get(item["object"], {}), **moved(item)}
    for path in LATER.get(item["object"], ()):
        _leave_out(older, path.split("."))
    return older


def _leave_out(item: Json, path: list[str]) -> None:
    name, *rest = path
    if not rest:
        item.pop(name, None)
    elif isinstance(item.get(name), dict):
        item[name] = dict(item[name])
        _leave_out(item[name], rest)
