"""The endpoints of the portal and of what it needs: payment methods, coupons, promotion codes."""

from webapp.simulator import attached, coupons, promotion_codes
from webapp.simulator.calls import Endpoint
from webapp.simulator.portal import configurations
from webapp.simulator.portal import sessions as portal_sessions

PAGED = ("limit", "starting_after", "ending_before")
LISTED = (*PAGED, "created")
OF_CUSTOMER = (*PAGED, "customer", "type")

PORTAL_ENDPOINTS = (
    Endpoint("GET", "/v1/payment_methods", attached.list_all, "PaymentMethodListParams", OF_CUSTOMER),
    Endpoint("GET", "/v1/payment_methods/{id}", attached.retrieve, "PaymentMethodRetrieveParams"),
    Endpoint("POST", "/v1/payment_methods/{id}/attach", attached.attach, "PaymentMethodAttachParams", ("customer",)),
    Endpoint("POST", "/v1/payment_methods/{id}/detach", attached.detach, "PaymentMethodDetachParams"),
    Endpoint(
        "GET",
        "/v1/customers/{id}/payment_methods",
        attached.list_of_customer,
        "CustomerPaymentMethodListParams",
        (*PAGED, "type"),
    ),
    Endpoint("POST", "/v1/coupons", coupons.create, "CouponCreateParams", coupons.CREATED_WITH),
    Endpoint("GET", "/v1/coupons", coupons.list_all, "CouponListParams", LISTED),
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
        (*LISTED, *promotion_codes.FILTERS),
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
        (*PAGED, "active", "is_default"),
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
)
