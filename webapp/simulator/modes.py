"""What a checkout session may be opened with in payment mode, and what in subscription mode.

https://docs.stripe.com/api/checkout/sessions/create
"""

from webapp.simulator.errors import NotSimulated, StripeRefusal
from webapp.simulator.parameters import missing_param
from webapp.simulator.store import Json

# What Stripe takes in one of the modes only. https://docs.stripe.com/payments/checkout/how-checkout-works
ONLY_IN = {
    "customer_creation": "payment",
    "invoice_creation": "payment",
    "payment_intent_data": "payment",
    "payment_method_collection": "subscription",
    "subscription_data": "subscription",
}


def check_mode(params: Json) -> None:
    """Raise for a mode that is not simulated and for what does not belong to the mode."""
    if "mode" not in params:
        raise missing_param(("mode",))
    if params["mode"] not in {"payment", "subscription"}:
        raise NotSimulated(f"The mode {params['mode']}")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise NotSimulated(f"The ui_mode {params['ui_mode']}")
    for name, mode in ONLY_IN.items():
        if name in params and params["mode"] != mode:
            raise StripeRefusal(f"You can not pass `{name}` in `{params['mode']}` mode.", param=name)
    if params.get("invoice_creation", {}).get("enabled"):
        raise NotSimulated("The parameter invoice_creation[enabled]")
    _check_trial(params.get("subscription_data", {}))


def customer_creation(params: Json) -> str:
    """Whether paying makes a customer; a subscription always has one."""
    if params["mode"] == "subscription":
        return "always"
    given: str = params.get("customer_creation", "if_required")
    return given


def card_collection(params: Json) -> str:
    """Whether the buyer is asked for a card when nothing is due."""
    default = "always" if params["mode"] == "subscription" else "if_required"
    given: str = params.get("payment_method_collection", default)
    return given


def has_trial(params: Json) -> bool:
    """Whether nothing is due yet."""
    return "trial_period_days" in params.get("subscription_data", {})


def _check_trial(given: Json) -> None:
    if given.get("trial_period_days", 1) < 1:
        text = "The minimum number of trial period days is 1."
        raise StripeRefusal(text, param="subscription_data[trial_period_days]")
    if "trial_settings" in given and "trial_period_days" not in given:
        text = "You can only pass `trial_settings` when the subscription has a trial."
        raise StripeRefusal(text, param="subscription_data[trial_settings]")
