"""The billing page, and the two forms that lead to Stripe: to a plan's checkout, and to the customer portal."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.billing.subscriptions.portal import FLOWS
from webapp.orm import utc_now
from webapp.web.gate import signed_in_only
from webapp.web.limits import FORM_KEY, checkout_limit, plan_limit, portal_limit
from webapp.web.pages import billing as page
from webapp.web.pages.plan_notices import notice_of_cancel, notice_of_checkout
from webapp.web.pages.plan_watch import settle_watch
from webapp.web.pages.reader import present_reader
from webapp.web.plans import portal_address, start_plan

bp = Blueprint("billing", __name__)


@bp.get("/billing", endpoint="billing")
@signed_in_only
@plan_limit
def billing_page() -> ResponseReturnValue:
    """Plan, plans and invoices. For somebody who comes from Stripe it is asked first, so that what is drawn is true."""
    if request.args.get("buy-credits") == "true":
        return redirect(url_for("credits.credits", _anchor="packs"), 303)
    reader = present_reader()
    watch = settle_watch(reader, request.args)
    notice = notice_of_cancel(reader) if request.args.get("checkout") == "cancelled" else None
    notice = notice or notice_of_checkout(reader, watch)
    return render_template("billing/billing.html", **page.billing_page(reader, watch), notice=notice)


@bp.post("/billing/checkout")
@signed_in_only
@checkout_limit
def checkout() -> ResponseReturnValue:
    """Open the checkout of a plan and send the buyer to Stripe; a second sending leads to the same place.

    When it can't be paid any more the billing page says what became of it.
    """
    key = request.form.get("key", "")
    if not FORM_KEY.fullmatch(key):
        abort(400)
    slug = request.form.get("plan", "")
    opened = start_plan(user=current_user, plan_slug=slug, open_key=f"form:{key}", now=utc_now())
    if opened.session_url and opened.state == "open" and utc_now() < opened.expires_at:
        return redirect(opened.session_url, 303)
    return redirect(url_for(".billing", session_id=opened.session_id), 303)


@bp.post("/billing/portal")
@signed_in_only
@portal_limit
def portal() -> ResponseReturnValue:
    """Send the reader to Stripe's customer portal, straight to one part of it where `flow` names one."""
    asked = request.form.get("flow", "")
    flow = next((known for known in FLOWS if known == asked), None)
    if asked and flow is None:
        abort(400)
    return redirect(portal_address(current_user.account_id, flow), 303)
