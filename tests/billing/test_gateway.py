"""The only door to Stripe: what goes out, what comes in, and which error is which."""

import json
import typing
from collections.abc import Mapping
from typing import Any

import pytest
import stripe
from pydantic import SecretStr
from structlog.testing import capture_logs

from webapp.billing import gateway as module
from webapp.billing.errors import StripeDenied, StripeRefused, StripeUnreachable
from webapp.billing.gateway import Gateway, build_gateway
from webapp.billing.stripe_objects import (
    CHECKOUT_PATHS,
    DISPUTE_PATHS,
    ENDPOINT_PATHS,
    LINE_ITEM_PATHS,
    MOVEMENT_PATHS,
    PAYMENT_PATHS,
    PRICE_PATHS,
    REFUND_PATHS,
    checkout_session,
    dispute,
)
from webapp.orm import utc_now
from webapp.settings import Settings, read_settings

KEY = "sk_test_canaryverysecret"


class Answering(stripe.HTTPClient):
    """A Stripe that gives one answer, or raises one error, and remembers what it was asked."""

    name = "answering"

    def __init__(self, status: int = 200, body: Any = None, error: Exception | None = None) -> None:
        super().__init__()
        self.status, self.body, self.error = status, body, error
        self.requests: list[tuple[str, str, Mapping[str, str], Any]] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
        self.requests.append((method.upper(), url, headers, post_data))
        if self.error:
            raise self.error
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text, self.status, {"request-id": "req_1"}

    def close(self) -> None:
        pass


def settings(**given: Any) -> Settings:
    plain = {"app_env": "test", "stripe_secret_key": KEY, "stripe_mode": None, "stripe_webhook_secret": "whsec_1"}
    return read_settings(_env_file=None, **plain | given)


def real(http_client: Answering, **given: Any) -> Gateway:
    gateway = build_gateway(settings(**given), http_client=http_client)
    assert gateway is not None
    return gateway


def stripe_error(status: int, **error: Any) -> Answering:
    return Answering(status, {"error": {"type": "invalid_request_error", "message": f"… {KEY} …", **error}})


def test_without_a_mode_and_a_key_there_is_no_gateway():
    assert build_gateway(settings(stripe_secret_key=None)) is None
    assert build_gateway(settings(stripe_secret_key=None, stripe_mode="off")) is None


def test_the_simulated_mode_needs_its_client():
    with pytest.raises(ValueError, match="HTTP client"):
        build_gateway(settings(stripe_secret_key=None, stripe_mode="simulated"))


@pytest.mark.parametrize(("key", "mode"), [("sk_test_1", "test"), ("rk_test_1", "test"), ("sk_live_1", "live")])
def test_a_key_says_its_mode(key, mode):
    gateway = build_gateway(settings(stripe_secret_key=key))
    assert gateway is not None
    assert gateway.mode == mode


def test_the_network_is_given_three_seconds_to_connect_and_ten_to_answer(monkeypatch):
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(stripe, "RequestsClient", lambda **given: made.append(given) or Answering())
    build_gateway(settings())
    assert made == [{"timeout": (3.05, 10)}]


def test_a_request_carries_our_key_our_api_version_and_our_idempotency_key():
    client = Answering(500)
    with pytest.raises(StripeUnreachable):
        real(client).create_price({"currency": "usd"}, idempotency_key="sync:1")
    method, url, headers, _ = client.requests[0]
    assert (method, url) == ("POST", "https://api.stripe.com/v1/prices")
    assert headers["Stripe-Version"] == stripe.api_version == module.API_VERSION
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Idempotency-Key"] == "sync:1"


def test_another_address_for_the_api_is_honoured():
    client = Answering(500)
    with pytest.raises(StripeUnreachable):
        real(client, stripe_api_base="http://127.0.0.1:12111").checkout("cs_test_1")
    assert client.requests[0][1].startswith("http://127.0.0.1:12111/v1/checkout/sessions/cs_test_1")


def test_real_stripe_is_never_asked_about_simulated_ids():
    client = Answering()
    for ask in (
        lambda gateway: gateway.checkout("cs_test_sim_1"),
        lambda gateway: gateway.checkout_of_payment("pi_sim_1"),
        lambda gateway: gateway.refunds_of_payment("pi_sim_1"),
        lambda gateway: gateway.disputes_of_payment("pi_sim_1"),
        lambda gateway: gateway.payment_of("charge", "ch_sim_1"),
        lambda gateway: gateway.subscription("sub_sim_1"),
        lambda gateway: gateway.invoices("sub_sim_1", since=utc_now()),
        lambda gateway: gateway.subscription_of_invoice("in_sim_1"),
        lambda gateway: gateway.price("price_sim_1"),
        lambda gateway: gateway.prices_of_product("prod_sim_1"),
        lambda gateway: gateway.has_customer("cus_sim_1"),
        lambda gateway: gateway.expire_checkout("cs_test_sim_1"),
    ):
        with pytest.raises(StripeRefused) as caught:
            ask(real(client))
        assert caught.value.stripe_code == "simulated_id"
    assert client.requests == []


NETWORK = stripe.APIConnectionError("Connection reset", should_retry=True)
ERRORS = [
    (Answering(error=NETWORK), StripeUnreachable),
    (stripe_error(500, type="api_error"), StripeUnreachable),
    (stripe_error(503, type="api_error"), StripeUnreachable),
    (stripe_error(409, code="idempotency_key_in_use"), StripeUnreachable),
    (stripe_error(429, code="rate_limit"), StripeUnreachable),
    (stripe_error(401), StripeDenied),
    (stripe_error(403), StripeDenied),
    (stripe_error(400, code="parameter_unknown", param="x"), StripeRefused),
    (stripe_error(400, type="idempotency_error"), StripeRefused),
    (stripe_error(402, type="card_error", code="card_declined"), StripeRefused),
    (stripe_error(404, code="resource_missing", param="id"), StripeRefused),
    (Answering(200, "<html>a proxy</html>"), StripeUnreachable),
    (Answering(502, "<html>bad gateway</html>"), StripeUnreachable),
]


@pytest.mark.parametrize(("client", "kind"), ERRORS, ids=lambda value: getattr(value, "__name__", None))
def test_an_error_of_the_sdk_becomes_ours_without_a_word_of_a_secret(client, kind):
    with capture_logs() as logged, pytest.raises((StripeUnreachable, StripeRefused)) as caught:
        real(client).checkout("cs_test_1")
    assert type(caught.value) is kind
    told = f"{caught.value} {caught.value!r} {caught.value.sentence} {caught.value.facts} {vars(caught.value)} {logged}"
    assert "canary" not in told
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert logged[0]["operation"] == "read checkout"


def test_what_stripe_refuses_is_told_by_code_and_parameter():
    with pytest.raises(StripeRefused) as caught:
        real(stripe_error(400, code="resource_missing", param="customer")).create_checkout({}, idempotency_key="k")
    assert (caught.value.stripe_code, caught.value.param, caught.value.request_id) == (
        "resource_missing",
        "customer",
        "req_1",
    )
    assert caught.value.is_missing


def test_an_error_that_is_not_stripes_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        real(Answering(error=ZeroDivisionError())).checkout("cs_test_1")


def test_only_opening_a_checkout_is_tried_twice(monkeypatch):
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)
    calls = (
        (2, lambda gateway: gateway.create_checkout({}, idempotency_key="k")),
        (1, lambda gateway: gateway.create_price({}, idempotency_key="k")),
        (1, lambda gateway: gateway.create_refund({}, idempotency_key="k")),
    )
    for tries, call in calls:
        client = Answering(error=stripe.APIConnectionError("reset", should_retry=True))
        with pytest.raises(StripeUnreachable):
            call(real(client))
        assert len(client.requests) == tries
        assert len({headers["Idempotency-Key"] for _, _, headers, _ in client.requests}) == 1


def test_a_payment_that_stripe_does_not_know_has_no_checkout():
    assert real(stripe_error(404, code="resource_missing")).checkout_of_payment("pi_1") is None
    assert real(Answering(200, {"object": "list", "data": [], "has_more": False})).checkout_of_payment("pi_1") is None


def test_what_stripe_does_not_know_of_plans_is_nothing_and_a_deleted_customer_is_gone():
    missing = real(stripe_error(404, code="resource_missing"))
    assert missing.subscription("sub_1") is None
    assert missing.subscription_of_invoice("in_1") is None
    assert missing.price("price_1") is None
    assert not missing.has_customer("cus_1")
    assert not real(Answering(200, {"id": "cus_1", "object": "customer", "deleted": True})).has_customer("cus_1")
    assert real(Answering(200, {"id": "cus_1", "object": "customer"})).has_customer("cus_1")
    with pytest.raises(StripeRefused):
        real(stripe_error(400, code="parameter_unknown", param="x")).subscription("sub_1")


class Paging(Answering):
    """Gives one page after the other, and fails where there is none."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        super().__init__()
        self.pages = list(pages)

    def request(self, *given: Any) -> Any:
        self.body = {"object": "list", "data": self.pages.pop(0), "has_more": True, "url": "/v1/refunds"}
        return super().request(*given)


def refund_number(number: int) -> dict[str, Any]:
    plain = {"object": "refund", "amount": number, "currency": "usd", "created": 1, "payment_intent": "pi_1"}
    return plain | {"id": f"re_{number}", "status": None, "reason": None, "metadata": None}


def test_every_page_of_refunds_is_read_and_a_page_that_fails_leaves_no_part_of_them():
    client = Paging([refund_number(number) for number in range(100)], [refund_number(100)], [])
    found = real(client).refunds_of_payment("pi_1")
    assert [refund.amount_minor for refund in found] == list(range(101))
    assert (found[0].state, found[0].reason, found[0].is_undone) == ("pending", "", False)
    assert ["starting_after=re_99" in url for _, url, _, _ in client.requests] == [False, True, False]
    assert all("limit=100" in url for _, url, _, _ in client.requests)
    with pytest.raises(IndexError):
        real(Paging([refund_number(1)])).refunds_of_payment("pi_1")


def test_a_dispute_has_its_money_while_more_movements_took_it_than_gave_it_back():
    plain = {"id": "du_1", "amount": 5, "currency": "usd", "status": "lost", "reason": "general", "created": 1}
    for moved, is_withdrawn in {
        (): False,
        ("dispute",): True,
        ("dispute", "dispute_reversal"): False,
        ("dispute_reversal", "dispute", "dispute"): True,
        ("dispute", "fee", "fee"): True,
    }.items():
        movements = [{"reporting_category": category} for category in moved]
        found = dispute({**plain, "balance_transactions": movements, "evidence_details": {"due_by": 1}})
        assert (found.is_withdrawn, found.is_open) == (is_withdrawn, False)


def test_the_payment_behind_an_object_that_is_gone_is_none():
    assert real(stripe_error(404, code="resource_missing")).payment_of("dispute", "du_1") is None
    assert real(Answering(200, {"object": "charge", "id": "ch_1", "payment_intent": None})).payment_of(
        "charge", "ch_1"
    ) is None  # fmt: skip
    with pytest.raises(StripeRefused):
        real(stripe_error(400, code="parameter_unknown")).payment_of("refund", "re_1")


def test_lookup_keys_are_asked_ten_at_a_time():
    client = Answering(200, {"object": "list", "data": [], "has_more": False})
    assert real(client).prices([f"key_{number}" for number in range(23)]) == ()
    assert [url.count("lookup_keys") for _, url, _, _ in client.requests] == [10, 10, 3]


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        (stripe.checkout.Session, CHECKOUT_PATHS),
        (stripe.LineItem, LINE_ITEM_PATHS),
        (stripe.Price, PRICE_PATHS),
        (stripe.WebhookEndpoint, ENDPOINT_PATHS),
        (stripe.Refund, REFUND_PATHS),
        (stripe.Dispute, DISPUTE_PATHS),
        (stripe.BalanceTransaction, MOVEMENT_PATHS),
        *((kind, PAYMENT_PATHS) for kind in (stripe.Charge, stripe.Refund, stripe.Dispute)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_field_we_read_is_in_the_types_of_the_installed_sdk(kind, paths):
    for path in paths.values():
        found: Any = kind
        for name in path.split("."):
            assert name in found.__annotations__, f"{kind.__name__}.{path}"
            found = class_of(found, name)


def class_of(owner: Any, name: str) -> Any:
    """The SDK class of a field, through Optional, ExpandableField and names in quotes."""
    text = str(owner.__annotations__[name])
    for word in ("PaymentIntent", "Product", "Customer"):
        if f"'{word}'" in text or f".{word}]" in text:
            return getattr(stripe, word)
    for candidate in typing.get_args(owner.__annotations__[name]) or (owner.__annotations__[name],):
        inner = getattr(candidate, "__forward_arg__", candidate)
        found = getattr(owner, inner, None) if isinstance(inner, str) else inner
        if isinstance(found, type) and issubclass(found, stripe.StripeObject):
            return found
    return None


BARE = {
    "id": "cs_1",
    "mode": "payment",
    "payment_status": "unpaid",
    "livemode": False,
    "metadata": None,
    "expires_at": 1,
}


def test_a_payment_is_read_as_an_id_or_expanded():
    plain = checkout_session({**BARE, "payment_intent": "pi_1", "customer": "cus_1"})
    assert (plain.payment_intent_id, plain.payment_intent_status, plain.customer_id) == ("pi_1", None, "cus_1")
    payment = {"id": "pi_1", "status": "processing", "last_payment_error": None}
    expanded = checkout_session({**BARE, "payment_intent": payment, "customer": {"id": "cus_1"}})
    assert (expanded.payment_intent_id, expanded.payment_intent_status) == ("pi_1", "processing")
    assert (expanded.customer_id, expanded.metadata) == ("cus_1", {})


def test_more_than_a_page_of_line_items_is_as_unknown():
    page = {"has_more": True, "data": [{"price": {"id": "price_1"}, "quantity": 1}]}
    assert checkout_session({**BARE, "line_items": page}).line_items is None
    found = checkout_session({**BARE, "line_items": {**page, "has_more": False}}).line_items
    assert found is not None
    assert [(item.price_id, item.quantity) for item in found] == [("price_1", 1)]


def test_the_key_is_not_in_what_the_settings_show():
    assert KEY not in repr(settings())
    assert isinstance(settings().stripe_secret_key, SecretStr)
