"""Plans: subscriptions with their invoices, and the customer portal where people change them."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from webapp.billing.errors import StripeRefused
from webapp.billing.gateway.calls import PAGE, Calls, all_of, asked, pages, typed
from webapp.billing.gateway.payments import Span
from webapp.billing.plan_objects import Invoice, SubscriptionFacts, has_more_lines, invoice, subscription_facts
from webapp.billing.stripe_objects import CheckoutSession, Price, checkout_session, price

WITH_SUBSCRIPTION = ["default_payment_method", "customer.invoice_settings.default_payment_method", "schedule"]


class Plans(Calls):
    """What people subscribe to."""

    def subscription(self, subscription_id: str) -> SubscriptionFacts | None:
        """A subscription as it is now, ended or not; None if Stripe has none of this id."""
        self.refuse_simulated(subscription_id)
        params = {"expand": WITH_SUBSCRIPTION}
        found = _unless_missing(
            "read subscription", lambda: self._v1.subscriptions.retrieve(subscription_id, typed(params))
        )
        return None if found is None else subscription_facts(found)

    def subscriptions(self, made: Span) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The id and metadata of every subscription made in a span, ended or not, newest first; page by page."""
        for json in pages("list subscriptions", self._v1.subscriptions.list, {"status": "all", **made.params}):
            yield json["id"], dict(json["metadata"] or {})

    def invoices(self, subscription_id: str, *, since: dt.datetime) -> tuple[Invoice, ...]:
        """The invoices of a subscription that were made since an instant, with all their lines, the oldest first."""
        self.refuse_simulated(subscription_id)
        params = {"subscription": subscription_id, "created": {"gte": int(since.timestamp())}, "limit": PAGE}
        found = all_of("list invoices", self._v1.invoices.list, params)
        return tuple(sorted((self._with_lines(json) for json in found), key=lambda one: (one.made_at, one.id)))

    def subscription_of_invoice(self, invoice_id: str) -> str | None:
        """The subscription of an invoice, for events of API versions that don't name it; None if it has none."""
        self.refuse_simulated(invoice_id)
        found = _unless_missing("read invoice", lambda: self._v1.invoices.retrieve(invoice_id))
        return None if found is None else invoice(found).subscription_id

    def price(self, price_id: str) -> Price | None:
        """A Price with its product, archived or not; None if Stripe has none of this id."""
        self.refuse_simulated(price_id)
        params = {"expand": ["product"]}
        found = _unless_missing("read price", lambda: self._v1.prices.retrieve(price_id, typed(params)))
        return None if found is None else price(found)

    def prices_of_product(self, product_id: str) -> tuple[Price, ...]:
        """The Prices of a product, archived ones too, each with the product."""
        self.refuse_simulated(product_id)
        params = {"product": product_id, "limit": PAGE, "expand": ["data.product"]}
        return tuple(price(json) for json in all_of("list prices", self._v1.prices.list, params))

    def has_customer(self, customer_id: str) -> bool:
        """Whether Stripe has this customer still."""
        self.refuse_simulated(customer_id)
        found = _unless_missing("read customer", lambda: self._v1.customers.retrieve(customer_id))
        return found is not None and not found.get("deleted", False)

    def expire_checkout(self, session_id: str) -> CheckoutSession:
        """End an open Checkout Session, so that nobody can pay it. Raises StripeRefused if it isn't open any more."""
        self.refuse_simulated(session_id)
        return checkout_session(asked("expire checkout", lambda: self._v1.checkout.sessions.expire(session_id)))

    def portal_url(self, params: Mapping[str, Any]) -> str:
        """Open the customer portal for a customer; the address to send them to. It lives for minutes.

        https://docs.stripe.com/api/customer_portal/sessions/create
        """
        return str(asked("open portal", lambda: self._v1.billing_portal.sessions.create(typed(params)))["url"])

    def portal_configurations(self) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """The active settings of the portal: the id and metadata of each."""
        params = {"active": True, "limit": PAGE}
        found = all_of("list portals", self._v1.billing_portal.configurations.list, params)
        return tuple((json["id"], dict(json["metadata"] or {})) for json in found)

    def save_portal_configuration(
        self, params: Mapping[str, Any], *, configuration_id: str | None, idempotency_key: str
    ) -> str:
        """Make the portal's settings, or change those of this id; their id."""
        configurations = self._v1.billing_portal.configurations
        if configuration_id is not None:
            return str(asked("update portal", lambda: configurations.update(configuration_id, typed(params)))["id"])
        options = {"idempotency_key": idempotency_key}
        return str(asked("create portal", lambda: configurations.create(typed(params), typed(options)))["id"])

    def _with_lines(self, json: dict[str, Any]) -> Invoice:
        if not has_more_lines(json):
            return invoice(json)
        lines = self._v1.invoices.line_items.list
        return invoice(json, all_of("list invoice lines", lambda given: lines(json["id"], given), {"limit": PAGE}))


def _unless_missing(operation: str, call: Any) -> dict[str, Any] | None:
    try:
        return asked(operation, call)
    except StripeRefused as refusal:
        if refusal.is_missing:
            return None
        raise
