"""Subscription objects and their items, as Stripe shows them. Nothing is stored here.

https://docs.stripe.com/api/subscriptions
"""

import stripe

from webapp.simulator.lists import as_list
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

ENDED = ("canceled", "incomplete_expired")


def new_subscription(session: Json, given: Json, items: list[Json], *, now: int) -> Json:
    """The subscription of a session that was paid, or whose trial begins. `given` is its `subscription_data`."""
    trial_end = now + given["trial_period_days"] * 24 * 3600 if "trial_period_days" in given else None
    missing_card = given.get("trial_settings", {}).get("end_behavior", {}).get("missing_payment_method")
    tax = session["automatic_tax"]
    end_behavior = blank(
        stripe.Subscription.TrialSettings.EndBehavior, missing_payment_method=missing_card or "create_invoice"
    )
    return blank(
        stripe.Subscription,
        id=items[0]["subscription"],
        object="subscription",
        automatic_tax=blank(
            stripe.Subscription.AutomaticTax, enabled=tax["enabled"], liability=tax["liability"] and {"type": "self"}
        ),
        billing_cycle_anchor=trial_end or now,
        billing_mode=blank(
            stripe.Subscription.BillingMode, type="flexible", flexible={"proration_discounts": "included"}
        ),
        billing_schedules=[],
        cancel_at_period_end=False,
        cancellation_details=blank(stripe.Subscription.CancellationDetails),
        collection_method="charge_automatically",
        created=now,
        currency=session["currency"],
        customer=session["customer"],
        default_tax_rates=[],
        description=given.get("description"),
        discounts=[],
        invoice_settings=blank(stripe.Subscription.InvoiceSettings, issuer=blank_issuer()),
        items=item_list(items),
        livemode=False,
        metadata=given.get("metadata", {}),
        payment_settings=blank(stripe.Subscription.PaymentSettings, save_default_payment_method="off"),
        start_date=now,
        status="trialing" if trial_end else "active",
        trial_end=trial_end,
        trial_settings={"end_behavior": end_behavior},
        trial_start=now if trial_end else None,
    )


def new_item(subscription_id: str, price: Json, quantity: int, *, start: int, end: int, now: int) -> Json:
    """One price of a subscription, in its present period."""
    return blank(
        stripe.SubscriptionItem,
        id=new_id("si"),
        object="subscription_item",
        created=now,
        current_period_end=end,
        current_period_start=start,
        discounts=[],
        metadata={},
        plan=plan_of(price),
        price=price,
        quantity=quantity,
        subscription=subscription_id,
        tax_rates=[],
    )


def item_list(items: list[Json]) -> Json:
    """The items as their subscription holds them."""
    return as_list(items, f"/v1/subscription_items?subscription={items[0]['subscription']}")


def with_items(subscription: Json, **values: object) -> Json:
    """The items of a subscription with these values changed in each of them."""
    return item_list([{**item, **values} for item in subscription["items"]["data"]])


def period_of(subscription: Json) -> tuple[int, int]:
    """The present period; all items of a subscription share it here."""
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def blank_issuer() -> Json:
    """The account itself, as the issuer of invoices."""
    return blank(stripe.Subscription.InvoiceSettings.Issuer, type="self")


def plan_of(price: Json) -> Json:
    """The price in the words that came before prices; Stripe sends both."""
    same = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata", "nickname", "product")
    recurring = price["recurring"]
    return blank(
        stripe.Plan,
        object="plan",
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        usage_type=recurring["usage_type"],
        **{name: price[name] for name in same},
    )
