"""Opening, reading and ending checkout sessions: the true SDK against the simulated Stripe."""

import re
from typing import Any

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.conftest import BASE_URL
from webapp.simulator.client import SimulatedHTTPClient

DAY = 24 * 3600


def open_session(sdk: stripe.StripeClient, price_id: str, **params: Any) -> stripe.checkout.Session:
    key = params.pop("idempotency_key", None)
    given: Any = {
        "mode": "payment",
        "line_items": [{"price": price_id, "quantity": 1}],
        "success_url": f"{BASE_URL}/done?session_id={{CHECKOUT_SESSION_ID}}",
        **params,
    }
    return sdk.v1.checkout.sessions.create(given, {"idempotency_key": key} if key else {})


def test_a_session_is_open_unpaid_and_has_no_payment_yet(sdk: stripe.StripeClient, price_id: str, clock: Clock) -> None:
    session = open_session(sdk, price_id, client_reference_id="account-7", metadata={"pack": "popular"})

    assert session.id.startswith("cs_test_sim_")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_subtotal, session.amount_total, session.currency) == (3500, 3500, "usd")
    assert session.url == f"{BASE_URL}/_stripe/c/pay/{session.id}"
    assert session.success_url == f"{BASE_URL}/done?session_id={{CHECKOUT_SESSION_ID}}"
    assert session.metadata is not None
    assert session.metadata["pack"] == "popular"
    assert session.client_reference_id == "account-7"
    assert session.expires_at == clock.now + DAY
    assert not session.livemode


def test_line_items_are_sent_only_when_they_are_asked_for(sdk: stripe.StripeClient, price_id: str) -> None:
    session = open_session(sdk, price_id, line_items=[{"price": price_id, "quantity": 3}])
    assert "line_items" not in session

    expanded = sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items.data.price.product"]})
    listed = sdk.v1.checkout.sessions.line_items.list(session.id)

    assert expanded.line_items is not None
    line = expanded.line_items.data[0]
    assert (line.quantity, line.amount_subtotal, line.description) == (3, 10500, "Popular pack")
    assert line.price is not None
    assert isinstance(line.price.product, stripe.Product)
    assert [item.id for item in listed.data] == [line.id]


def test_the_same_key_and_parameters_give_the_same_session(sdk: stripe.StripeClient, price_id: str) -> None:
    first = open_session(sdk, price_id, idempotency_key="checkout:P1:1")
    second = open_session(sdk, price_id, idempotency_key="checkout:P1:1")

    assert first.id == second.id
    assert first.last_response is not None
    assert second.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(sdk.v1.checkout.sessions.list().data) == 1


def test_a_replay_shows_the_first_answer_even_after_the_session_was_paid(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    first = open_session(sdk, price_id, idempotency_key="checkout:P1:1")
    simulated.pay(first.id)

    assert open_session(sdk, price_id, idempotency_key="checkout:P1:1").status == "open"


def test_the_same_key_with_other_parameters_is_refused(sdk: stripe.StripeClient, price_id: str) -> None:
    open_session(sdk, price_id, idempotency_key="checkout:P1:1")

    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        open_session(sdk, price_id, idempotency_key="checkout:P1:1", client_reference_id="other")
    assert refused.value.http_status == 400
    assert refused.value.json_body is not None
    assert refused.value.json_body["error"].keys() == {"type", "message"}
    assert refused.value.json_body["error"]["type"] == "idempotency_error"

    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        sdk.v1.customers.create({}, {"idempotency_key": "checkout:P1:1"})


def test_a_key_has_up_to_255_characters(sdk: stripe.StripeClient, price_id: str) -> None:
    key = "k" * 255
    assert open_session(sdk, price_id, idempotency_key=key).id == open_session(sdk, price_id, idempotency_key=key).id

    with pytest.raises(stripe.InvalidRequestError, match="255 characters"):
        open_session(sdk, price_id, idempotency_key=key + "k")
    assert len(sdk.v1.checkout.sessions.list().data) == 1


def test_a_key_is_kept_for_a_day(sdk: stripe.StripeClient, price_id: str, clock: Clock) -> None:
    first = open_session(sdk, price_id, idempotency_key="checkout:P1:1")
    clock.forward(DAY - 1)

    assert open_session(sdk, price_id, idempotency_key="checkout:P1:1").id == first.id


def test_what_is_to_be_expanded_belongs_to_the_parameters_of_a_key(sdk: stripe.StripeClient, price_id: str) -> None:
    open_session(sdk, price_id, idempotency_key="checkout:P1:1")

    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        open_session(sdk, price_id, idempotency_key="checkout:P1:1", expand=["line_items"])


def test_a_key_is_forgotten_after_a_day(sdk: stripe.StripeClient, price_id: str, clock: Clock) -> None:
    first = open_session(sdk, price_id, idempotency_key="checkout:P1:1")
    clock.forward(DAY)

    assert open_session(sdk, price_id, idempotency_key="checkout:P1:1").id != first.id


def test_a_failed_validation_is_not_kept_under_its_key(sdk: stripe.StripeClient, price_id: str) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        open_session(
            sdk, price_id, idempotency_key="checkout:P1:1", line_items=[{"price": "price_none", "quantity": 1}]
        )

    assert open_session(sdk, price_id, idempotency_key="checkout:P1:1").status == "open"


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"bogus_param": 1}, "bogus_param", "parameter_unknown"),
        ({"payment_method_types": ["card"]}, "payment_method_types", "parameter_unknown"),
        ({"line_items": [{"price": "{price}", "qty": 1}]}, "line_items[0][qty]", "parameter_unknown"),
        ({"metadata": "text"}, "metadata", "parameter_invalid_hash"),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"mode": "gift"}, "mode", None),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]", "resource_missing"),
        ({"line_items": [{"price": "{price}"}]}, "line_items[0][quantity]", "parameter_missing"),
        ({"line_items": [{"price": "{price}", "quantity": 0}]}, "line_items[0][quantity]", "parameter_invalid_integer"),
        ({"line_items": []}, "line_items", "parameter_missing"),
        ({"success_url": "/done"}, "success_url", "url_invalid"),
        ({"cancel_url": "javascript:alert(1)"}, "cancel_url", "url_invalid"),
        ({"customer": "cus_none"}, "customer", "resource_missing"),
        ({"client_reference_id": "x" * 201}, "client_reference_id", "parameter_invalid_string"),
        ({"metadata": {"x" * 41: "long key"}}, "metadata", None),
        ({"metadata": {"long value": "x" * 501}}, "metadata[long value]", None),
        ({"metadata": {f"key{number}": "x" for number in range(51)}}, "metadata", None),
    ],
)
def test_a_bad_request_is_refused_by_the_name_of_its_parameter(
    raw_sdk: stripe.StripeClient, price_id: str, params: dict[str, Any], param: str, code: str | None
) -> None:
    for line in params.get("line_items", []):
        line["price"] = line["price"].replace("{price}", price_id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(raw_sdk, price_id, **params)

    assert (refused.value.http_status, refused.value.param, refused.value.code) == (400, param, code)
    assert refused.value.request_id
    assert raw_sdk.v1.checkout.sessions.list().data == []


@pytest.mark.parametrize(
    "params",
    [
        {"mode": "setup"},
        {"payment_intent_data": {"setup_future_usage": "off_session"}},
        {"line_items": [{"price_data": {"currency": "usd", "product": "prod_1", "unit_amount": 5}, "quantity": 1}]},
    ],
)
def test_what_stripe_can_and_the_simulator_can_not_is_said_and_never_swallowed(
    sdk: stripe.StripeClient, price_id: str, params: dict[str, Any]
) -> None:
    with pytest.raises(stripe.APIError, match="not simulated") as refused:
        open_session(sdk, price_id, **params)
    assert refused.value.http_status == 501
    assert refused.value.error is not None
    assert refused.value.error.code == "not_simulated"


@pytest.mark.parametrize(
    ("seconds", "is_accepted"),
    [(30 * 60 - 1, False), (30 * 60, True), (DAY - 1, True), (DAY, False)],
)
def test_a_session_lives_from_thirty_minutes_to_a_day(
    sdk: stripe.StripeClient, price_id: str, clock: Clock, seconds: int, *, is_accepted: bool
) -> None:
    if is_accepted:
        assert open_session(sdk, price_id, expires_at=clock.now + seconds).expires_at == clock.now + seconds
    else:
        with pytest.raises(stripe.InvalidRequestError, match="from Checkout Session creation"):
            open_session(sdk, price_id, expires_at=clock.now + seconds)


def test_archived_and_recurring_prices_are_not_sold(sdk: stripe.StripeClient, price_id: str) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)
    monthly = sdk.v1.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 1900, "recurring": {"interval": "month"}}
    )
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        open_session(sdk, monthly.id)

    sdk.v1.products.update(product, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="product is not active"):
        open_session(sdk, price_id)

    sdk.v1.products.update(product, {"active": True})
    sdk.v1.prices.update(price_id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="only accepts active prices"):
        open_session(sdk, price_id)


def test_an_amount_below_stripes_smallest_charge_is_refused(sdk: stripe.StripeClient, price_id: str) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)
    tiny = sdk.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 49})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(sdk, tiny.id)
    assert refused.value.code == "amount_too_small"
    assert open_session(sdk, tiny.id, line_items=[{"price": tiny.id, "quantity": 2}]).amount_total == 98


def test_a_session_expires_at_its_time(sdk: stripe.StripeClient, price_id: str, clock: Clock) -> None:
    session = open_session(sdk, price_id, expires_at=clock.now + 1800)
    clock.forward(1799)
    assert sdk.v1.checkout.sessions.retrieve(session.id).status == "open"

    clock.forward(1)
    expired = sdk.v1.checkout.sessions.retrieve(session.id)

    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    assert [event.type for event in sdk.v1.events.list().data] == ["checkout.session.expired", *CATALOGUE_EVENTS]


CATALOGUE_EVENTS = ["price.created", "product.created"]


def test_a_session_can_be_expired_once_and_not_after_it_was_paid(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    assert sdk.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        sdk.v1.checkout.sessions.expire(session.id)

    paid = open_session(sdk, price_id)
    simulated.pay(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        sdk.v1.checkout.sessions.expire(paid.id)
    assert sdk.v1.checkout.sessions.retrieve(paid.id).payment_status == "paid"


def test_an_unknown_object_is_a_404(sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.checkout.sessions.retrieve("cs_test_none")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert refused.value.user_message == "No such checkout.session: 'cs_test_none'"
    assert refused.value.error is not None
    assert refused.value.error.doc_url == "https://docs.stripe.com/error-codes/resource-missing"
    assert re.fullmatch(r"req_sim[0-9a-f]+", refused.value.request_id or "")


def test_a_real_key_is_never_accepted(simulated: SimulatedHTTPClient) -> None:
    client = stripe.StripeClient("sk_test_somebodys", http_client=simulated)

    with pytest.raises(stripe.AuthenticationError):
        client.v1.customers.list()


def test_another_api_version_is_refused(simulated: SimulatedHTTPClient) -> None:
    client = stripe.StripeClient("sk_test_simulated", http_client=simulated, stripe_version="2023-08-16")

    with pytest.raises(stripe.InvalidRequestError, match="2023-08-16"):
        client.v1.customers.list()


def test_a_customer_of_ours_is_used_and_its_email_shown(sdk: stripe.StripeClient, price_id: str) -> None:
    customer = sdk.v1.customers.create({"email": "sam@example.com", "name": "Sam"})

    session = open_session(sdk, price_id, customer=customer.id)

    assert (session.customer, session.customer_creation) == (customer.id, None)
    assert session.customer_details is not None
    assert (session.customer_details.email, session.customer_details.name) == ("sam@example.com", "Sam")
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        open_session(sdk, price_id, customer=customer.id, customer_email="other@example.com")
    sdk.v1.customers.delete(customer.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        open_session(sdk, price_id, customer=customer.id)
    assert (refused.value.param, refused.value.code) == ("customer", "resource_missing")
