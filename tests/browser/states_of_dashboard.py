"""States of a dashboard that somebody has lived with: two months of use, a plan or none, and how much of it is left."""

import datetime as dt

from sqlalchemy.orm import Session

from tests.api.books import NUMBERS, spend
from tests.browser.stage import Stage, View, numbers
from tests.browser.states import shows
from tests.browser.states_of_billing import PlanBuyer
from tests.browser.states_of_credits import DASHBOARD, give
from tests.support.keys import make_key
from tests.support.people import make_user
from webapp.extensions import db, transact
from webapp.ledger import operations
from webapp.ledger.operations import SpendLimit
from webapp.ledger.queries import balance
from webapp.orm import utc_now

DAY = dt.timedelta(days=1)
# Minutes of calls on each day of a week, quietest at its end.
WEEK = (8, 6, 9, 5, 7, 2, 0)
PLAN_DAYS = 19


def use_daily(buyer: PlanBuyer, minutes_by_days_ago: dict[int, int]) -> None:
    """Calls on each of these days, and a transcript on every third, each written on its own day."""

    def work(session):
        for ago, minutes in sorted(minutes_by_days_ago.items(), reverse=True):
            for meter, quantity, used in (("call_minute", minutes, 3 * minutes), ("transcript", 4, 4 * (ago % 3 == 0))):
                if used:
                    facts = {"meter": meter, "quantity": quantity, "now": utc_now() - ago * DAY}
                    key = f"lived:{next(NUMBERS)}"
                    operations.spend(session, buyer.user.account_id, credits=used, key=key, **facts)

    transact(work)


def of_old(stage: Stage, *, purchased: int = 0, bonus: int = 0) -> PlanBuyer:
    """Somebody with credits since two months ago, who has used some of them ever since."""
    buyer = PlanBuyer.of(stage.app, make_user(f"person-{next(numbers)}@example.com", welcome_credits=0))
    long_ago = {"now": utc_now() - 60 * DAY}
    give(buyer, 500, "bonus", description="Beta test", **long_ago)
    if purchased:
        give(buyer, purchased, description="Small pack", **long_ago)
    if bonus:
        give(buyer, bonus, "bonus", days=28, description="Referral bonus", **long_ago)
    use_daily(buyer, {ago: WEEK[-ago % 7] for ago in range(45, PLAN_DAYS, -1)})
    return buyer


def on_plan(stage: Stage, used: int, **more: int) -> PlanBuyer:
    """Of old, and on the Plus plan for 19 days now, with `used` of its 500 credits used in them."""
    buyer = of_old(stage, **more)
    buyer.having(period_ends_at=utc_now() + (30 - PLAN_DAYS) * DAY)
    if not used:
        return buyer
    weights = {ago: WEEK[-ago % 7] for ago in range(PLAN_DAYS, 0, -1)}
    minutes = {ago: max(0, used - 60) * weight // (3 * sum(weights.values())) for ago, weight in weights.items()}
    use_daily(buyer, minutes)
    spend(buyer.user.account_id, used - used_of_allowance(buyer), meter="call_minute", quantity=12)
    return buyer


def used_of_allowance(buyer: PlanBuyer) -> int:
    with Session(db.engine) as session:
        return 500 - balance(session, buyer.user.account_id, now=utc_now()).kinds["allowance"]


def limited(buyer: PlanBuyer, credits: int, *, pauses: bool = True, is_money: bool = True) -> None:
    limit = SpendLimit(0, "month", credits, pauses=pauses, is_money=is_money)
    account_id = buyer.user.account_id
    transact(lambda session: operations.set_limit(session, account_id, limit, may_stop_now=True, now=utc_now()))


@shows("dashboard.dashboard")
def dashboard_of_somebody_without_a_plan_who_uses_credits(stage):
    buyer = of_old(stage, purchased=500)
    use_daily(buyer, {ago: WEEK[-ago % 7] for ago in range(PLAN_DAYS, 0, -1)})
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_on_track(stage):
    buyer = on_plan(stage, 150, purchased=500, bonus=20)
    limited(buyer, 2400)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_running_low(stage):
    return View(DASHBOARD, running_low(stage))


def running_low(stage: Stage) -> PlanBuyer:
    """The account of the picture in the README."""
    buyer = on_plan(stage, 414, purchased=824, bonus=20)
    limited(buyer, 800)
    for name in ("Production", "Staging"):
        make_key(buyer.user.account_id, name=name)
    return buyer


@shows("dashboard.dashboard")
def dashboard_with_the_allowance_used_up_and_bought_credits_left(stage):
    return View(DASHBOARD, on_plan(stage, 500, purchased=500))


@shows("dashboard.dashboard")
def dashboard_with_everything_used_up(stage):
    buyer = on_plan(stage, 0)
    with Session(db.engine) as session:
        left = balance(session, buyer.user.account_id, now=utc_now()).available
    spend(buyer.user.account_id, left)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_with_calls_in_progress(stage):
    buyer = on_plan(stage, 120, purchased=500)
    buyer.hold(24)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_paused_by_its_owner(stage):
    buyer = on_plan(stage, 120, purchased=500)
    transact(lambda session: operations.pause_as_owner(session, buyer.user.account_id, now=utc_now()))
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_with_its_limit_reached(stage):
    buyer = on_plan(stage, 120, purchased=500)
    limited(buyer, 100)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_in_debt_with_a_plan(stage):
    buyer = of_old(stage)
    buyer.having(credits=100, period_ends_at=utc_now() + (30 - PLAN_DAYS) * DAY)
    buyer.ask_back("returned")
    return View(DASHBOARD, buyer)
