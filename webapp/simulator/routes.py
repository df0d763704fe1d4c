"""Which endpoints are simulated, each with the parameters that do something here."""

import re
from functools import cache

from webapp.simulator import (
    balance,
    charges,
    customers,
    disputes,
    endpoints,
    events,
    intents,
    prices,
    products,
    refunds,
    sessions,
)
from webapp.simulator.calls import Endpoint
from webapp.simulator.errors import NotSimulated
from webapp.simulator.portal.routes import PORTAL_ENDPOINTS
from webapp.simulator.subscriptions import api as subscriptions
from webapp.simulator.subscriptions import invoice_api as invoices

CURSORS = ("limit", "starting_after", "ending_before", "created")
OF_PAYMENT = (*CURSORS, "charge", "payment_intent")

ENDPOINTS = (
    Endpoint("POST", "/v1/customers", customers.create, "CustomerCreateParams", customers.SIMULATES),
    Endpoint("GET", "/v1/customers", customers.list_all, "CustomerListParams", (*CURSORS, "email")),
    Endpoint("GET", "/v1/customers/{id}", customers.retrieve, "CustomerRetrieveParams"),
    Endpoint("POST", "/v1/customers/{id}", customers.update, "CustomerUpdateParams", customers.SIMULATES),
    Endpoint("DELETE", "/v1/customers/{id}", customers.delete, "CustomerDeleteParams"),
    Endpoint("POST", "/v1/products", products.create, "ProductCreateParams", products.CREATED_WITH),
    Endpoint("GET", "/v1/products", products.list_all, "ProductListParams", (*CURSORS, "active", "ids", "url")),
    Endpoint("GET", "/v1/products/{id}", products.retrieve, "ProductRetrieveParams"),
    Endpoint("POST", "/v1/products/{id}", products.update, "ProductUpdateParams", products.UPDATED_WITH),
    Endpoint("POST", "/v1/prices", prices.create, "PriceCreateParams", prices.CREATED_WITH),
    Endpoint(
        "GET",
        "/v1/prices",
        prices.list_all,
        "PriceListParams",
        (*CURSORS, "active", "currency", "lookup_keys", "product", "type"),
    ),
    Endpoint("GET", "/v1/prices/{id}", prices.retrieve, "PriceRetrieveParams"),
    Endpoint("POST", "/v1/prices/{id}", prices.update, "PriceUpdateParams", prices.UPDATED_WITH),
    Endpoint("POST", "/v1/checkout/sessions", sessions.create, "checkout.SessionCreateParams", sessions.CREATED_WITH),
    Endpoint(
        "GET",
        "/v1/checkout/sessions",
        sessions.list_all,
        "checkout.SessionListParams",
        (*CURSORS, "payment_intent", "customer", "customer_details", "status", "subscription"),
    ),
    Endpoint("GET", "/v1/checkout/sessions/{id}", sessions.retrieve, "checkout.SessionRetrieveParams"),
    Endpoint("POST", "/v1/checkout/sessions/{id}/expire", sessions.expire, "checkout.SessionExpireParams"),
    Endpoint(
        "GET",
        "/v1/checkout/sessions/{id}/line_items",
        sessions.list_lines,
        "checkout.SessionLineItemListParams",
        CURSORS[:3],
    ),
    Endpoint("GET", "/v1/payment_intents", intents.list_all, "PaymentIntentListParams", (*CURSORS, "customer")),
    Endpoint("GET", "/v1/payment_intents/{id}", intents.retrieve, "PaymentIntentRetrieveParams"),
    Endpoint(
        "POST",
        "/v1/payment_intents/{id}/cancel",
        intents.cancel,
        "PaymentIntentCancelParams",
        ("cancellation_reason",),
    ),
    Endpoint("GET", "/v1/charges", charges.list_all, "ChargeListParams", (*CURSORS, "customer", "payment_intent")),
    Endpoint("GET", "/v1/charges/{id}", charges.retrieve, "ChargeRetrieveParams"),
    Endpoint("POST", "/v1/refunds", refunds.create, "RefundCreateParams", refunds.CREATED_WITH),
    Endpoint("GET", "/v1/refunds", refunds.list_all, "RefundListParams", OF_PAYMENT),
    Endpoint("GET", "/v1/refunds/{id}", refunds.retrieve, "RefundRetrieveParams"),
    Endpoint("POST", "/v1/refunds/{id}", refunds.update, "RefundUpdateParams", ("metadata",)),
    Endpoint("POST", "/v1/refunds/{id}/cancel", refunds.cancel, "RefundCancelParams"),
    Endpoint("GET", "/v1/disputes", disputes.list_all, "DisputeListParams", OF_PAYMENT),
    Endpoint("GET", "/v1/disputes/{id}", disputes.retrieve, "DisputeRetrieveParams"),
    Endpoint("POST", "/v1/disputes/{id}", disputes.update, "DisputeUpdateParams", ("metadata",)),
    Endpoint("POST", "/v1/disputes/{id}/close", disputes.close, "DisputeCloseParams"),
    Endpoint(
        "GET",
        "/v1/balance_transactions",
        balance.list_all,
        "BalanceTransactionListParams",
        (*CURSORS, "currency", "source", "type"),
    ),
    Endpoint("GET", "/v1/balance_transactions/{id}", balance.retrieve, "BalanceTransactionRetrieveParams"),
    Endpoint(
        "GET",
        "/v1/subscriptions",
        subscriptions.list_all,
        "SubscriptionListParams",
        (*CURSORS, *subscriptions.LISTED_BY),
    ),
    Endpoint("GET", "/v1/subscriptions/{id}", subscriptions.retrieve, "SubscriptionRetrieveParams"),
    Endpoint(
        "POST", "/v1/subscriptions/{id}", subscriptions.update, "SubscriptionUpdateParams", subscriptions.UPDATED_WITH
    ),
    Endpoint(
        "DELETE",
        "/v1/subscriptions/{id}",
        subscriptions.cancel,
        "SubscriptionCancelParams",
        subscriptions.CANCELED_WITH,
    ),
    Endpoint("POST", "/v1/subscriptions/{id}/resume", subscriptions.resume, "SubscriptionResumeParams"),
    Endpoint("GET", "/v1/invoices", invoices.list_all, "InvoiceListParams", (*CURSORS, *invoices.LISTED_BY)),
    Endpoint("GET", "/v1/invoices/{id}", invoices.retrieve, "InvoiceRetrieveParams"),
    Endpoint("POST", "/v1/invoices/{id}/pay", invoices.pay, "InvoicePayParams"),
    Endpoint("POST", "/v1/invoices/{id}/void", invoices.void, "InvoiceVoidInvoiceParams"),
    Endpoint(
        "GET",
        "/v1/invoice_payments",
        invoices.list_payments,
        "InvoicePaymentListParams",
        (*CURSORS, *invoices.PAYMENTS_LISTED_BY),
    ),
    Endpoint("GET", "/v1/invoice_payments/{id}", invoices.retrieve_payment, "InvoicePaymentRetrieveParams"),
    Endpoint("GET", "/v1/events", events.list_all, "EventListParams", (*CURSORS, "type", "types", "delivery_success")),
    Endpoint("GET", "/v1/events/{id}", events.retrieve, "EventRetrieveParams"),
    Endpoint("POST", "/v1/webhook_endpoints", endpoints.create, "WebhookEndpointCreateParams", endpoints.CREATED_WITH),
    Endpoint("GET", "/v1/webhook_endpoints", endpoints.list_all, "WebhookEndpointListParams", CURSORS[:3]),
    Endpoint("GET", "/v1/webhook_endpoints/{id}", endpoints.retrieve, "WebhookEndpointRetrieveParams"),
    Endpoint(
        "POST", "/v1/webhook_endpoints/{id}", endpoints.update, "WebhookEndpointUpdateParams", endpoints.UPDATED_WITH
    ),
    *PORTAL_ENDPOINTS,
)


def find_endpoint(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint that answers, and the ids in the address; raises NotSimulated for every other one."""
    for endpoint in ENDPOINTS:
        match = _pattern(endpoint.path).fullmatch(path)
        if match and endpoint.method == method:
            return endpoint, match.groups()
    raise NotSimulated(f"{method} {path}")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path.replace("{id}", "([^/]+)"))
