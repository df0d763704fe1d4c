"""Putting an alert away: by a form (303 back to the page it stood on), or by htmx (the alerts anew)."""

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.alerts.watching import dismiss as dismiss_alert
from webapp.extensions import parts, transact
from webapp.orm import utc_now
from webapp.web import gate
from webapp.web.gate import signed_in_only
from webapp.web.pages import shell
from webapp.web.pages.reader import present_reader
from webapp.web.return_path import path_of_own_address

bp = Blueprint("alerts", __name__)


@bp.post("/alerts/<alert_id>/dismiss")
@signed_in_only
def dismiss(alert_id: str) -> ResponseReturnValue:
    """Put it away, and back to the page; one that is nobody's, or can't be put away, is a missing page."""
    _dismiss(alert_id)
    return redirect(_page_it_stood_on() or url_for("dashboard.dashboard"), 303)


@bp.post("/partials/alerts/<alert_id>/dismiss")
@signed_in_only
def swap_dismissed(alert_id: str) -> ResponseReturnValue:
    """Put it away; the alerts that are left, with the focus, for the button that had it is gone."""
    _dismiss(alert_id)
    drawn = render_template("_alerts.html", **shell.alerts(present_reader()), is_dismissed=True)
    return drawn + render_template("_said.html", words="Alert dismissed.")


def _dismiss(alert_id: str) -> None:
    account_id, now = current_user.account_id, utc_now()
    catalog, mode = parts().catalog, parts().settings.payments
    transact(lambda session: dismiss_alert(session, catalog, account_id, alert_id, stripe_mode=mode, now=now))
    gate.look_again()


def _page_it_stood_on() -> str | None:
    """The page of our own that the form was on, if it can be asked for: a refused form's address can't."""
    page = path_of_own_address(request.referrer, host=request.host)
    routes = current_app.create_url_adapter(request)
    return page if page and routes and routes.test(page.partition("?")[0], "GET") else None
