"""States in which thresholds are crossed: banners that can be put away, and one that stays."""

import datetime as dt

from tests.api.books import grant, spend
from tests.browser.stage import Buyer, View, long_email
from tests.browser.states import shows
from webapp.extensions import transact
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.operations import set_limit
from webapp.orm import utc_now

DASHBOARD = "/dashboard"


def with_alerts(buyer: Buyer) -> Buyer:
    """An allowance that runs low, and bonus credits that are about to expire."""
    account_id, now = buyer.user.account_id, utc_now()
    grant(account_id, 500, "allowance", expires_at=now + dt.timedelta(days=11))
    grant(account_id, 24, "bonus", expires_at=now + dt.timedelta(hours=20))
    grant(account_id, 820)
    spend(account_id, 414)
    return buyer


@shows("dashboard.dashboard")
def dashboard_with_alerts_that_can_be_put_away(stage):
    return View(DASHBOARD, with_alerts(stage.buyer(email=long_email())))


@shows("dashboard.dashboard")
def dashboard_of_somebody_who_has_reached_a_spend_limit(stage):
    buyer = with_alerts(stage.buyer())
    limit = SpendLimit(0, "month", 414, pauses=True, is_money=True)
    transact(lambda session: set_limit(session, buyer.user.account_id, limit, may_stop_now=True, now=utc_now()))
    return View(DASHBOARD, buyer)
