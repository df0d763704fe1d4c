"""What opening a checkout over JSON needs, of a pack or of a plan: who pays, and the client's key."""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import Response

from webapp.api.answers import answer
from webapp.api.bodies import fingerprint, idempotency_key
from webapp.api.callers import caller
from webapp.api.schemas import Answer
from webapp.billing.errors import CheckoutExpired
from webapp.billing.models import OpenedCheckout, Purchase
from webapp.billing.subscriptions.models import PlanCheckout
from webapp.extensions import db
from webapp.ledger.errors import IdempotencyConflict
from webapp.orm import utc_now
from webapp.people.errors import AccountClosed, NoUser
from webapp.people.hosts import user_of_account
from webapp.people.models import User
from webapp.web.balance import fresh_balance
from webapp.web.checkout import is_sent

KINDS: tuple[type[Purchase | PlanCheckout], ...] = (Purchase, PlanCheckout)


@dataclass(frozen=True, slots=True)
class OpenKey:
    """The key that opens a checkout: the client's, or a fresh one that no second request has.

    `fingerprint` is of the request that carries the client's. `is_repeat` when its checkout has been answered before.
    """

    open_key: str
    fingerprint: str | None
    is_repeat: bool


def open_key(kind: type[Purchase | PlanCheckout], body: dict[str, Any]) -> OpenKey:
    """The key of this request. Raises InvalidIdempotencyKey, and IdempotencyConflict for a key of the other kind.

    Ends the request's read session.
    """
    key = idempotency_key()
    if key is None:
        return OpenKey(f"once:{secrets.token_hex(16)}", None, is_repeat=False)
    stored, account_id = caller().stored_key(key), caller().account_id
    if any(is_sent(account_id, stored, other) for other in KINDS if other is not kind):
        raise IdempotencyConflict("This key has opened another checkout.")
    return OpenKey(stored, fingerprint(body), is_repeat=is_sent(account_id, stored, kind))


def buyer() -> User:
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


def refuse_ended(opened: OpenedCheckout) -> None:
    """Raise CheckoutExpired for what has ended before anyone was told where to pay."""
    if opened.state == "open" or opened.session_url is not None:
        return
    if opened.state in {"expired", "failed"}:
        raise CheckoutExpired
    raise CheckoutExpired("That checkout is over: there is a payment for it. Look at your purchases.")


def answer_opened(shape: Answer, key: OpenKey) -> Response:
    """201 with what was opened, marked where it is an answer again."""
    response = answer(shape, 201)
    if key.is_repeat:
        response.headers["Idempotent-Replayed"] = "true"
    return response
