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


@bp.get("/billing")
def billing() -> ResponseReturnValue:
    """To the credits page, until there is a billing page of its own."""
    return _moved("credits.credits", anchor=_anchor())


@bp.get("/dashboard/customer")
def dashboard_customer() -> ResponseReturnValue:
    """Its billing tab to the credits page (see `billing`), every other to the dashboard."""
    if request.args.get("tab") == "billing":
        return billing()
    return _moved("dashboard.dashboard")


def _anchor() -> str | None:
    return "packs" if request.args.get("buy-credits") == "true" else None


def _moved(endpoint: str, *, anchor: str | None = None) -> ResponseReturnValue:
    query = request.query_string.decode("latin-1")
    address = url_for(endpoint) + (f"?{query}" if query else "") + (f"#{anchor}" if anchor else "")
    return redirect(address, 308)
