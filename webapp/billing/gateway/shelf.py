"""What is on sale at Stripe, and where it sends its events: products, Prices, webhook endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

import stripe

from webapp.billing.errors import StripeRefused
from webapp.billing.gateway.calls import PAGE, Calls, all_of, asked, typed
from webapp.billing.stripe_objects import Price, WebhookEndpoint, price, webhook_endpoint

API_VERSION: str = stripe.api_version
LOOKUP_KEYS_PER_CALL = 10


class Shelf(Calls):
    """Products and Prices, and the account's webhook endpoints."""

    def prices(self, lookup_keys: Sequence[str]) -> tuple[Price, ...]:
        """The Prices, archived ones too, that hold these lookup keys now, each with its product."""
        found: list[Price] = []
        for start in range(0, len(lookup_keys), LOOKUP_KEYS_PER_CALL):
            some = list(lookup_keys[start : start + LOOKUP_KEYS_PER_CALL])
            params = {"lookup_keys": some, "limit": PAGE, "expand": ["data.product"]}
            found += [price(json) for json in all_of("list prices", self._v1.prices.list, params)]
        return tuple(found)

    def create_price(self, params: Mapping[str, Any], *, idempotency_key: str) -> Price:
        """Make a Price of an existing product."""
        options = {"idempotency_key": idempotency_key}
        with_product = {**params, "expand": ["product"]}
        return price(asked("create price", lambda: self._v1.prices.create(typed(with_product), typed(options))))

    def update_price(self, price_id: str, params: Mapping[str, Any]) -> Price:
        """Change what may change of a Price: whether it is active, its metadata."""
        with_product = {**params, "expand": ["product"]}
        return price(asked("update price", lambda: self._v1.prices.update(price_id, typed(with_product))))

    def create_product(self, params: Mapping[str, Any], *, idempotency_key: str) -> bool:
        """Make a product with the id in `params`. Returns False, changing nothing, if there is one of that id."""
        options = {"idempotency_key": idempotency_key}
        try:
            asked("create product", lambda: self._v1.products.create(typed(params), typed(options)))
        except StripeRefused as refusal:
            if refusal.stripe_code != "resource_already_exists":
                raise
            return False
        return True

    def update_product(self, product_id: str, params: Mapping[str, Any]) -> None:
        """Change a product's name, whether it is active, its metadata."""
        asked("update product", lambda: self._v1.products.update(product_id, typed(params)))

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """The account's webhook endpoints (16 at most at Stripe, so one page holds them)."""
        page = asked("list endpoints", lambda: self._v1.webhook_endpoints.list(typed({"limit": PAGE})))
        return tuple(webhook_endpoint(json) for json in page["data"])

    def create_webhook_endpoint(self, url: str, events: Sequence[str], *, idempotency_key: str) -> WebhookEndpoint:
        """Make an endpoint that is told these events in our API version. Its secret is in the answer, this once."""
        params = {"url": url, "enabled_events": list(events), "api_version": API_VERSION}
        options = {"idempotency_key": idempotency_key}
        return webhook_endpoint(
            asked("create endpoint", lambda: self._v1.webhook_endpoints.create(typed(params), typed(options)))
        )

    def update_webhook_endpoint(self, endpoint_id: str, events: Sequence[str]) -> WebhookEndpoint:
        """Change which events an endpoint is told. Its API version can't be changed."""
        params = {"enabled_events": list(events)}
        return webhook_endpoint(
            asked("update endpoint", lambda: self._v1.webhook_endpoints.update(endpoint_id, typed(params)))
        )
