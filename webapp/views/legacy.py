"""Addresses of older products, so that every older link works: 308, with their query."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

bp = Blueprint("legacy", __name__)


@bp.get("/account/credits")
def account_credits() -> ResponseReturnValue:
    """To the credits page."""
    return _moved("credits.credits")


@bp.get("/account/credits/success")
def account_credits_success() -> ResponseReturnValue:
    """To the page that a buyer comes back to."""
    return _moved("checkout_return.success")


@bp.get("/dashboard/customer")
def dashboard_customer() -> ResponseReturnValue:
    """Its billing tab to the billing page, or to the packs for who wants to buy; every other to the dashboard."""
    if request.args.get("tab") != "billing":
        return _moved("dashboard.dashboard")
    if request.args.get("buy-credits") == "true":
        return _moved("credits.credits", anchor="packs")
    return _moved("billing.billing")


def _moved(endpoint: str, *, anchor: str | None = None) -> ResponseReturnValue:
    query = request.query_string.decode("latin-1")
    address = url_for(endpoint) + (f"?{query}" if query else "") + (f"#{anchor}" if anchor else "")
    return redirect(address, 308)
