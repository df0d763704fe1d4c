"""What Stripe's own types accept and refuse, read from the installed SDK."""

import importlib
from typing import Any

import pytest
import stripe

from tests.contract.stripe_types import event_types, operation, operations, referenced
from tests.contract.validating import ContractViolation, ValidatingHTTPClient, answer_faults, request_faults

ACCEPTED = {
    "a checkout session with all that a purchase sends": (
        "POST",
        "/v1/checkout/sessions",
        (
            "mode=payment&line_items[0][price]=price_1&line_items[0][quantity]=1&metadata[pack]=popular&"
            "payment_intent_data[metadata][pack]=popular&expires_at=1795000000&automatic_tax[enabled]=true"
        ),
    ),
    "prices by lookup keys, expanded": (
        "GET",
        "/v1/prices",
        "lookup_keys[0]=starter&lookup_keys[1]=popular&expand[0]=data.product&limit=10",
    ),
    "a payment intent off session": (
        "POST",
        "/v1/payment_intents",
        "amount=3500&currency=usd&off_session=true&confirm=true&metadata[a]=b",
    ),
    "events of a time, of a type, that were not delivered": (
        "GET",
        "/v1/events",
        "created[gte]=1&created[lt]=2&types[0]=charge.succeeded&delivery_success=false",
    ),
    "metadata that is removed": ("POST", "/v1/customers/cus_1", "metadata="),
}

REFUSED = {
    "an unknown parameter": ("POST", "/v1/checkout/sessions", "bogus_param=1", "('bogus_param' was unexpected)"),
    "an unknown parameter inside a list": (
        "POST",
        "/v1/checkout/sessions",
        "line_items[0][qty]=1",
        "line_items/0: Additional properties are not allowed ('qty' was unexpected)",
    ),
    "payment_method_types, gone since 2026-09-30": (
        "POST",
        "/v1/checkout/sessions",
        "payment_method_types[0]=card",
        "('payment_method_types' was unexpected)",
    ),
    "a text where a number must be": (
        "POST",
        "/v1/payment_intents",
        "amount=abc&currency=usd",
        "amount: 'abc' is not of type 'integer'",
    ),
    "a required parameter that is not there": (
        "POST",
        "/v1/payment_intents",
        "currency=usd",
        "'amount' is a required property",
    ),
    "a value outside the enumeration": (
        "POST",
        "/v1/subscriptions",
        "customer=cus_1&proration_behavior=sometimes",
        "proration_behavior: 'sometimes' is not one of",
    ),
    "an operation that does not exist": ("DELETE", "/v1/prices/price_1", "", "no such operation"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_types_accept(name: str) -> None:
    assert request_faults(*ACCEPTED[name]) == ()


@pytest.mark.parametrize("name", REFUSED)
def test_types_refuse(name: str) -> None:
    method, path, form, expected = REFUSED[name]

    found = request_faults(method, path, form)

    assert len(found) == 1
    assert expected in found[0]


def test_the_sdk_pins_the_version_that_our_code_names() -> None:
    from webapp.billing.gateway import API_VERSION

    assert stripe.api_version == API_VERSION == "2026-10-28.endive"


def test_every_event_we_act_on_is_one_that_stripe_sends() -> None:
    from webapp.billing.webhooks import event_types as listened_to

    heard = set(listened_to())
    assert {"checkout.session.completed", "checkout.session.async_payment_succeeded", "invoice.paid"} <= heard
    assert heard <= event_types()


def test_operations_are_read_from_the_sdk() -> None:
    assert len(operations()) > 100
    line_items = operation("GET", "/v1/checkout/sessions/cs_1/line_items")
    assert line_items is not None
    assert (line_items.params, line_items.answers) == ("SessionLineItemListParams", "ListObject[LineItem]")
    assert operation("PUT", "/v1/customers") is None


def test_expandable_fields_are_an_id_or_the_object() -> None:
    branches = referenced("sdk:stripe._charge:Charge")["properties"]["payment_intent"]["anyOf"]

    assert {"type": "string"} in branches
    assert {"$ref": "sdk:stripe._payment_intent:PaymentIntent"} in branches


TABLES = {
    "CHECKOUT_PATHS": "sdk:stripe.checkout._session:Session",
    "LINE_ITEM_PATHS": "sdk:stripe._line_item:LineItem",
    "PRICE_PATHS": "sdk:stripe._price:Price",
    "REFUND_PATHS": "sdk:stripe._refund:Refund",
    "DISPUTE_PATHS": "sdk:stripe._dispute:Dispute",
    "MOVEMENT_PATHS": "sdk:stripe._balance_transaction:BalanceTransaction",
    "PAYMENT_PATHS": "sdk:stripe._charge:Charge",
    "ENDPOINT_PATHS": "sdk:stripe._webhook_endpoint:WebhookEndpoint",
}
PLAN_TABLES = {
    "SUBSCRIPTION_PATHS": "sdk:stripe._subscription:Subscription",
    "ITEM_PATHS": "sdk:stripe._subscription_item:SubscriptionItem",
    "CARD_PATHS": "sdk:stripe._payment_method:PaymentMethod",
    "PHASE_PATHS": "sdk:stripe._subscription_schedule:SubscriptionSchedule.Phase",
    "INVOICE_PATHS": "sdk:stripe._invoice:Invoice",
    "INVOICE_LINE_PATHS": "sdk:stripe._invoice_line_item:InvoiceLineItem",
}
ENVELOPE = ("id", "object", "type", "created", "livemode", "api_version", "account", "data.object")


def has_path(schema: dict[str, Any], path: list[str]) -> bool:
    """Whether a field can be reached from an object of this schema, through expanded objects too."""
    if "$ref" in schema:
        return has_path(referenced(schema["$ref"]), path)
    if "anyOf" in schema:
        return any(has_path(branch, path) for branch in schema["anyOf"])
    if not path:
        return True
    return path[0] in schema.get("properties", {}) and has_path(schema["properties"][path[0]], path[1:])


@pytest.mark.parametrize(("module", "tables"), [("stripe_objects", TABLES), ("plan_objects", PLAN_TABLES)])
def test_every_field_we_read_is_where_stripe_puts_it(module: str, tables: dict[str, str]) -> None:
    objects = importlib.import_module(f"webapp.billing.{module}")
    read = {name: getattr(objects, name) for name in dir(objects) if name.endswith("_PATHS")}

    assert read.keys() == tables.keys(), "a new table of paths needs the type it is read from, here"
    missing = [
        f"{name}: {path}"
        for name, paths in read.items()
        for path in paths.values()
        if not has_path({"$ref": tables[name]}, path.split("."))
    ]
    assert missing == []


@pytest.mark.parametrize("path", ENVELOPE)
def test_the_envelope_of_an_event_has_what_the_webhook_reads(path: str) -> None:
    assert has_path({"$ref": "sdk:stripe._event:Event"}, path.split("."))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("sdk:stripe._payment_intent:PaymentIntent", "charges"),
        ("sdk:stripe._payment_intent:PaymentIntent", "invoice"),
        ("sdk:stripe.checkout._session:Session", "payment_intent.charges"),
        ("sdk:stripe._invoice:Invoice", "subscription"),
        ("sdk:stripe._subscription:Subscription", "current_period_end"),
    ],
)
def test_a_field_that_stripe_has_moved_is_noticed(kind: str, path: str) -> None:
    assert not has_path({"$ref": kind}, path.split("."))


PRODUCT: dict[str, Any] = {
    "id": "prod_1", "object": "product", "active": True, "created": 1, "default_price": None, "description": None,
    "images": [], "livemode": False, "marketing_features": [], "metadata": {}, "name": "Popular pack",
    "package_dimensions": None, "shippable": None, "statement_descriptor": None, "tax_code": None, "tax_details": None,
    "type": "service", "unit_label": None, "updated": 1, "url": None,
}  # fmt: skip


def test_a_whole_object_is_accepted() -> None:
    assert answer_faults("GET", "/v1/products/prod_1", PRODUCT) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": None}, "name: None is not of type 'string'"),
        ({"type": "gift"}, "type: 'gift' is not one of ['good', 'service']"),
        ({"colour": "blue"}, "('colour' was unexpected)"),
        ({"metadata": {"credits": 1000}}, "metadata/credits: 1000 is not of type 'string'"),
        ({"object": "price"}, "price instead of product"),
    ],
)
def test_an_object_that_stripe_would_not_send_is_noticed(change: dict[str, Any], expected: str) -> None:
    assert expected in "\n".join(answer_faults("GET", "/v1/products/prod_1", PRODUCT | change))


def test_an_object_that_lacks_a_field_is_noticed() -> None:
    product = {name: value for name, value in PRODUCT.items() if name != "url"}

    assert answer_faults("POST", "/v1/products", product) == ["prod_1 (product) lacks url"]


def test_a_list_is_held_against_its_own_type() -> None:
    page = {"object": "list", "data": [PRODUCT], "has_more": False, "url": "/v1/products"}

    assert answer_faults("GET", "/v1/products", page) == []
    assert answer_faults("GET", "/v1/products", {**page, "has_more": "no"}) == [
        "has_more: 'no' is not of type 'boolean'"
    ]
    assert "product instead of price" in answer_faults("GET", "/v1/prices", page)


class Careless(stripe.HTTPClient):
    """Answers everything with the same status and body."""

    name = "careless"

    def __init__(self, status: int, body: str) -> None:
        super().__init__()
        self.answer = (body, status, {"Request-Id": "req_1"})

    def request(self, *_: Any, **__: Any) -> Any:
        return self.answer

    def close(self) -> None:
        pass


def test_the_recording_client_fails_on_a_bad_request_and_remembers_it() -> None:
    watched = ValidatingHTTPClient(Careless(200, "{}"))
    client = stripe.StripeClient("sk_test_x", http_client=watched)

    with pytest.raises(ContractViolation, match="payment_method_types"):
        client.v1.checkout.sessions.create({"payment_method_types": ["card"]})  # type: ignore[typeddict-unknown-key]

    assert watched.requests == [("POST", "/v1/checkout/sessions", {"payment_method_types": {"0": "card"}})]
    assert len(watched.violations) == 1


def test_the_recording_client_fails_on_a_bad_answer() -> None:
    bare = ValidatingHTTPClient(Careless(200, '{"id": "prod_1", "object": "product"}'))
    with pytest.raises(ContractViolation, match=r"'name' is a required property"):
        stripe.StripeClient("sk_test_x", http_client=bare).v1.products.retrieve("prod_1")

    odd = ValidatingHTTPClient(Careless(400, '{"error": {"reason": "none"}}'))
    with pytest.raises(ContractViolation, match=r"\['reason'\] and without \['message', 'type'\]"):
        stripe.StripeClient("sk_test_x", http_client=odd).v1.products.retrieve("prod_1")
