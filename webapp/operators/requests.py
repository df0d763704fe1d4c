"""Deciding on requests for refunds: each decision with the row that says who decided and why.

What follows from an approval is a refund like any other; see `operators.refunds`.
"""

from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.following import order_key_of
from webapp.billing.money_back.models import RefundOrder, RefundRequest
from webapp.billing.money_back.refunding import credits_taken
from webapp.billing.money_back.requests import decline_request
from webapp.operators.acts import Act, Asked, act_of, act_of_form, write_down
from webapp.operators.refunds import before_and_after, facts_of

APPROVED = "approve_refund"
DECLINED = "decline_refund"


def write_down_approval(session: Session, asked: Asked, order: RefundOrder, request: RefundRequest) -> Act:
    """Add the row of an approval, with what its refund will do. In the transaction that approves and orders it.

    Raises what `write_down` raises.
    """
    purchase = session.get_one(Purchase, (order.account_id, order.purchase_id))
    seen = credits_taken(session, purchase, amount_minor=order.amount_minor, now=asked.now)
    before, after = before_and_after(purchase, seen, order.amount_minor)
    facts = facts_of(purchase, seen, order.amount_minor)
    facts |= {"request": request.id, "order_key": order_key_of(request), "words": request.answer}
    return write_down(session, asked, APPROVED, facts, before=before, after=after)


def decline(session: Session, asked: Asked, request_id: str, *, answer: str) -> Act:
    """Decline a request with words for the customer, and write it down. The same form again answers the first act.

    Locks the account. Raises UnknownRequest, RequestDecided, and what `write_down` raises.
    """
    done = act_of_form(session, asked.account_id, asked.form_key)
    if done is not None and done.act == DECLINED and done.facts.get("request") == request_id:
        return act_of(done, is_again=True)
    declined = decline_request(
        session, asked.account_id, request_id, by_user_id=asked.operator_id, answer=answer, now=asked.now
    )
    purchase = session.get_one(Purchase, (declined.account_id, declined.purchase_id))
    facts = {
        "request": declined.id,
        "purchase": purchase.id,
        "reference": purchase.reference,
        "amount_minor": declined.amount_minor,
        "currency": declined.currency,
        "words": declined.answer,
    }
    return write_down(session, asked, DECLINED, facts, before={"request": "asked"}, after={"request": "declined"})
