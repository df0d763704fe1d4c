"""The dashboard, and where the bare address of the site leads."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.web.gate import is_signed_in, signed_in_only
from webapp.web.pages import dashboard as page
from webapp.web.pages.reader import present_reader
from webapp.web.usage_filter import dashboard_days

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    """To the dashboard, or to the sign-in first."""
    return redirect(url_for("dashboard.dashboard" if is_signed_in() else "auth.login"), 303)


@bp.get("/dashboard")
@signed_in_only
def dashboard() -> ResponseReturnValue:
    """The balance, the usage of the last `days` (7, 30 or 90), and what happened lately."""
    days = dashboard_days(request.args.get("days"))
    return render_template("dashboard/dashboard.html", **page.dashboard(present_reader(), days=days))
