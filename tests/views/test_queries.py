"""How many statements a page costs: at most 15, the same for a new account and a very old one."""

import datetime as dt
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from tests.api.books import grant
from tests.support.ledger_rows import fill_ledger
from tests.views.both_databases import database_url
from tests.views.shopper import CREDITS, Shopper
from tests.views.subscriber import Subscriber
from webapp.extensions import db, transact
from webapp.orm import utc_now
from webapp.people.models import User

__all__ = ["database_url"]

MOST = 15
HISTORY = "/dashboard/history"
USAGE = "/dashboard/usage"
PATHS = ("/dashboard", CREDITS, "/billing", "/dashboard/settings", HISTORY, f"{HISTORY}?type=refunds", USAGE)


@contextmanager
def statements():
    seen = []

    def see(_connection, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "SAVEPOINT")):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", see)
    yield seen
    event.remove(db.engine, "before_cursor_execute", see)


def cost(shopper, path):
    shopper.pages.open(path)  # due lots are settled by the first reader
    with statements() as seen:
        shopper.pages.open(path)
    return len(seen)


@pytest.fixture
def old_account(app, user):
    """Some One, with 100,000 entries."""
    (account_id,) = fill_ledger(db.engine, accounts=1, entries_each=100_000)

    def own(session):
        session.get_one(User, user.id).account_id = account_id

    transact(own)
    user.account_id = account_id
    return Shopper.of(app, user)


def test_pages_cost_few_statements_and_the_same_at_100000_entries(stranger, old_account):
    for _ in range(30):  # more than a page of the history
        grant(stranger.user.account_id, 5)
    for days in (3, 5):  # as many allowances at once as the old account has: one is looked for among them
        grant(stranger.user.account_id, 5, "allowance", expires_at=utc_now() + dt.timedelta(days=days))
    costs = {path: cost(stranger, path) for path in PATHS}
    assert max(costs.values()) <= MOST, costs
    assert {path: cost(old_account, path) for path in PATHS} == costs


def test_each_partial_costs_less_than_its_page(shopper):
    shopper.granted()
    paths = ("balance-badge", "alerts", "balance-card", "recent-activity", "pack-grid", "purchases")
    more = ("usage-panel", "breakdown-card", "usage-report", "usage-report?split=key&period=90")
    for path in (*paths, "plus-pack", "plan-card", "plans", "invoices", *more):
        assert cost_of_partial(shopper, f"/partials/{path}") <= 6, path


def cost_of_partial(shopper, path):
    with statements() as seen:
        shopper.pages.partial(path)
    return len(seen)


def test_buying_changes_nothing_about_the_cost(shopper):
    before = {path: cost(shopper, path) for path in PATHS}
    shopper.granted()
    shopper.left("small")
    assert {path: cost(shopper, path) for path in PATHS} == before


def test_a_plan_with_its_invoices_costs_no_page_more_than_that(app, user):
    one = Subscriber.of(app, user)
    one.having(status="past_due", problem="failed")
    for number in range(12):
        one.invoiced(f"R-{number}")
    costs = {path: cost(one, path) for path in PATHS}
    assert max(costs.values()) <= MOST, costs
