"""Checkout sessions, which sell packs or plans: their endpoints. What the buyer does with them is in `paying`.

https://docs.stripe.com/api/checkout/sessions
"""

from typing import Any
from urllib.parse import urlsplit

from stripe.checkout import Session

from webapp.simulator.calls import Call, merged_metadata
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.line_items import line_items
from webapp.simulator.lists import Listing, check_filters, page, page_of
from webapp.simulator.modes import card_collection, check_mode, customer_creation, has_trial
from webapp.simulator.parameters import missing_param
from webapp.simulator.settling import expire_session
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json, State

CREATED_WITH = (
    "mode", "ui_mode", "line_items.price", "line_items.quantity", "success_url", "cancel_url", "expires_at", "metadata",
    "client_reference_id", "customer", "customer_email", "customer_creation", "customer_update",
    "payment_intent_data.metadata", "payment_intent_data.description", "payment_intent_data.receipt_email",
    "allow_promotion_codes", "automatic_tax.enabled", "adaptive_pricing.enabled", "invoice_creation.enabled",
    "billing_address_collection", "custom_text", "locale", "submit_type", "payment_method_collection",
    "subscription_data.metadata", "subscription_data.description", "subscription_data.trial_period_days",
    "subscription_data.trial_settings.end_behavior.missing_payment_method",
)  # fmt: skip
SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 3600
LONGEST_REFERENCE = 200

# The method that confirms later, by currency. Dynamic payment methods offer what the currency has.
DELAYED_METHODS = {"usd": "us_bank_account", "gbp": "bacs_debit", "cad": "acss_debit", "aud": "au_becs_debit"}


def delayed_method(currency: str) -> str:
    """The payment method of a currency whose result comes days later."""
    return DELAYED_METHODS.get(currency, "sepa_debit")


def create(call: Call) -> Json:
    """Open a session. There is no payment intent until the buyer pays.

    https://docs.stripe.com/changelog/2022-08-01/deferred-paymentintent-checkout-session
    """
    params = call.params
    check_mode(params)
    _check_addresses(params)
    customer = _customer(call)
    lines = line_items(call.state, params.get("line_items", []), params["mode"], is_trial=has_trial(params))
    expires_at = _expires_at(call)
    session = _opened(call, lines, customer, expires_at)
    intent_data = params.get("payment_intent_data", {})
    subscription_data = params.get("subscription_data", {})
    for data in (intent_data, subscription_data):
        merged_metadata({}, data.get("metadata"))
    hidden = {"line_items": lines, "payment_intent_data": intent_data, "subscription_data": subscription_data}
    return call.state.add(session, hidden=hidden, due_at=expires_at)


def retrieve(call: Call, session_id: str) -> Json:
    """One session."""
    return call.required("checkout.session", session_id)


def list_all(call: Call) -> Json:
    """Sessions, newest first."""
    check_filters(call, "customer", "payment_intent", "subscription")
    params = call.params
    email = params.get("customer_details", {}).get("email")

    def fits(session: Json) -> bool:
        names = ("payment_intent", "customer", "status", "subscription")
        named = all(params.get(name) in {None, session[name]} for name in names)
        return named and email in {None, (session["customer_details"] or {}).get("email")}

    return page(call, Listing("checkout.session", "sim_object", "/v1/checkout/sessions"), fits)


def expire(call: Call, session_id: str) -> Json:
    """End an open session, so that nobody can pay it any more."""
    session = call.required("checkout.session", session_id)
    if session["status"] != "open":
        text = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
        raise StripeRefusal(text)
    return expire_session(call.state, session, now=call.now, call=call)


def list_lines(call: Call, session_id: str) -> Json:
    """The line items of a session."""
    session = call.required("checkout.session", session_id)
    return page_of(lines_of(call.state, session["id"]), call.params, lines_url(session_id), kind="item")


def lines_of(state: State, session_id: str) -> list[Json]:
    """The line items that a session was opened with."""
    lines: list[Json] = state.hidden(session_id)["line_items"]
    return lines


def lines_url(session_id: str) -> str:
    """The address of a session's line items in the API."""
    return f"/v1/checkout/sessions/{session_id}/line_items"


def _check_addresses(params: Json) -> None:
    if "success_url" not in params:
        raise missing_param(("success_url",))
    for name in ("success_url", "cancel_url"):
        parts = urlsplit(params.get(name, "https://example.com"))
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise StripeRefusal("Not a valid URL", code="url_invalid", param=name)
    if len(params.get("client_reference_id", "")) > LONGEST_REFERENCE:
        text = f"client_reference_id must be {LONGEST_REFERENCE} characters or less."
        raise StripeRefusal(text, code="parameter_invalid_string", param="client_reference_id")


def _customer(call: Call) -> Json | None:
    params = call.params
    if "customer" not in params:
        return None
    for other in ("customer_email", "customer_creation"):
        if other in params:
            raise StripeRefusal(f"You may only specify one of these parameters: customer, {other}.", param=other)
    customer = call.state.find("customer", params["customer"])
    if customer is None or "deleted" in customer:
        raise missing("customer", params["customer"], param="customer")
    return customer


def _expires_at(call: Call) -> int:
    expires_at: int = call.params.get("expires_at", call.now + LONGEST_SECONDS)
    if "expires_at" not in call.params:
        return expires_at
    if expires_at < call.now + SHORTEST_SECONDS:
        text = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise StripeRefusal(text, param="expires_at")
    if expires_at >= call.now + LONGEST_SECONDS:
        text = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise StripeRefusal(text, param="expires_at")
    return expires_at


def _opened(call: Call, lines: list[Json], customer: Json | None, expires_at: int) -> Json:
    params = call.params
    session_id = new_id("cs_test")
    currency = lines[0]["currency"]
    email = customer["email"] if customer else params.get("customer_email")
    echoed = ("success_url", "cancel_url", "client_reference_id", "customer_email", "locale", "submit_type")
    return blank(
        Session,
        id=session_id,
        object="checkout.session",
        adaptive_pricing={"enabled": params.get("adaptive_pricing", {}).get("enabled", False)},
        allow_promotion_codes=params.get("allow_promotion_codes"),
        amount_subtotal=sum(line["amount_subtotal"] for line in lines),
        amount_total=sum(line["amount_total"] for line in lines),
        automatic_tax=_automatic_tax(params),
        billing_address_collection=params.get("billing_address_collection"),
        created=call.now,
        currency=currency,
        custom_fields=[],
        custom_text=blank(Session.CustomText, **params.get("custom_text", {})),
        customer=customer and customer["id"],
        customer_creation=None if customer else customer_creation(params),
        customer_details=buyer(email, customer) if email or customer else None,
        discounts=[],
        expires_at=expires_at,
        invoice_creation=_invoice_creation(params),
        livemode=False,
        metadata=merged_metadata({}, params.get("metadata")),
        mode=params["mode"],
        payment_method_collection=card_collection(params),
        payment_method_options={},
        payment_method_types=["card"] if params["mode"] == "subscription" else ["card", delayed_method(currency)],
        payment_status="unpaid",
        phone_number_collection={"enabled": False},
        shipping_options=[],
        status="open",
        total_details=blank(Session.TotalDetails, amount_discount=0, amount_shipping=0, amount_tax=0),
        ui_mode="hosted_page",
        url=f"{call.site.base_url}/_stripe/c/pay/{session_id}",
        **{name: params.get(name) for name in echoed},
    )


def buyer(email: str | None, customer: Json | None) -> Json:
    """What a session says of the person who pays."""
    known = customer or {}
    return blank(
        Session.CustomerDetails,
        address=known.get("address"),
        email=email,
        name=known.get("name"),
        phone=known.get("phone"),
        tax_exempt=known.get("tax_exempt", "none"),
    )


def _invoice_creation(params: Json) -> Json | None:
    if params["mode"] == "subscription":
        return None  # there is an invoice anyhow
    return {"enabled": False, "invoice_data": blank(Session.InvoiceCreation.InvoiceData, metadata={})}


def _automatic_tax(params: Json) -> Json:
    is_enabled: Any = params.get("automatic_tax", {}).get("enabled", False)
    # No tax registrations in the simulated account, so Stripe Tax computes zero once it knows the address.
    status = "requires_location_inputs" if is_enabled else None
    liability = blank(Session.AutomaticTax.Liability, type="self") if is_enabled else None
    return blank(Session.AutomaticTax, enabled=is_enabled, status=status, liability=liability)
