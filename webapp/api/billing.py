"""Buying over JSON: opening a purchase, and asking what became of it."""

from typing import Any

from flask import Response, request

from webapp.api.answers import answer
from webapp.api.bodies import checked, json_object
from webapp.api.callers import caller
from webapp.api.opening import answer_opened, buyer, open_key, refuse_ended
from webapp.api.plans import open_plan, verified_plan
from webapp.api.schemas import (
    CheckoutBody,
    PurchaseAnswer,
    PurchaseBody,
    ShortBalance,
    VerifyAnswer,
    VerifyQuery,
)
from webapp.billing.models import Purchase
from webapp.billing.money_back.standing import standing_of
from webapp.billing.queries import purchase_of_session
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.web.balance import fresh_balance
from webapp.web.checkout import settle_purchase, start_purchase
from webapp.web.limits import checkout_limit, verify_limit


@checkout_limit
def open_checkout() -> Response:
    """POST /api/billing/checkout: opens a purchase of a pack, or the checkout of a plan."""
    body = json_object()
    wanted = checked(CheckoutBody, body)
    return open_plan(wanted.plan, body) if wanted.plan is not None else _opened(str(wanted.pack), body)


@checkout_limit
def open_pack_purchase() -> Response:
    """POST /api/credits/purchase: opens a purchase of a pack."""
    body = json_object()
    return _opened(checked(PurchaseBody, body).pack, body)


@verify_limit
def verify_payment() -> Response:
    """GET /api/billing/verify-payment: settles the caller's own payment if that is possible now, and tells its state.

    When Stripe doesn't answer, the stored state does: the webhook or the sweep will settle. Raises UnknownPurchase, for
    another's session too.
    """
    query = checked(VerifyQuery, request.args.to_dict())
    account_id = caller().account_id
    found = purchase_of_session(db.session(), account_id, query.session_id)
    status, granted = verified_plan(account_id, query.session_id) if found is None else _verified(account_id, found.id)
    balance = fresh_balance(account_id, now=utc_now())  # after the call to Stripe, and what it granted
    left = ShortBalance(available=balance.available, held=balance.held)
    return answer(VerifyAnswer.model_validate({"status": status, "credits_granted": granted, "balance": left}))


def _verified(account_id: int, purchase_id: str) -> tuple[str, int]:
    """What became of a purchase, and its credits.

    A paid one whose refunds give back all of its money is `refunded`; its credits were granted, and taken back since.
    """
    purchase = settle_purchase(account_id, purchase_id, now=utc_now())
    if purchase.state != "paid":
        return purchase.state, 0
    return "refunded" if standing_of(db.session(), purchase).is_refunded else "paid", purchase.credits


def _opened(pack_slug: str, body: dict[str, Any]) -> Response:
    """Open a purchase, or give the one that the client's key has opened before, as it was answered then.

    Raises CheckoutExpired when it has ended before anyone was told where to pay.
    """
    key = open_key(Purchase, body)
    purchase = start_purchase(
        user=buyer(),
        pack_slug=pack_slug,
        terms=None,
        open_key=key.open_key,
        fingerprint=key.fingerprint,
        now=utc_now(),
    )
    refuse_ended(purchase)
    opened = {"purchase": purchase.id, "session_id": purchase.session_id, "url": purchase.session_url}
    return answer_opened(PurchaseAnswer.model_validate({**opened, "credits": purchase.credits}), key)
