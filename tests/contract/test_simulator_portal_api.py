"""Portal configurations and sessions, and payment methods: the true SDK against the simulated Stripe."""

from functools import partial
from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.conftest import BASE_URL
from tests.contract.payments import bodies, refusal
from tests.contract.portals import BILLING, configure, features, open_portal
from tests.contract.subscribing import Plans, make_plans, subscribe
from webapp.simulator.client import SimulatedHTTPClient


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    return make_plans(sdk)


@pytest.fixture
def subscription(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans) -> stripe.Subscription:
    return subscribe(sdk, simulated, plans.plus)


def test_the_first_configuration_is_the_default_one(sdk: stripe.StripeClient, plans: Plans, clock: Clock) -> None:
    first = configure(sdk, plans)
    second = sdk.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}, "metadata": {"app": "refill"}, "name": "Ours"}
    )

    assert [one.is_default for one in (first, second)] == [True, False]
    assert first.features.subscription_cancel.mode == "at_period_end"
    assert first.features.subscription_update.products is not None
    assert len(first.features.subscription_update.products) == 3
    assert not second.features.subscription_update.enabled
    listed = sdk.v1.billing_portal.configurations.list({"is_default": False})
    assert [(one.id, one.name, (one.metadata or {})["app"]) for one in listed.data] == [(second.id, "Ours", "refill")]
    assert sdk.v1.billing_portal.configurations.retrieve(first.id).id == first.id


def test_a_configuration_is_changed_in_part(sdk: stripe.StripeClient, plans: Plans, clock: Clock) -> None:
    made = configure(sdk, plans)
    clock.forward(60)

    changed = sdk.v1.billing_portal.configurations.update(
        made.id,
        {"features": {"subscription_cancel": {"enabled": False}}, "default_return_url": BILLING},
    )

    assert not changed.features.subscription_cancel.enabled
    assert changed.features.subscription_update.enabled, "what was not given stays"
    assert (changed.default_return_url, changed.updated - made.updated) == (BILLING, 60)
    assert open_portal(sdk, sdk.v1.customers.create().id, return_url=BASE_URL).return_url == BASE_URL
    other = sdk.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": False}}})
    assert not sdk.v1.billing_portal.configurations.update(other.id, {"active": False}).active


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"products": [{"product": "{plus}", "prices": ["price_none"]}]}, "resource_missing", "{at}[0][prices]"),
        ({"products": [{"product": "prod_none", "prices": ["{price}"]}]}, None, "{at}[0][prices]"),
        ({"products": ""}, "parameter_missing", "{at}"),
    ],
)
def test_a_configuration_names_its_own_plans(
    raw_sdk: stripe.StripeClient, plans: Plans, change: dict[str, Any], code: str | None, param: str
) -> None:
    product = str(raw_sdk.v1.prices.retrieve(plans.plus).product)
    known = {"{plus}": product, "{price}": plans.plus}
    given = features(raw_sdk, plans)
    entries = [
        {"product": known.get(one["product"], one["product"]), "prices": [known.get(p, p) for p in one["prices"]]}
        for one in change["products"] or []
    ]
    given["subscription_update"] |= {"products": entries or ""}

    refused = refusal(raw_sdk.v1.billing_portal.configurations.create, {"features": given})

    assert refused[:3] == (400, code, param.format(at="features[subscription_update][products]"))


def test_a_session_is_for_one_customer_and_goes_back(
    sdk: stripe.StripeClient, plans: Plans, subscription: stripe.Subscription
) -> None:
    configuration = configure(sdk, plans)
    opened = open_portal(sdk, subscription.customer, locale="de")

    assert opened.url == f"{BASE_URL}/_stripe/p/session/{opened.id}"
    assert (opened.customer, opened.configuration) == (subscription.customer, configuration.id)
    assert (opened.return_url, opened.locale, opened.flow, opened.livemode) == (BILLING, "de", None, False)


FLOWS: list[dict[str, Any]] = [
    {"type": "payment_method_update"},
    {"type": "subscription_cancel", "subscription_cancel": {"subscription": "{sub}"}},
    {"type": "subscription_update", "subscription_update": {"subscription": "{sub}"}},
    {
        "type": "subscription_update_confirm",
        "subscription_update_confirm": {"subscription": "{sub}", "items": [{"id": "{item}", "price": "{pro}"}]},
        "after_completion": {"type": "redirect", "redirect": {"return_url": BILLING}},
    },
]


def test_a_session_takes_each_deep_link_and_shows_it(
    sdk: stripe.StripeClient, plans: Plans, subscription: stripe.Subscription
) -> None:
    configure(sdk, plans)
    item = subscription["items"].data[0].id
    for given in FLOWS:
        flow = filled(given, subscription.id, item, plans.pro)
        shown = open_portal(sdk, subscription.customer, flow_data=flow).flow
        assert shown is not None
        assert shown.type == flow["type"]
        assert shown.after_completion.type == flow.get("after_completion", {}).get("type", "portal_homepage")
        for name in ("subscription_cancel", "subscription_update", "subscription_update_confirm"):
            part = getattr(shown, name)
            assert (part and part.subscription) == (subscription.id if name == flow["type"] else None)


def filled(given: Any, subscription_id: str, item_id: str, price_id: str) -> Any:
    if isinstance(given, dict):
        return {name: filled(value, subscription_id, item_id, price_id) for name, value in given.items()}
    if isinstance(given, list):
        return [filled(value, subscription_id, item_id, price_id) for value in given]
    return {"{sub}": subscription_id, "{item}": item_id, "{pro}": price_id}.get(given, given)


def test_sessions_are_refused_as_stripe_refuses_them(
    sdk: stripe.StripeClient, raw_sdk: stripe.StripeClient, simulated: SimulatedHTTPClient,
    plans: Plans, subscription: stripe.Subscription,
) -> None:  # fmt: skip
    customer = subscription.customer
    status, _, _, text = refusal(open_portal, raw_sdk, customer)
    assert (status, "until you save your customer portal settings" in text) == (400, True)

    configure(sdk, plans, subscription_cancel={"enabled": False})
    stranger = subscribe(sdk, simulated, plans.pro)
    cancel = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
    update = {"type": "subscription_update", "subscription_update": {"subscription": stranger.id}}
    for more, code, param in (
        ({"customer_id": "cus_none"}, "resource_missing", "customer"),
        ({"return_url": "billing"}, "url_invalid", "return_url"),
        ({"configuration": "bpc_none"}, "resource_missing", "configuration"),
        ({"flow_data": cancel}, None, "flow_data[type]"),
        ({"flow_data": update}, "resource_missing", "flow_data[subscription_update][subscription]"),
        ({"flow_data": {"type": "subscription_update"}}, "parameter_missing", "flow_data[subscription_update]"),
    ):
        ask = partial(open_portal, raw_sdk, **{"customer_id": customer, **more})
        assert refusal(ask)[1:3] == (code, param)
    with pytest.raises(stripe.APIError) as refused:
        open_portal(raw_sdk, customer, flow_data={"type": "customer_update"})
    assert refused.value.http_status == 501


def test_payment_methods_are_listed_detached_and_never_used_again(
    sdk: stripe.StripeClient, raw_sdk: stripe.StripeClient, simulated: SimulatedHTTPClient,
    subscription: stripe.Subscription,
) -> None:  # fmt: skip
    customer_id = str(subscription.customer)
    changed = simulated.change_card(customer_id, "0341")

    listed = sdk.v1.payment_methods.list({"customer": customer_id, "type": "card"}).data
    of_customer = sdk.v1.customers.payment_methods.list(customer_id).data
    assert [one.card and one.card.last4 for one in listed] == ["0341", "4242"]
    assert [one.id for one in of_customer] == [one.id for one in listed]
    assert sdk.v1.payment_methods.list({"customer": customer_id, "type": "sepa_debit"}).data == []
    assert refusal(raw_sdk.v1.payment_methods.list)[1:3] == ("parameter_missing", "customer")

    sdk.v1.payment_methods.detach(changed["id"])
    assert sdk.v1.payment_methods.retrieve(changed["id"]).customer is None
    settings = sdk.v1.customers.retrieve(customer_id).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    (told,) = bodies(sdk, "payment_method.detached")
    assert told["previous_attributes"] == {"customer": customer_id}
    again = {"customer": customer_id}
    assert refusal(raw_sdk.v1.payment_methods.attach, changed["id"], again)[1] == "payment_method_unexpected_state"
    assert refusal(raw_sdk.v1.payment_methods.detach, changed["id"])[1] == "payment_method_unexpected_state"


def test_a_card_of_nobody_is_attached_once(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    from tests.contract.payments import charge_of, pay

    method_id = charge_of(sdk, pay(sdk, simulated, price_id)).payment_method
    customer_id = sdk.v1.customers.create().id

    for _ in range(2):
        assert sdk.v1.payment_methods.attach(str(method_id), {"customer": customer_id}).customer == customer_id
    assert len(bodies(sdk, "payment_method.attached")) == 1
