"""Where Stripe sends the buyer back to: settle if that is possible now, then draw what is true."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.billing.errors import UnknownPurchase
from webapp.billing.queries import purchase_of_session
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.web.checkout import settle_and_tell
from webapp.web.gate import signed_in_only
from webapp.web.limits import verify_limit
from webapp.web.pages import checkout as page
from webapp.web.pages.reader import present_reader

bp = Blueprint("checkout_return", __name__)


@bp.get("/dashboard/credits/success")
@signed_in_only
@verify_limit
def success() -> ResponseReturnValue:
    """What became of the payment. A session that is not the reader's own is as missing as none: 404."""
    account_id = current_user.account_id
    found = purchase_of_session(db.session(), account_id, request.args.get("session_id", ""))
    if found is None:
        raise UnknownPurchase
    reader = present_reader()
    purchase, is_answered = settle_and_tell(account_id, found.id, now=utc_now())
    context = page.checkout_page(reader, purchase, poll=asked_poll(), is_answered=is_answered)
    return render_template("checkout_return/success.html", **context)


def asked_poll() -> int:
    """How many answers this browser says it has had; only its own waiting depends on it."""
    poll = request.args.get("poll", default=0, type=int)
    return min(max(poll, 0), page.POLLS)
