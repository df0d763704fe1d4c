"""Requests follow the refunds that were ordered for them, whoever learns first what became of one."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundOrder, RefundRequest


def order_key_of(request: RefundRequest) -> str:
    """The key under which the request's refund is ordered: another one after each that Stripe refused."""
    return f"request:{request.id}:{request.tries}"


def follow_orders(session: Session, purchase: Purchase, *, now: dt.datetime) -> None:
    """Bring the purchase's approved request to what became of its refund. The account is locked.

    With the refund made it is refunded; with the refund refused it waits for an operator again.
    """
    approved = (RefundRequest.purchase_id == purchase.id, RefundRequest.state == "approved")
    request = session.scalar(select(RefundRequest).where(RefundRequest.account_id == purchase.account_id, *approved))
    if request is None:
        return
    of_request = (RefundOrder.account_id == purchase.account_id, RefundOrder.order_key == order_key_of(request))
    state = session.scalar(select(RefundOrder.state).where(*of_request))
    if state == "made":
        request.state, request.ended_at = "refunded", now
    elif state == "refused":
        request.state, request.tries = "asked", request.tries + 1
    session.flush()
