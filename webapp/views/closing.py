"""Closing the account, on a page of its own: a plain form, and a last page when it is done."""

import re

from flask import Blueprint, abort, current_app, make_response, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from webapp.billing.errors import QuoteChanged, RefundNotOffered, StillSubscribed
from webapp.billing.money_back.requests import Wish, ask_refund
from webapp.billing.subscriptions.standing import refuse_while_renewing
from webapp.errors import Refusal
from webapp.extensions import parts
from webapp.orm import utc_now
from webapp.people.changes import Claim
from webapp.people.closing import close_account
from webapp.people.errors import PeopleRefusal, TooManyTries
from webapp.web import gate
from webapp.web.gate import signed_in_only
from webapp.web.limits import FORM_KEY, refund_limit
from webapp.web.logs import log
from webapp.web.pages.closing import closing_page
from webapp.web.pages.reader import present_reader

bp = Blueprint("closing", __name__, url_prefix="/dashboard/settings/close")

# What a box of the form says: a purchase, and the credits and the money that the page showed for it.
WANTED = re.compile(r"([a-z0-9]{8,40}):([0-9]{1,16}):([0-9]{1,16})")
MOST_WANTED = 100


@bp.get("", endpoint="closing")
@signed_in_only
def page() -> ResponseReturnValue:
    """What becomes of the credits, the refunds that can be asked for, and the button."""
    return render_template("closing/closing.html", **closing_page(present_reader()))


@bp.post("", endpoint="close")
@signed_in_only
@refund_limit
def close() -> ResponseReturnValue:
    """Close the account, and ask for the refunds that were ticked: both, or nothing of it."""
    wishes, (account_id, user_id), now = wishes_of(request.form), (current_user.account_id, current_user.id), utc_now()
    email, mode = current_user.email, parts().settings.payments
    claim = Claim(
        user_id=user_id,
        present=request.form.get("present", ""),
        address=request.remote_addr,
        throttle_secret=str(current_app.secret_key),
        now=now,
    )

    def ask(storage: Session) -> None:
        refuse_while_renewing(storage, account_id, stripe_mode=mode)
        for wish in wishes:
            ask_refund(storage, account_id, user_id, wish, stripe_mode=mode, now=now)

    try:
        close_account(claim, browser_secret=gate.carried_secret() or "", also=ask)
    except (PeopleRefusal, QuoteChanged, RefundNotOffered, StillSubscribed) as refusal:
        log.info("account", outcome=refusal.code, account_id=account_id)
        return _refused(refusal, wishes)
    log.info("account", outcome="closed", account_id=account_id, refunds=len(wishes))
    session.clear()
    return render_template("closing/closed.html", email=email, refunds=len(wishes))


def wishes_of(form: MultiDict[str, str]) -> list[Wish]:
    """The refunds that are asked for. A form that nobody can have sent from our page is a bad request."""
    key, wanted = form.get("key", ""), form.getlist("refund")
    read = [WANTED.fullmatch(text) for text in wanted]
    if not FORM_KEY.fullmatch(key) or not all(read) or len(wanted) > MOST_WANTED:
        abort(400)
    return [
        Wish(one[1], int(one[2]), int(one[3]), reason="Account closed", form_key=f"close:{key[:30]}:{one[1]}")
        for one in read
        if one
    ]


def _refused(refusal: Refusal, wishes: list[Wish]) -> ResponseReturnValue:
    context = closing_page(present_reader(), refusal, chosen=[wish.purchase_id for wish in wishes])
    response = make_response(render_template("closing/closing.html", **context), 422)
    if isinstance(refusal, TooManyTries):
        response.status_code = 429
        response.headers["Retry-After"] = str(refusal.wait_seconds)
    return response
