"""Asking for a refund of what was bought and not used. Plain forms: 303 to the page, which says how it stands."""

from flask import Blueprint, flash, get_flashed_messages, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.billing.errors import QuoteChanged, RefundNotOffered, RequestDecided, UnknownRequest
from webapp.billing.money_back.requests import ask_refund, withdraw_request
from webapp.extensions import parts, transact
from webapp.orm import utc_now
from webapp.web.gate import signed_in_only
from webapp.web.limits import refund_limit
from webapp.web.logs import log
from webapp.web.pages.reader import present_reader
from webapp.web.pages.refunds import refund_page
from webapp.web.refund_requests import wish_of

bp = Blueprint("refunds", __name__, url_prefix="/dashboard/credits/refunds")

TOLD = "refund"
CHANGED = "The sum has changed since you saw it. Please look at it again: nothing was asked for."
DECIDED = "Your request was decided in the meantime."


@bp.get("/<purchase_id>", endpoint="refund")
@signed_in_only
def page(purchase_id: str) -> ResponseReturnValue:
    """What would be refunded of a purchase, and how a request for it stands."""
    told = [str(words) for words in get_flashed_messages(category_filter=(TOLD,))]
    return render_template("refunds/refund.html", **refund_page(present_reader(), purchase_id), told=told)


@bp.post("/<purchase_id>", endpoint="ask")
@signed_in_only
@refund_limit
def ask(purchase_id: str) -> ResponseReturnValue:
    """Ask for the refund that the form showed; another sum now is shown first."""
    wish, asking, now = wish_of(purchase_id, request.form), (current_user.account_id, current_user.id), utc_now()
    mode = parts().settings.payments
    try:
        made = transact(lambda session: ask_refund(session, *asking, wish, stripe_mode=mode, now=now))
    except QuoteChanged:
        flash(CHANGED, TOLD)
    except (RefundNotOffered, RequestDecided) as refusal:
        flash(refusal.sentence, TOLD)
    else:
        log.info("refund asked for", purchase=purchase_id, request=made.id, amount_minor=made.amount_minor)
    return redirect(url_for(".refund", purchase_id=purchase_id), 303)


@bp.post("/<purchase_id>/withdraw", endpoint="withdraw")
@signed_in_only
def withdraw(purchase_id: str) -> ResponseReturnValue:
    """Take the request back. One that is gone already is no fault."""
    account_id, now = current_user.account_id, utc_now()
    try:
        transact(lambda session: withdraw_request(session, account_id, purchase_id, now=now))
    except RequestDecided:
        flash(DECIDED, TOLD)
    except UnknownRequest:
        pass
    return redirect(url_for(".refund", purchase_id=purchase_id), 303)


@bp.get("/<purchase_id>/withdraw", endpoint="back")
@signed_in_only
def back(purchase_id: str) -> ResponseReturnValue:
    """A form's own address, asked for again: to the page."""
    return redirect(url_for(".refund", purchase_id=purchase_id), 303)
