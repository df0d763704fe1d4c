"""Requests for refunds, at the edge: what a form says, and the refund that follows an approval."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import abort
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from webapp.billing.money_back.following import order_key_of
from webapp.billing.money_back.models import RefundOrder, RefundRequest
from webapp.billing.money_back.requests import MOST_WORDS, Wish, approve_request, request_of
from webapp.extensions import db
from webapp.web.limits import FORM_KEY
from webapp.web.money_back import Refunded, refund_purchase

LONGEST_NUMBER = 16

Also = Callable[[Session, RefundOrder, RefundRequest], None]


def wish_of(purchase_id: str, form: MultiDict[str, str]) -> Wish:
    """What a form asks for. One that nobody can have sent from our page is a bad request."""
    key = form.get("key", "")
    if not FORM_KEY.fullmatch(key):
        abort(400)
    return Wish(
        purchase_id=purchase_id,
        credits=_number(form.get("credits", "")),
        amount_minor=_number(form.get("amount_minor", "")),
        reason=one_line(form.get("reason", "")),
        form_key=f"form:{key}",
    )


def one_line(text: str) -> str:
    """Somebody's words as they are kept and shown: one line of what can be shown, at most 500 characters."""
    words = " ".join(text.split())
    return "".join(letter for letter in words if letter.isprintable())[:MOST_WORDS]


def approve(
    account_id: int,
    request_id: str,
    *,
    by_user_id: int,
    answer: str,
    also: Also = lambda *_: None,
    now: dt.datetime,
) -> Refunded:
    """Refund what was asked for, exactly as it was quoted. Sent twice it is one refund.

    `also` runs in the transaction that approves it, before Stripe hears of it. Raises UnknownRequest, RequestDecided,
    QuoteChanged (nothing was refunded), and what `refund_purchase` raises.
    """
    request = request_of(db.session(), account_id, request_id)
    decided: dict[str, Any] = {"request_id": request_id, "by_user_id": by_user_id, "now": now}

    def approved(session: Session, order: RefundOrder) -> None:
        also(session, order, approve_request(session, order, answer=one_line(answer), **decided))

    return refund_purchase(
        account_id,
        request.purchase_id,
        amount_minor=request.amount_minor,
        order_key=order_key_of(request),
        also=approved,
        now=now,
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        abort(400)
    return int(text)
