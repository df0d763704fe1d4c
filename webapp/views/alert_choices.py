"""What the form of alerts in the settings does."""

from flask import request
from flask_login import current_user

from webapp.alerts.facts import Choices
from webapp.alerts.watching import set_choices
from webapp.extensions import parts, transact
from webapp.orm import utc_now
from webapp.web.amounts import UnreadableAmount, read_amount
from webapp.web.pages.alert_choices import TICKED
from webapp.web.pages.forms import Form
from webapp.web.pages.reader import present_reader


def choose_alerts() -> Form:
    """Let the account be told of what is ticked, and of a balance under the amount that was typed, if any."""
    try:
        low_credits = _low_credits()
    except UnreadableAmount as refusal:
        return Form(request.form, (refusal,))
    ticked = {name: name in request.form for name in TICKED}
    account_id, now = current_user.account_id, utc_now()
    transact(lambda session: set_choices(session, account_id, Choices(low_credits=low_credits, **ticked), now=now))
    return Form(done="Saved")


def _low_credits() -> int:
    """The line in credits, 0 for none. Raises UnreadableAmount."""
    typed, catalog = request.form.get("low", ""), parts().catalog
    if not typed.strip():
        return 0
    is_money = catalog.display == "money"
    return read_amount(typed, catalog.unit, present_reader().locale, is_money=is_money)
