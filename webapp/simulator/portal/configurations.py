"""Configurations of the customer portal: what a customer may do there, and among which plans.

https://docs.stripe.com/api/customer_portal/configurations
"""

from itertools import islice

from stripe.billing_portal import Configuration

from webapp.simulator.calls import Call, merged_metadata
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.lists import Listing, page, read_objects
from webapp.simulator.parameters import missing_param
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

Features = Configuration.Features

_UPDATE = "features.subscription_update"
FEATURES = (
    "features.customer_update", "features.invoice_history", "features.payment_method_update.enabled",
    "features.subscription_cancel.enabled", "features.subscription_cancel.mode",
    "features.subscription_cancel.proration_behavior", "features.subscription_cancel.cancellation_reason",
    f"{_UPDATE}.enabled", f"{_UPDATE}.default_allowed_updates", f"{_UPDATE}.products",
    f"{_UPDATE}.proration_behavior", f"{_UPDATE}.schedule_at_period_end",
)  # fmt: skip
CREATED_WITH = ("business_profile", "default_return_url", "metadata", "name", *FEATURES)
UPDATED_WITH = ("active", *CREATED_WITH)
MOST_PRODUCTS = 10
TYPE = "billing_portal.configuration"


def create(call: Call) -> Json:
    """Store a configuration; the first one is the account's default, as the Dashboard's is at Stripe."""
    is_default = default_configuration(call.state) is None
    empty = blank(
        Configuration,
        id=new_id("bpc"),
        object=TYPE,
        active=True,
        business_profile=blank(Configuration.BusinessProfile),
        created=call.now,
        features=_features_off(),
        is_default=is_default,
        livemode=False,
        login_page={"enabled": False, "url": None},
        metadata={},
        updated=call.now,
    )
    return call.state.add(_updated(call, empty))


def retrieve(call: Call, configuration_id: str) -> Json:
    """One configuration."""
    return call.required(TYPE, configuration_id)


def update(call: Call, configuration_id: str) -> Json:
    """Change what was given. The default one can't be switched off."""
    old = call.required(TYPE, configuration_id)
    if old["is_default"] and call.params.get("active") is False:
        raise StripeRefusal("You cannot deactivate the default configuration.", param="active")
    new = _updated(call, {**old, "active": call.params.get("active", old["active"])})
    return call.state.save({**new, "updated": call.now})


def list_all(call: Call) -> Json:
    """Configurations, newest first."""
    params = call.params

    def fits(one: Json) -> bool:
        return all(params.get(name) in {None, one[name]} for name in ("active", "is_default"))

    return page(call, Listing(TYPE, "sim_object", "/v1/billing_portal/configurations"), fits)


def default_configuration(state: State) -> Json | None:
    """The configuration of sessions that name none."""
    tail = f"type = '{TYPE}' AND json_extract(json, '$.is_default') ORDER BY seq"
    return next((one for _, one in islice(read_objects(state, tail), 1)), None)


def _updated(call: Call, configuration: Json) -> Json:
    params, new = call.params, dict(configuration)
    new["metadata"] = merged_metadata(configuration["metadata"], params.get("metadata"))
    new |= {name: params[name] or None for name in ("name", "default_return_url") if name in params}
    profile = {name: text or None for name, text in params.get("business_profile", {}).items()}
    new["business_profile"] = {**configuration["business_profile"], **profile}
    new["features"] = {**configuration["features"]}
    for name, given in params.get("features", {}).items():
        new["features"][name] = _feature(call.state, name, configuration["features"][name], given)
    return new


def _feature(state: State, name: str, old: Json, given: Json) -> Json:
    at = f"features[{name}]"
    new = {**old, **{key: value or ([] if isinstance(old[key], list) else value) for key, value in given.items()}}
    if name == "customer_update" and new["enabled"] and not new["allowed_updates"]:
        raise missing_param(("features", name, "allowed_updates"))
    if name == "subscription_cancel" and "cancellation_reason" in given:
        reason: Json = {**old["cancellation_reason"], **given["cancellation_reason"]}
        new["cancellation_reason"] = {**reason, "options": reason["options"] or []}
    if name == "subscription_update":
        new["schedule_at_period_end"] = {"conditions": [], **new["schedule_at_period_end"]}
        if new["enabled"] and "price" in new["default_allowed_updates"] and not new["products"]:
            raise missing_param(("features", name, "products"))
        new["products"] = _products(state, given["products"], at) if given.get("products") else new["products"]
    return new


def _products(state: State, given: list[Json], at: str) -> list[Json]:
    if len(given) > MOST_PRODUCTS:
        raise StripeRefusal(f"You can specify up to {MOST_PRODUCTS} products.", param=f"{at}[products]")
    for position, entry in enumerate(given):
        for price_id in entry["prices"]:
            _check_price(state, price_id, entry["product"], f"{at}[products][{position}][prices]")
    fixed = blank(Features.SubscriptionUpdate.Product.AdjustableQuantity, enabled=False, minimum=1)
    return [blank(Features.SubscriptionUpdate.Product, **{"adjustable_quantity": fixed, **entry}) for entry in given]


def _check_price(state: State, price_id: str, product_id: str, param: str) -> None:
    price = state.find("price", price_id)
    if price is None:
        raise missing("price", price_id, param=param)
    if price["product"] != product_id:
        raise StripeRefusal(f"The price `{price_id}` is not a price of the product `{product_id}`.", param=param)
    if price["recurring"] is None or not price["active"]:
        raise StripeRefusal(f"The price `{price_id}` must be active and recurring.", param=param)


def _features_off() -> Json:
    reason: Json = {"enabled": False, "feedback_options": None, "options": []}
    update_defaults: Json = {
        "default_allowed_updates": [], "products": [], "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "end_trial",
    }  # fmt: skip
    return blank(
        Features,
        customer_update={"allowed_updates": [], "enabled": False},
        invoice_history={"enabled": False},
        payment_method_update=blank(Features.PaymentMethodUpdate, enabled=False),
        subscription_cancel={
            "cancellation_reason": reason, "enabled": False, "mode": "at_period_end", "proration_behavior": "none",
        },
        subscription_pause={"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
        subscription_update=blank(Features.SubscriptionUpdate, enabled=False, **update_defaults),
    )  # fmt: skip
