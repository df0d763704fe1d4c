"""The endpoints of subscriptions. What they make happen is in this package's other modules.

https://docs.stripe.com/api/subscriptions
"""

import stripe

from webapp.simulator.calls import Call, merged_metadata
from webapp.simulator.errors import NotFound, NotSimulated, StripeRefusal, missing
from webapp.simulator.events import Happening
from webapp.simulator.lists import Listing, check_filters, page
from webapp.simulator.parameters import missing_param
from webapp.simulator.shapes import completed
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.ending import cancel as cancel_subscription
from webapp.simulator.subscriptions.ending import plan_end
from webapp.simulator.subscriptions.ending import resume as take_back
from webapp.simulator.subscriptions.finding import updated
from webapp.simulator.subscriptions.objects import ENDED
from webapp.simulator.subscriptions.renewing import end_trial, resume_paused
from webapp.simulator.subscriptions.switching import switch_plan

LISTED_BY = ("customer", "price", "status")
UPDATED_WITH = (
    "cancel_at", "cancel_at_period_end", "cancellation_details.comment", "cancellation_details.feedback",
    "default_payment_method", "items.id", "items.price", "items.quantity", "metadata", "pause_collection",
    "proration_behavior", "trial_end",
)  # fmt: skip
CANCELED_WITH = ("cancellation_details.comment", "cancellation_details.feedback")


def retrieve(call: Call, subscription_id: str) -> Json:
    """One subscription, also one that has ended."""
    return call.required("subscription", subscription_id)


def list_all(call: Call) -> Json:
    """Subscriptions, newest first. Canceled ones are among them only when `status` asks for them."""
    check_filters(call, "customer", "price")
    params = call.params
    status = params.get("status")

    def fits(subscription: Json) -> bool:
        prices = {item["price"]["id"] for item in subscription["items"]["data"]}
        named = params.get("customer") in {None, subscription["customer"]} and params.get("price") in {None, *prices}
        return named and _is_asked_for(subscription["status"], status)

    return page(call, Listing("subscription", "sim_object", "/v1/subscriptions"), fits)


def update(call: Call, subscription_id: str) -> Json:
    """Change what was given: the plan, a planned end, the pause, the card, the metadata, the end of the trial."""
    subscription = call.required("subscription", subscription_id)
    if subscription["status"] in ENDED:
        text = "A canceled subscription can only update its cancellation_details and metadata."
        raise StripeRefusal(text)
    happening, params = Happening(call.state, call.now, call=call), call.params
    _check_pause(params)
    _change_plan(happening, subscription, params)
    _change_end(happening, subscription_id, params)
    updated(happening, call.state.load("subscription", subscription_id), **_values(call, subscription))
    if "trial_end" in params:
        _end_trial(happening, subscription_id, params["trial_end"])
    return call.state.load("subscription", subscription_id)


def cancel(call: Call, subscription_id: str) -> Json:
    """End a subscription now."""
    subscription = call.required("subscription", subscription_id)
    if subscription["status"] in ENDED:
        raise NotFound(f"No such subscription: '{subscription_id}'", code="resource_missing", param="id")
    happening = Happening(call.state, call.now, call=call)
    subscription = call.state.save({**subscription, "cancellation_details": _details(subscription, call.params)})
    return cancel_subscription(happening, subscription["id"], at_period_end=False)


def resume(call: Call, subscription_id: str) -> Json:
    """Resume a subscription that was paused at the end of its trial."""
    call.required("subscription", subscription_id)
    return resume_paused(Happening(call.state, call.now, call=call), subscription_id)


def _is_asked_for(status: str, asked: str | None) -> bool:
    if asked == "all":
        return True
    if asked == "ended":
        return status in ENDED
    return status == asked if asked else status != "canceled"


def _check_pause(params: Json) -> None:
    pause = params.get("pause_collection")
    if isinstance(pause, dict) and "behavior" not in pause:
        raise missing_param(("pause_collection", "behavior"))
    if isinstance(pause, dict) and "resumes_at" in pause:
        raise NotSimulated("The parameter pause_collection[resumes_at]")


def _change_plan(happening: Happening, subscription: Json, params: Json) -> None:
    given = params.get("items")
    if not given:
        return
    items = subscription["items"]["data"]
    if len(given) > 1 or len(items) > 1:
        raise NotSimulated("Changing several items at once")
    if given[0].get("id") is None:
        raise NotSimulated("Adding an item to a subscription")
    if given[0]["id"] != items[0]["id"]:
        raise missing("subscription_item", given[0]["id"], param="items[0][id]")
    price_id = given[0].get("price", items[0]["price"]["id"])
    proration = params.get("proration_behavior", "create_prorations")
    switch_plan(
        happening, subscription["id"], price_id, proration=proration, quantity=given[0].get("quantity")
    )  # fmt: skip


def _change_end(happening: Happening, subscription_id: str, params: Json) -> None:
    if {"cancel_at", "cancel_at_period_end"} <= params.keys():
        text = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise StripeRefusal(text, param="cancel_at")
    if isinstance(params.get("cancel_at"), int):
        raise NotSimulated("A cancel_at within a period")
    if params.get("cancel_at_period_end") is True:
        cancel_subscription(happening, subscription_id, at_period_end=True)
    elif params.get("cancel_at"):  # the first and the last end of its items, which have one period here
        plan_end(happening, happening.state.load("subscription", subscription_id))
    elif {"cancel_at", "cancel_at_period_end"} & params.keys():
        take_back(happening, subscription_id)


def _values(call: Call, subscription: Json) -> Json:
    params = call.params
    present = call.state.load("subscription", subscription["id"])
    values: Json = {"metadata": merged_metadata(present["metadata"], params.get("metadata"))}
    if "cancellation_details" in params:
        values["cancellation_details"] = _details(present, params)
    if "pause_collection" in params:
        values["pause_collection"] = completed(stripe.Subscription.PauseCollection, params["pause_collection"])
    if "default_payment_method" in params:
        values["default_payment_method"] = _method(call, present["customer"])
    return values


def _details(subscription: Json, params: Json) -> Json:
    given = {name: value or None for name, value in params.get("cancellation_details", {}).items()}
    return {**subscription["cancellation_details"], **given}


def _method(call: Call, customer_id: str) -> str:
    method = call.state.find("payment_method", call.params["default_payment_method"])
    if method is None:
        raise missing("payment_method", call.params["default_payment_method"], param="default_payment_method")
    if method["customer"] != customer_id:
        text = f"The customer does not have a payment method with the ID {method['id']}."
        raise StripeRefusal(text, param="default_payment_method")
    return str(method["id"])


def _end_trial(happening: Happening, subscription_id: str, given: object) -> None:
    if given != "now":
        raise NotSimulated("Moving the end of a trial")
    end_trial(happening, subscription_id)
