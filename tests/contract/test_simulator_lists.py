"""Lists, cursors, filters, expansion and the catalogue's endpoints: the true SDK against the simulated Stripe."""

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.test_simulator_checkout import open_session
from tests.contract.validating import ValidatingHTTPClient
from webapp.simulator.client import SimulatedHTTPClient


@pytest.fixture
def emails(sdk: stripe.StripeClient, clock: Clock) -> list[str]:
    """Five customers, one a minute; their e-mails, newest first."""
    names = [f"{number}@example.com" for number in range(5)]
    for name in names:
        sdk.v1.customers.create({"email": name})
        clock.forward(60)
    return names[::-1]


def test_a_list_is_newest_first_and_says_whether_there_is_more(sdk: stripe.StripeClient, emails: list[str]) -> None:
    first = sdk.v1.customers.list({"limit": 2})
    assert ([customer.email for customer in first.data], first.has_more) == (emails[:2], True)

    second = sdk.v1.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    assert ([customer.email for customer in second.data], second.has_more) == (emails[2:4], True)

    last = sdk.v1.customers.list({"limit": 2, "starting_after": second.data[-1].id})
    assert ([customer.email for customer in last.data], last.has_more) == (emails[4:], False)

    back = sdk.v1.customers.list({"limit": 2, "ending_before": last.data[0].id})
    assert ([customer.email for customer in back.data], back.has_more) == (emails[2:4], True)


def test_the_sdk_walks_through_all_pages(
    sdk: stripe.StripeClient, checked: ValidatingHTTPClient, emails: list[str]
) -> None:
    walked = [customer.email for customer in sdk.v1.customers.list({"limit": 2}).auto_paging_iter()]

    assert walked == emails
    assert len([path for method, path, _ in checked.requests if (method, path) == ("GET", "/v1/customers")]) == 3


def test_created_bounds_are_inclusive_or_not_as_they_say(
    sdk: stripe.StripeClient, emails: list[str], clock: Clock
) -> None:
    start = clock.now - 5 * 60
    for bounds, expected in (
        ({"gte": start + 60, "lt": start + 180}, emails[2:4]),
        ({"gt": start + 60, "lte": start + 180}, emails[1:3]),
        (start + 60, emails[3:4]),
    ):
        found = sdk.v1.customers.list({"created": bounds})  # type: ignore[typeddict-item]
        assert [customer.email for customer in found.data] == expected


@pytest.mark.parametrize(
    ("params", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"starting_after": "cus_none"}, "starting_after")],
)
def test_a_bad_cursor_is_refused(sdk: stripe.StripeClient, params: dict[str, object], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.customers.list(params)  # type: ignore[arg-type]
    assert refused.value.param == param


def test_both_cursors_at_once_are_refused(sdk: stripe.StripeClient, emails: list[str]) -> None:
    customer_id = sdk.v1.customers.list().data[0].id

    with pytest.raises(stripe.InvalidRequestError, match="only use one"):
        sdk.v1.customers.list({"starting_after": customer_id, "ending_before": customer_id})


def test_sessions_are_found_by_payment_status_and_time(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    paid = open_session(sdk, price_id)
    simulated.pay(paid.id)
    clock.forward(60)
    left = open_session(sdk, price_id)

    assert [found.id for found in sdk.v1.checkout.sessions.list({"status": "complete"}).data] == [paid.id]
    assert [found.id for found in sdk.v1.checkout.sessions.list({"created": {"gte": clock.now}}).data] == [left.id]
    intent = sdk.v1.payment_intents.list().data[0]
    assert [found.id for found in sdk.v1.checkout.sessions.list({"payment_intent": intent.id}).data] == [paid.id]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.checkout.sessions.list({"payment_intent": "pi_none"})
    assert refused.value.code == "resource_missing"


def test_a_list_can_be_expanded(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> None:
    simulated.pay(open_session(sdk, price_id).id)

    found = sdk.v1.checkout.sessions.list({"expand": ["data.line_items", "data.payment_intent.latest_charge"]})

    session = found.data[0]
    assert session.line_items is not None
    assert session.line_items.data[0].quantity == 1
    assert isinstance(session.payment_intent, stripe.PaymentIntent)
    assert isinstance(session.payment_intent.latest_charge, stripe.Charge)


def test_what_is_null_stays_null_when_it_is_expanded(sdk: stripe.StripeClient, price_id: str) -> None:
    session = open_session(sdk, price_id)

    found = sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "customer", "invoice"]})

    assert (found.payment_intent, found.customer, found.invoice) == (None, None, None)


@pytest.mark.parametrize(
    "path", ["status", "no_such_field", "line_items.data.quantity", "metadata.pack", "customer_details"]
)
def test_what_is_no_object_can_not_be_expanded(sdk: stripe.StripeClient, price_id: str, path: str) -> None:
    session = open_session(sdk, price_id)

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        sdk.v1.checkout.sessions.retrieve(session.id, {"expand": [path]})


def test_expansion_ends_at_four_levels(sdk: stripe.StripeClient, price_id: str) -> None:
    session = open_session(sdk, price_id)

    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        sdk.v1.checkout.sessions.retrieve(
            session.id, {"expand": ["line_items.data.price.product.default_price.product"]}
        )


def test_prices_are_found_by_lookup_key_with_their_product(sdk: stripe.StripeClient, price_id: str) -> None:
    found = sdk.v1.prices.list({"lookup_keys": ["popular", "none"], "expand": ["data.product"]})

    assert [price.id for price in found.data] == [price_id]
    assert isinstance(found.data[0].product, stripe.Product)
    assert found.data[0].product.name == "Popular pack"
    assert sdk.v1.prices.list({"lookup_keys": ["none"]}).data == []


def test_a_lookup_key_belongs_to_one_price_until_it_is_transferred(sdk: stripe.StripeClient, price_id: str) -> None:
    old = sdk.v1.prices.retrieve(price_id)
    assert isinstance(old.product, str)
    dearer = {"product": old.product, "currency": "usd", "unit_amount": 3800, "lookup_key": "popular"}

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        sdk.v1.prices.create(dearer)  # type: ignore[arg-type]
    new = sdk.v1.prices.create({**dearer, "transfer_lookup_key": True})  # type: ignore[typeddict-item]

    assert sdk.v1.prices.retrieve(old.id).lookup_key is None
    assert [price.id for price in sdk.v1.prices.list({"lookup_keys": ["popular"]}).data] == [new.id]
    moved = sdk.v1.events.list({"type": "price.updated"}).data[0]
    assert moved.data.object["id"] == old.id
    assert moved.data.previous_attributes is not None
    assert moved.data.previous_attributes.to_dict() == {"lookup_key": "popular"}


def test_the_amount_of_a_price_never_changes(raw_sdk: stripe.StripeClient, price_id: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        raw_sdk.v1.prices.update(price_id, {"unit_amount": 1})  # type: ignore[typeddict-unknown-key]
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "unit_amount")
    assert raw_sdk.v1.prices.retrieve(price_id).unit_amount == 3500


def test_prices_and_products_are_not_deleted(sdk: stripe.StripeClient, price_id: str) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)

    with pytest.raises(stripe.APIError, match="not simulated"):
        sdk.v1.products.delete(product)


def test_metadata_is_merged_and_unset_key_by_key_or_whole(sdk: stripe.StripeClient, price_id: str) -> None:
    sdk.v1.prices.update(price_id, {"metadata": {"credits": "1000", "type": "credit_package"}})
    sdk.v1.prices.update(price_id, {"metadata": {"credits": "1100", "note": "x"}})
    sdk.v1.prices.update(price_id, {"metadata": {"note": ""}})
    assert sdk.v1.prices.retrieve(price_id).metadata.to_dict() == {"credits": "1100", "type": "credit_package"}

    sdk.v1.prices.update(price_id, {"metadata": ""})
    assert sdk.v1.prices.retrieve(price_id).metadata.to_dict() == {}


def test_an_update_that_changes_nothing_tells_nobody(sdk: stripe.StripeClient, price_id: str) -> None:
    before = len(sdk.v1.events.list().data)

    sdk.v1.prices.update(price_id, {"active": True})

    assert len(sdk.v1.events.list().data) == before


def test_a_product_is_made_with_a_chosen_id_once(sdk: stripe.StripeClient) -> None:
    sdk.v1.products.create({"id": "refill_popular", "name": "Popular pack", "description": "1,000 credits"})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.products.create({"id": "refill_popular", "name": "Popular pack"})
    assert refused.value.code == "resource_already_exists"
    updated = sdk.v1.products.update("refill_popular", {"description": "", "name": "Best pack"})
    assert (updated.description, updated.name) == (None, "Best pack")
    assert [product.id for product in sdk.v1.products.list({"ids": ["refill_popular"]}).data] == ["refill_popular"]
    assert sdk.v1.products.list({"active": False}).data == []


def test_a_default_price_is_not_archived(sdk: stripe.StripeClient, price_id: str) -> None:
    product = sdk.v1.prices.retrieve(price_id).product
    assert isinstance(product, str)
    sdk.v1.products.update(product, {"default_price": price_id})

    with pytest.raises(stripe.InvalidRequestError, match="default price"):
        sdk.v1.prices.update(price_id, {"active": False})


def test_customers_are_changed_and_deleted(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create(
        {"email": "sam@example.com", "address": {"country": "DE"}, "preferred_locales": ["de"]}
    )
    sdk.v1.customers.update(customer.id, {"name": "Sam", "address": "", "metadata": {"account": "7"}})
    changed = sdk.v1.customers.retrieve(customer.id)
    assert (changed.name, changed.address, changed.email) == ("Sam", None, "sam@example.com")
    assert [found.id for found in sdk.v1.customers.list({"email": "sam@example.com"}).data] == [customer.id]

    assert sdk.v1.customers.delete(customer.id).deleted is True

    assert sdk.v1.customers.retrieve(customer.id).deleted is True
    assert sdk.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.customers.update(customer.id, {"name": "Ghost"})
    assert refused.value.http_status == 404
    assert sdk.v1.events.list().data[0].type == "customer.deleted"


def test_events_are_found_by_type_time_and_delivery(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, clock: Clock
) -> None:
    simulated.pay(open_session(sdk, price_id).id)
    clock.forward(60)
    simulated.pay(open_session(sdk, price_id).id)
    waiting = simulated.deliveries.waiting()
    simulated.deliveries.deliver(waiting[-1], lambda *_: (200, "ok"), now=clock.now)

    def ids(**params: object) -> list[str]:
        return [event.id for event in sdk.v1.events.list(params).data]  # type: ignore[arg-type]

    assert len(ids(types=["charge.succeeded", "checkout.session.completed"])) == 4
    assert len(ids(type="charge.*")) == 2
    assert len(ids(type="checkout.session.completed", created={"gte": clock.now})) == 1
    assert ids(type="checkout.session.completed", delivery_success=True) == [waiting[-1].event_id]
    assert len(ids(delivery_success=False)) == 7
    event = sdk.v1.events.retrieve(waiting[-1].event_id)
    assert (event.type, event.pending_webhooks) == ("checkout.session.completed", 0)
    with pytest.raises(stripe.InvalidRequestError, match="up to 20 types"):
        ids(types=[f"charge.{number}" for number in range(21)])


def test_an_event_names_the_call_that_caused_it(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({}, {"idempotency_key": "customer:7"})

    event = sdk.v1.events.list({"type": "customer.created"}).data[0]

    assert event.request is not None
    assert customer.last_response is not None
    assert (event.request.id, event.request.idempotency_key) == (customer.last_response.request_id, "customer:7")


def test_webhook_endpoints_are_stored_with_a_secret_told_once(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.webhook_endpoints.create(
        {
            "url": "https://credits.example.com/api/stripe/webhook",
            "enabled_events": ["checkout.session.completed"],
            "api_version": "2026-10-28.endive",
        }
    )
    assert made.secret is not None
    assert made.secret.startswith("whsec_sim_")

    sdk.v1.webhook_endpoints.update(made.id, {"enabled_events": ["charge.succeeded"], "disabled": True})

    found = sdk.v1.webhook_endpoints.list().data
    assert [(one.id, one.status, one.enabled_events) for one in found] == [(made.id, "disabled", ["charge.succeeded"])]
    assert "secret" not in found[0]
    assert sdk.v1.webhook_endpoints.retrieve(made.id).api_version == "2026-10-28.endive"


def test_types_are_names_and_a_group_goes_into_type(sdk: stripe.StripeClient) -> None:
    for params in ({"type": "a.b", "types": ["a.b"]}, {"types": ["charge.*"]}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            sdk.v1.events.list(params)  # type: ignore[arg-type]
        assert refused.value.param == "types"


def test_events_are_kept_for_thirty_days(sdk: stripe.StripeClient, clock: Clock) -> None:
    sdk.v1.customers.create({})
    event_id = sdk.v1.events.list().data[0].id
    clock.forward(30 * 24 * 3600 - 1)
    assert [event.id for event in sdk.v1.events.list().data] == [event_id]
    assert sdk.v1.events.retrieve(event_id).id == event_id

    clock.forward(1)

    assert sdk.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.events.retrieve(event_id)
    assert refused.value.http_status == 404


def test_a_cursor_of_another_kind_is_refused(sdk: stripe.StripeClient, price_id: str) -> None:
    sdk.v1.customers.create({})
    for name in ("starting_after", "ending_before"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            sdk.v1.customers.list({name: price_id})  # type: ignore[misc]
        assert (refused.value.code, refused.value.param) == ("resource_missing", name)


def test_line_items_have_the_same_cursors_as_every_list(sdk: stripe.StripeClient, price_id: str) -> None:
    lines = [{"price": price_id, "quantity": number} for number in range(1, 6)]
    session_id = open_session(sdk, price_id, line_items=lines).id

    def page(**params: object) -> tuple[list[int | None], bool]:
        found = sdk.v1.checkout.sessions.line_items.list(session_id, params)  # type: ignore[arg-type]
        return [line.quantity for line in found.data], found.has_more

    ids = [line.id for line in sdk.v1.checkout.sessions.line_items.list(session_id).data]
    assert page() == ([1, 2, 3, 4, 5], False)
    assert page(limit=2) == ([1, 2], True)
    assert page(limit=2, starting_after=ids[1]) == ([3, 4], True)
    assert page(limit=2, starting_after=ids[3]) == ([5], False)
    assert page(limit=2, ending_before=ids[4]) == ([3, 4], True)
    assert page(limit=2, ending_before=ids[1]) == ([1], False)
    walked = sdk.v1.checkout.sessions.line_items.list(session_id, {"limit": 2}).auto_paging_iter()
    assert [line.quantity for line in walked] == [1, 2, 3, 4, 5]
    for params in ({"limit": 0}, {"starting_after": "li_none"}, {"starting_after": ids[0], "ending_before": ids[1]}):
        with pytest.raises(stripe.InvalidRequestError):
            page(**params)


def test_what_is_inside_a_part_of_an_object_can_be_expanded(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    session = open_session(sdk, price_id)
    simulated.pay(session.id, "declined")

    found = sdk.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.last_payment_error.payment_method", "automatic_tax.liability.account"]}
    )

    assert isinstance(found.payment_intent, stripe.PaymentIntent)
    assert found.payment_intent.last_payment_error is not None
    assert isinstance(found.payment_intent.last_payment_error.payment_method, stripe.PaymentMethod)


@pytest.mark.parametrize("path", ["/v1/payouts", "/v1/invoiceitems", "/v1/no/such/thing"])
def test_everything_else_says_that_it_is_not_simulated(raw_sdk: stripe.StripeClient, path: str) -> None:
    with pytest.raises(stripe.APIError, match=f"GET {path} is not simulated"):
        raw_sdk.raw_request("get", path)
