"""The credits page, the form that leads to Stripe, and receipts."""

from flask import Blueprint, abort, flash, get_flashed_messages, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.billing import queries
from webapp.billing.errors import TermsChanged, UnknownPurchase
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.web.checkout import start_purchase
from webapp.web.gate import signed_in_only
from webapp.web.limits import FORM_KEY, checkout_limit
from webapp.web.pages import credits as page
from webapp.web.pages import notices
from webapp.web.pages.reader import Reader, present_reader
from webapp.web.pages.receipt import receipt_page
from webapp.web.pages.shell import shell, without_alert

bp = Blueprint("credits", __name__)

NEW_TERMS = "new_terms"


@bp.get("/dashboard/credits", endpoint="credits")
@signed_in_only
def credits_page() -> ResponseReturnValue:
    """Balance, packs, estimator, purchases; with a notice for somebody who comes back from a checkout."""
    reader = present_reader()
    notice = _notice(reader)  # first: it settles what the rest shows
    context = page.credits_page(reader, typed=request.args.get("minutes"))
    if notice:
        context = without_alert(context, notice.title)
    return render_template("credits/credits.html", **context, notice=notice)


@bp.post("/dashboard/credits/checkout")
@signed_in_only
@checkout_limit
def checkout() -> ResponseReturnValue:
    """Open a purchase and send the buyer to Stripe. The form's key makes a second sending lead to the same place.

    When that purchase can't be paid any more the credits page says what became of it.
    """
    key = request.form.get("key", "")
    if not FORM_KEY.fullmatch(key):
        abort(400)
    slug = request.form.get("pack", "")
    try:
        purchase = start_purchase(
            user=current_user,
            pack_slug=slug,
            terms=request.form.get("terms", ""),
            open_key=f"form:{key}",
            now=utc_now(),
        )
    except TermsChanged:
        flash(slug, NEW_TERMS)
        return redirect(url_for(".credits"), 303)
    if purchase.session_url and present_reader().can_pay(purchase):
        return redirect(purchase.session_url, 303)
    return redirect(url_for(".credits", checkout="left", purchase=purchase.id), 303)


@bp.get("/dashboard/credits/receipts/<purchase_id>")
@signed_in_only
def receipt(purchase_id: str) -> ResponseReturnValue:
    """What was paid for, and what went back, on one sheet. Only for paid purchases of the reader's own account."""
    reader = present_reader()
    context = shell(reader)
    found = queries.purchase(db.session(), reader.account_id, purchase_id)
    if found is None or found.state != "paid":
        raise UnknownPurchase
    return render_template("credits/receipt.html", **context | receipt_page(reader, found))


def _notice(reader: Reader) -> notices.Notice | None:
    for slug in get_flashed_messages(category_filter=(NEW_TERMS,)):
        return notices.notice_of_new_terms(reader, str(slug))
    return notices.notice_of_return(reader, request.args)
