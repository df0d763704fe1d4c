"""Buying over JSON: opening a purchase, and asking what became of it."""

import secrets
from typing import Any

from flask import Response, request

from webapp.api.answers import answer
from webapp.api.bodies import checked, fingerprint, idempotency_key, json_object
from webapp.api.callers import caller
from webapp.api.schemas import (
    CheckoutBody,
    PurchaseAnswer,
    PurchaseBody,
    ShortBalance,
    VerifyAnswer,
    VerifyQuery,
)
from webapp.billing.errors import CheckoutExpired, UnknownPurchase
from webapp.billing.models import Purchase
from webapp.billing.money_back.standing import standing_of
from webapp.billing.queries import purchase_of_session
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.people.errors import AccountClosed, NoUser
from webapp.people.hosts import user_of_account
from webapp.people.models import User
from webapp.web.balance import fresh_balance
from webapp.web.checkout import is_sent, settle_purchase, start_purchase
from webapp.web.limits import checkout_limit, verify_limit
from webapp.web.refusals import PlansNotSold


@checkout_limit
def open_checkout() -> Response:
    """POST /api/billing/checkout: opens a purchase of a pack. Plans are refused until they are sold."""
    body = json_object()
    wanted = checked(CheckoutBody, body)
    if wanted.pack is None:
        raise PlansNotSold("Plans can't be bought here yet. Packs can. You have not been charged.")
    return _opened(wanted.pack, body)


@checkout_limit
def open_pack_purchase() -> Response:
    """POST /api/credits/purchase: opens a purchase of a pack."""
    body = json_object()
    return _opened(checked(PurchaseBody, body).pack, body)


@verify_limit
def verify_payment() -> Response:
    """GET /api/billing/verify-payment: settles the caller's own purchase if that is possible now, and tells its state.

    When Stripe doesn't answer, the stored state does: the webhook or the sweep will settle. A paid purchase whose
    refunds give back all of its money is `refunded`; its credits were granted, and taken back since. Raises
    UnknownPurchase, for another's session too.
    """
    query = checked(VerifyQuery, request.args.to_dict())
    account_id = caller().account_id
    found = purchase_of_session(db.session(), account_id, query.session_id)
    if found is None:
        raise UnknownPurchase
    purchase = settle_purchase(account_id, found.id, now=utc_now())
    balance = fresh_balance(account_id, now=utc_now())  # after the call to Stripe, and what it granted
    is_refunded = purchase.state == "paid" and standing_of(db.session(), purchase).is_refunded
    return answer(
        VerifyAnswer.model_validate(
            {
                "status": "refunded" if is_refunded else purchase.state,
                "credits_granted": purchase.credits if purchase.state == "paid" else 0,
                "balance": ShortBalance(available=balance.available, held=balance.held),
            }
        )
    )


def _buyer() -> User:
    """Who signs in to the account that buys: Stripe and receipts speak to a person.

    Raises UnknownAccount, NoUser, AccountClosed.
    """
    asking = caller()
    found = asking.user or user_of_account(db.session(), asking.account_id)
    if found is None:
        fresh_balance(asking.account_id, now=utc_now())  # an account that isn't there is told first
        raise NoUser("Nobody signs in to this account yet, so nobody can pay for it.")
    if found.closed_at is not None:
        raise AccountClosed
    return found


def _opened(pack_slug: str, body: dict[str, Any]) -> Response:
    """Open a purchase, or give the one that the client's key has opened before, as it was answered then.

    Raises CheckoutExpired when it has ended before anyone was told where to pay.
    """
    key = idempotency_key()
    open_key = f"once:{secrets.token_hex(16)}" if key is None else caller().stored_key(key)
    is_repeat = key is not None and is_sent(caller().account_id, open_key)
    purchase = start_purchase(
        user=_buyer(),
        pack_slug=pack_slug,
        terms=None,
        open_key=open_key,
        fingerprint=None if key is None else fingerprint(body),
        now=utc_now(),
    )
    if purchase.state != "open" and purchase.session_url is None:
        raise _ended(purchase)
    opened = PurchaseAnswer.model_validate(
        {
            "purchase": purchase.id,
            "session_id": purchase.session_id,
            "url": purchase.session_url,
            "credits": purchase.credits,
        }
    )
    response = answer(opened, 201)
    if is_repeat:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _ended(purchase: Purchase) -> CheckoutExpired:
    if purchase.state in {"expired", "failed"}:
        return CheckoutExpired()
    return CheckoutExpired("That checkout is over: there is a payment for it. Look at your purchases.")
