"""Which endpoints are simulated, each with the parameters that do something here."""

import re
from functools import cache

from webapp.simulator import (
    attached,
    balance,
    charges,
    coupons,
    customers,
    disputes,
    endpoints,
    events,
    intents,
    prices,
    products,
    promotion_codes,
    refunds,
    sessions,
)
from webapp.simulator.calls import Endpoint
from webapp.simulator.errors import NotSimulated
from webapp.simulator.portal import configurations
from webapp.simulator.portal import sessions as portal_sessions

CURSORS = ("limit", "starting_after", "ending_before", "created")
OF_CUSTOMER = ("limit", "starting_after", "ending_before", "customer", "type")
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
        (*CURSORS, "payment_intent", "customer", "customer_details", "status"),
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
    Endpoint("GET", "/v1/events", events.list_all, "EventListParams", (*CURSORS, "type", "types", "delivery_success")),
    Endpoint("GET", "/v1/events/{id}", events.retrieve, "EventRetrieveParams"),
    Endpoint("GET", "/v1/payment_methods", attached.list_all, "PaymentMethodListParams", OF_CUSTOMER),
    Endpoint("GET", "/v1/payment_methods/{id}", attached.retrieve, "PaymentMethodRetrieveParams"),
    Endpoint("POST", "/v1/payment_methods/{id}/attach", attached.attach, "PaymentMethodAttachParams", ("customer",)),
    Endpoint("POST", "/v1/payment_methods/{id}/detach", attached.detach, "PaymentMethodDetachParams"),
    Endpoint(
        "GET",
        "/v1/customers/{id}/payment_methods",
        attached.list_of_customer,
        "CustomerPaymentMethodListParams",
        (*CURSORS[:3], "type"),
    ),
    Endpoint("POST", "/v1/coupons", coupons.create, "CouponCreateParams", coupons.CREATED_WITH),
    Endpoint("GET", "/v1/coupons", coupons.list_all, "CouponListParams", CURSORS),
    Endpoint("GET", "/v1/coupons/{id}", coupons.retrieve, "CouponRetrieveParams"),
    Endpoint("POST", "/v1/coupons/{id}", coupons.update, "CouponUpdateParams", coupons.UPDATED_WITH),
    Endpoint("DELETE", "/v1/coupons/{id}", coupons.delete, "CouponDeleteParams"),
    Endpoint(
        "POST",
        "/v1/promotion_codes",
        promotion_codes.create,
        "PromotionCodeCreateParams",
        promotion_codes.CREATED_WITH,
    ),
    Endpoint(
        "GET",
        "/v1/promotion_codes",
        promotion_codes.list_all,
        "PromotionCodeListParams",
        (*CURSORS, *promotion_codes.FILTERS),
    ),
    Endpoint("GET", "/v1/promotion_codes/{id}", promotion_codes.retrieve, "PromotionCodeRetrieveParams"),
    Endpoint(
        "POST",
        "/v1/promotion_codes/{id}",
        promotion_codes.update,
        "PromotionCodeUpdateParams",
        promotion_codes.UPDATED_WITH,
    ),
    Endpoint(
        "POST",
        "/v1/billing_portal/configurations",
        configurations.create,
        "billing_portal.ConfigurationCreateParams",
        configurations.CREATED_WITH,
    ),
    Endpoint(
        "GET",
        "/v1/billing_portal/configurations",
        configurations.list_all,
        "billing_portal.ConfigurationListParams",
        (*CURSORS[:3], "active", "is_default"),
    ),
    Endpoint(
        "GET",
        "/v1/billing_portal/configurations/{id}",
        configurations.retrieve,
        "billing_portal.ConfigurationRetrieveParams",
    ),
    Endpoint(
        "POST",
        "/v1/billing_portal/configurations/{id}",
        configurations.update,
        "billing_portal.ConfigurationUpdateParams",
        configurations.UPDATED_WITH,
    ),
    Endpoint(
        "POST",
        "/v1/billing_portal/sessions",
        portal_sessions.create,
        "billing_portal.SessionCreateParams",
        portal_sessions.CREATED_WITH,
    ),
    Endpoint("POST", "/v1/webhook_endpoints", endpoints.create, "WebhookEndpointCreateParams", endpoints.CREATED_WITH),
    Endpoint("GET", "/v1/webhook_endpoints", endpoints.list_all, "WebhookEndpointListParams", CURSORS[:3]),
    Endpoint("GET", "/v1/webhook_endpoints/{id}", endpoints.retrieve, "WebhookEndpointRetrieveParams"),
    Endpoint(
        "POST", "/v1/webhook_endpoints/{id}", endpoints.update, "WebhookEndpointUpdateParams", endpoints.UPDATED_WITH
    ),
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
