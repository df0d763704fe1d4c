"""Payment methods of buyers: Stripe's public test cards, and bank debits whose result comes later.

https://docs.stripe.com/testing
"""

import stripe

from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

SUCCEEDS = "4242"
DECLINED = "0002"
INSUFFICIENT_FUNDS = "9995"
NEEDS_3DS = "3155"
DISPUTED = "0259"
REFUND_PENDING = "7726"
REFUND_FAILS = "5126"
FAILS_LATER = "0341"
ASKS_EACH_TIME = "3184"
DECLINES_AT_ONCE = (DECLINED, INSUFFICIENT_FUNDS)

BANKS = {
    "us_bank_account": {
        "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
        "last4": "6789", "routing_number": "110000000",
    },
    "sepa_debit": {"bank_code": "37040044", "country": "DE", "last4": "3000"},
    "bacs_debit": {"last4": "2345", "sort_code": "108800"},
    "acss_debit": {
        "bank_name": "STRIPE TEST BANK", "institution_number": "000", "last4": "6789", "transit_number": "11000",
    },
    "au_becs_debit": {"bsb_number": "000000", "last4": "3456"},
}  # fmt: skip
BANK_CLASSES = {
    "us_bank_account": "UsBankAccount",
    "sepa_debit": "SepaDebit",
    "bacs_debit": "BacsDebit",
    "acss_debit": "AcssDebit",
    "au_becs_debit": "AuBecsDebit",
}


def new_card(last4: str, details: Json | None, *, now: int) -> Json:
    """A card as a payment method, not stored yet. `details` are the session's customer_details."""
    card = blank(
        stripe.PaymentMethod.Card,
        brand="visa",
        checks=blank(stripe.PaymentMethod.Card.Checks, cvc_check="pass"),
        country="US",
        display_brand="visa",
        exp_month=12,
        exp_year=2034,
        fingerprint=f"sim{last4}",
        funding="credit",
        last4=last4,
        networks=blank(stripe.PaymentMethod.Card.Networks, available=["visa"]),
        three_d_secure_usage={"supported": True},
    )
    return _method("card", card, details, now=now)


def new_bank(kind: str, details: Json | None, *, now: int) -> Json:
    """A bank account for debits as a payment method, not stored yet."""
    bank = blank(getattr(stripe.PaymentMethod, BANK_CLASSES[kind]), **BANKS[kind])
    return _method(kind, bank, details, now=now)


def details_of(method: Json) -> Json:
    """What a charge says of the payment method it used."""
    kind = method["type"]
    if kind != "card":
        shape = getattr(stripe.Charge.PaymentMethodDetails, BANK_CLASSES[kind])
        return {"type": kind, kind: blank(shape, **BANKS[kind])}
    shared = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    card = {name: method["card"][name] for name in shared}
    return {"type": kind, kind: blank(stripe.Charge.PaymentMethodDetails.Card, network="visa", **card)}


def _method(kind: str, facts: Json, details: Json | None, *, now: int) -> Json:
    values = {
        "id": new_id("pm"), "object": "payment_method", "allow_redisplay": "limited", "created": now, "livemode": False,
        "billing_details": billing_details(details), "metadata": {}, "type": kind, kind: facts,
    }  # fmt: skip
    return blank(stripe.PaymentMethod, **values)


def billing_details(details: Json | None) -> Json:
    """Who pays, in the words of payment methods and charges."""
    known = details or {}
    address = known.get("address") or blank(stripe.PaymentMethod.BillingDetails.Address)
    values = {name: known.get(name) for name in ("email", "name", "phone")}
    return blank(stripe.PaymentMethod.BillingDetails, address=address, **values)
