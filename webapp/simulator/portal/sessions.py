"""Sessions of the customer portal: one customer's way in, for an hour, at the front page or at one part.

https://docs.stripe.com/api/customer_portal/sessions and https://docs.stripe.com/customer-management/portal-deep-links
"""

from urllib.parse import urlsplit

from stripe.billing_portal import Session

from webapp.simulator.calls import Call
from webapp.simulator.errors import NotSimulated, StripeRefusal, missing
from webapp.simulator.parameters import missing_param
from webapp.simulator.portal.configurations import default_configuration
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

CREATED_WITH = (
    "customer", "return_url", "configuration", "locale", "flow_data.type", "flow_data.after_completion",
    "flow_data.subscription_cancel.subscription", "flow_data.subscription_update.subscription",
    "flow_data.subscription_update_confirm.subscription", "flow_data.subscription_update_confirm.items",
)  # fmt: skip
LIVES_SECONDS = 3600
TYPE = "billing_portal.session"
Flow = Session.Flow

# Which of the configuration's features a deep link needs.
FLOWS = {
    "payment_method_update": "payment_method_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}
PARTS = {
    "subscription_cancel": Flow.SubscriptionCancel,
    "subscription_update": Flow.SubscriptionUpdate,
    "subscription_update_confirm": Flow.SubscriptionUpdateConfirm,
}


def create(call: Call) -> Json:
    """Open the portal for a customer."""
    params = call.params
    customer = _customer(call)
    configuration = _configuration(call)
    session_id = new_id("bps")
    _check_url(params.get("return_url"), "return_url")
    session = blank(
        Session,
        id=session_id,
        object=TYPE,
        configuration=configuration["id"],
        created=call.now,
        customer=customer["id"],
        flow=_flow(call.state, params["flow_data"], customer, configuration) if "flow_data" in params else None,
        livemode=False,
        locale=params.get("locale"),
        return_url=params.get("return_url") or configuration["default_return_url"],
        url=f"{call.site.base_url}/_stripe/p/session/{session_id}",
    )
    return call.state.add(session)


def is_over(session: Json, *, now: int) -> bool:
    """Whether the portal is closed for this session."""
    return now >= int(session["created"]) + LIVES_SECONDS


def _customer(call: Call) -> Json:
    customer_id = call.params.get("customer")
    if customer_id is None:
        raise missing_param(("customer",))
    customer = call.state.find("customer", customer_id)
    if customer is None or "deleted" in customer:
        raise missing("customer", customer_id, param="customer")
    return customer


def _configuration(call: Call) -> Json:
    given = call.params.get("configuration")
    if given is None:
        configuration = default_configuration(call.state)
        if configuration is None:
            text = (
                "You can’t create a portal session in test mode until you save your customer portal settings in test "
                "mode, or pass a configuration."
            )
            raise StripeRefusal(text)
        return configuration
    configuration = call.state.find("billing_portal.configuration", given)
    if configuration is None:
        raise missing("configuration", given, param="configuration")
    if not configuration["active"]:
        raise StripeRefusal("The portal configuration you passed is not active.", param="configuration")
    return configuration


def _flow(state: State, given: Json, customer: Json, configuration: Json) -> Json:
    kind = given["type"]
    if kind not in FLOWS:
        raise NotSimulated(f"The flow {kind}")
    if not configuration["features"][FLOWS[kind]]["enabled"]:
        text = f"The flow `{kind}` needs a feature that is disabled in the portal configuration."
        raise StripeRefusal(text, param="flow_data[type]")
    parts: dict[str, Json | None] = dict.fromkeys(PARTS)
    if kind in PARTS:
        parts[kind] = _part(state, kind, given, customer)
    return blank(Flow, after_completion=_after(given.get("after_completion", {})), type=kind, **parts)


def _part(state: State, kind: str, given: Json, customer: Json) -> Json:
    if kind not in given:
        raise missing_param(("flow_data", kind))
    part = given[kind]
    subscription = state.find("subscription", part["subscription"])
    param = f"flow_data[{kind}][subscription]"
    if subscription is None or subscription["customer"] != customer["id"]:
        raise missing("subscription", part["subscription"], param=param)
    if subscription["status"] in {"canceled", "incomplete_expired", "incomplete"}:
        raise StripeRefusal("This subscription cannot be changed because it has ended.", param=param)
    if kind == "subscription_cancel" and subscription["cancel_at_period_end"]:
        text = "This subscription cannot be canceled because it is already set to be canceled at period end."
        raise StripeRefusal(text, param=param)
    if kind == "subscription_update_confirm":
        part = {**part, "items": [_item(state, subscription, item) for item in part["items"]]}
    return blank(PARTS[kind], **part)


def _item(state: State, subscription: Json, given: Json) -> Json:
    at = "flow_data[subscription_update_confirm][items][0]"
    if given["id"] not in {item["id"] for item in subscription["items"]["data"]}:
        raise missing("subscription item", given["id"], param=f"{at}[id]")
    if "price" in given and state.find("price", given["price"]) is None:
        raise missing("price", given["price"], param=f"{at}[price]")
    return blank(Flow.SubscriptionUpdateConfirm.Item, **given)


def _after(given: Json) -> Json:
    kind = given.get("type", "portal_homepage")
    if kind == "redirect":
        if "redirect" not in given:
            raise missing_param(("flow_data", "after_completion", "redirect"))
        _check_url(given["redirect"]["return_url"], "flow_data[after_completion][redirect][return_url]")
    confirmation = blank(Flow.AfterCompletion.HostedConfirmation, **given.get("hosted_confirmation", {}))
    return blank(
        Flow.AfterCompletion,
        hosted_confirmation=confirmation if kind == "hosted_confirmation" else None,
        redirect=given.get("redirect"),
        type=kind,
    )


def _check_url(url: str | None, param: str) -> None:
    parts = urlsplit(url or "https://example.com")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise StripeRefusal("Not a valid URL", code="url_invalid", param=param)
