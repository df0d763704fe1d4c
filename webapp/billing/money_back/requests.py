"""Requests: a buyer asks for the refund of unused credits, and an operator decides.

While one waits its credits can be used, so its quote may be outdated when somebody decides: then it is not approved,
and the buyer is asked again. Every writer here locks the account's row first.
"""

import datetime as dt
import secrets
from base64 import b32encode
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.billing import queries
from webapp.billing.checkout import locked_purchase
from webapp.billing.errors import QuoteChanged, RequestDecided, UnknownPurchase, UnknownRequest
from webapp.billing.events import OBJECT_ID
from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundOrder, RefundRequest
from webapp.billing.money_back.quoting import Quote, quote
from webapp.billing.money_back.refunding import credits_taken
from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.operations import expire

OPEN = ("asked", "approved")
MOST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What a form asks for: a refund of this purchase, for the credits and the money that it showed."""

    purchase_id: str
    credits: int
    amount_minor: int
    reason: str
    form_key: str


def ask_refund(
    session: Session, account_id: int, user_id: int, wish: Wish, *, stripe_mode: str, now: dt.datetime
) -> RefundRequest:
    """Ask for a refund as it was shown, or renew the request that waits for the purchase with a new quote.

    Locks the account. The same form again gives the request it made; so does another form that asks for the same.
    Raises UnknownPurchase, RefundNotOffered, QuoteChanged when it would be another refund now (facts: credits,
    amount_minor, currency), RequestDecided when an operator was quicker, IdempotencyConflict.
    """
    purchase = _settled_purchase(session, account_id, wish.purchase_id, now=now)
    made = session.scalar(_of(account_id).where(RefundRequest.form_key == wish.form_key))
    if made is not None:
        if made.purchase_id != purchase.id:
            raise IdempotencyConflict("This form has asked for another refund.")
        return made
    request = open_request(session, account_id, purchase.id)
    if request is not None and request.state == "approved":
        raise RequestDecided
    found = quote(session, purchase, stripe_mode=stripe_mode, now=now)
    if (found.credits, found.amount_minor) != (wish.credits, wish.amount_minor):
        raise QuoteChanged(credits=found.credits, amount_minor=found.amount_minor, currency=found.currency)
    if request is None:
        request = _new_request(purchase, user_id, wish, found, now=now)
        session.add(request)
    request.credits, request.amount_minor, request.quoted_at = found.credits, found.amount_minor, now
    session.flush()
    return request


def withdraw_request(session: Session, account_id: int, purchase_id: str, *, now: dt.datetime) -> RefundRequest:
    """Take back the request that waits for a purchase. Locks the account. Raises UnknownPurchase, UnknownRequest.

    RequestDecided when an operator has approved it.
    """
    _settled_purchase(session, account_id, purchase_id, now=now)
    request = open_request(session, account_id, purchase_id)
    if request is None:
        raise UnknownRequest
    return _end(session, request, "withdrawn", now=now)


def decline_request(
    session: Session, account_id: int, request_id: str, *, by_user_id: int, answer: str, now: dt.datetime
) -> RefundRequest:
    """Decline a request, with words for the buyer. Locks the account. Raises UnknownRequest, RequestDecided."""
    request = _locked_request(session, account_id, request_id, now=now)
    request.decided_by, request.answer = by_user_id, answer[:MOST_WORDS]
    return _end(session, request, "declined", now=now)


def approve_request(
    session: Session, order: RefundOrder, *, request_id: str, by_user_id: int, answer: str, now: dt.datetime
) -> RefundRequest:
    """Approve a request in the transaction that has just ordered its refund: for `refund_purchase(also=…)`.

    The account is locked. Raises UnknownRequest, RequestDecided, and QuoteChanged when this refund would not take
    exactly the credits that were quoted: then nothing is ordered.
    """
    request = _locked_request(session, order.account_id, request_id, now=now)
    if request.state != "asked":
        raise RequestDecided
    if not still_holds(session, request, now=now):
        raise QuoteChanged(credits=request.credits, amount_minor=request.amount_minor, currency=request.currency)
    request.state, request.decided_by, request.answer = "approved", by_user_id, answer[:MOST_WORDS]
    session.flush()
    return request


def still_holds(session: Session, request: RefundRequest, *, now: dt.datetime) -> bool:
    """Whether the refund that was quoted takes exactly the credits that were quoted, and none as a debt."""
    purchase = session.get_one(Purchase, (request.account_id, request.purchase_id))
    found = credits_taken(session, purchase, amount_minor=request.amount_minor, now=now)
    return found.taken == request.credits and found.after.debt == found.before.debt and not found.waits


def request_of(session: Session, account_id: int, request_id: str) -> RefundRequest:
    """The account's request of this id. Raises UnknownRequest."""
    found = session.get(RefundRequest, (account_id, request_id)) if OBJECT_ID.fullmatch(request_id) else None
    if found is None:
        raise UnknownRequest
    return found


def open_request(session: Session, account_id: int, purchase_id: str) -> RefundRequest | None:
    """The request of a purchase that is not decided, or approved and not refunded yet."""
    is_open = (RefundRequest.purchase_id == purchase_id, RefundRequest.state.in_(OPEN))
    return session.scalar(_of(account_id).where(*is_open))


def newest_requests(session: Session, account_id: int, purchase_ids: Collection[str]) -> dict[str, RefundRequest]:
    """The newest request of each of some purchases: one query, none for no purchases."""
    if not purchase_ids:
        return {}
    chosen = _of(account_id).where(RefundRequest.purchase_id.in_(purchase_ids))
    ordered = chosen.order_by(RefundRequest.asked_at, RefundRequest.id)
    return {request.purchase_id: request for request in session.scalars(ordered)}


def waiting_requests(session: Session, *, limit: int) -> list[RefundRequest]:
    """The requests of all accounts that wait for an operator, the oldest first."""
    waiting = select(RefundRequest).where(RefundRequest.state == "asked")
    return list(session.scalars(waiting.order_by(RefundRequest.asked_at, RefundRequest.id).limit(limit)))


def _new_request(purchase: Purchase, user_id: int, wish: Wish, found: Quote, *, now: dt.datetime) -> RefundRequest:
    return RefundRequest(
        account_id=purchase.account_id,
        id=b32encode(secrets.token_bytes(15)).decode().lower(),
        purchase_id=purchase.id,
        user_id=user_id,
        credits=found.credits,
        amount_minor=found.amount_minor,
        currency=found.currency,
        state="asked",
        reason=wish.reason[:MOST_WORDS],
        form_key=wish.form_key,
        tries=0,
        asked_at=now,
        quoted_at=now,
    )


def _settled_purchase(session: Session, account_id: int, purchase_id: str, *, now: dt.datetime) -> Purchase:
    """The purchase with its account locked and all that has ended written down. Raises UnknownPurchase."""
    if queries.purchase(session, account_id, purchase_id) is None:
        raise UnknownPurchase
    purchase = locked_purchase(session, account_id, purchase_id)
    expire(session, account_id, now=now)
    return purchase


def _locked_request(session: Session, account_id: int, request_id: str, *, now: dt.datetime) -> RefundRequest:
    request = request_of(session, account_id, request_id)
    _settled_purchase(session, account_id, request.purchase_id, now=now)
    session.refresh(request)
    return request


def _end(session: Session, request: RefundRequest, state: str, *, now: dt.datetime) -> RefundRequest:
    if request.state != "asked":
        raise RequestDecided
    request.state, request.ended_at = state, now
    session.flush()
    return request


def _of(account_id: int) -> Select[RefundRequest]:
    chosen = select(RefundRequest).where(RefundRequest.account_id == account_id)
    return chosen.execution_options(populate_existing=True)
