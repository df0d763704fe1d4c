"""The simulated Stripe on its own, driven through the real SDK."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.validating import ValidatingHTTPClient, store_faults
from webapp.simulator.calls import Site
from webapp.simulator.client import SimulatedHTTPClient

BASE_URL = "http://127.0.0.1:8000"
SECRET = "whsec_contract"
KEY = "sk_test_simulated"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulated(tmp_path: Path, clock: Clock) -> Iterator[SimulatedHTTPClient]:
    """A fresh simulated Stripe. At the end, everything it has made is held against the SDK's types."""
    site = Site(base_url=BASE_URL, brand_name="Northwind")
    client = SimulatedHTTPClient(tmp_path / "simulator.sqlite3", site=site, webhook_secret=SECRET, clock=clock)
    yield client
    assert store_faults(client.store)[1] == []


@pytest.fixture
def checked(simulated: SimulatedHTTPClient) -> Iterator[ValidatingHTTPClient]:
    client = ValidatingHTTPClient(simulated)
    yield client
    assert not client.violations


@pytest.fixture
def sdk(checked: ValidatingHTTPClient) -> stripe.StripeClient:
    """The real SDK; each of its requests and answers is checked against its own types."""
    return stripe.StripeClient(KEY, http_client=checked)


@pytest.fixture
def raw_sdk(simulated: SimulatedHTTPClient) -> stripe.StripeClient:
    """The real SDK without the check, for requests that must be refused."""
    return stripe.StripeClient(KEY, http_client=simulated)


@pytest.fixture
def price_id(sdk: stripe.StripeClient) -> str:
    """A price of $35.00 with the lookup key `popular`."""
    product = sdk.v1.products.create(
        {"name": "Popular pack", "description": "1,000 credits", "metadata": {"credits": "1000"}}
    )
    price = {"product": product.id, "currency": "usd", "unit_amount": 3500, "lookup_key": "popular"}
    return sdk.v1.prices.create(price).id


@pytest.fixture
def payment(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> str:
    """A payment of $35.00 whose own events are done with; its payment intent's id."""
    from tests.contract.payments import pay  # it needs this file's own constants

    return pay(sdk, simulated, price_id)
