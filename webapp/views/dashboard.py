"""The dashboard, and where the bare address of the site leads."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.web.gate import is_signed_in, signed_in_only
from webapp.web.pages import dashboard as page
from webapp.web.pages.reader import present_reader

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    """To the dashboard, or to the sign-in first."""
    return redirect(url_for("dashboard.dashboard" if is_signed_in() else "auth.login"), 303)


@bp.get("/dashboard")
@signed_in_only
def dashboard() -> ResponseReturnValue:
    """The balance and what happened lately."""
    return render_template("dashboard/dashboard.html", **page.dashboard(present_reader()))
