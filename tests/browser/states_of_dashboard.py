"""States of a dashboard that somebody has lived with: two months of use, a plan or none, and how much of it is left."""

import datetime as dt

from sqlalchemy.orm import Session

from tests.api.books import NUMBERS
from tests.browser.stage import Stage, View, numbers
from tests.browser.states import shows
from tests.browser.states_of_billing import PlanBuyer
from tests.browser.states_of_credits import DASHBOARD, give
from tests.support.people import make_user
from webapp.extensions import db, transact
from webapp.ledger import operations
from webapp.ledger.operations import SpendLimit
from webapp.ledger.queries import balance
from webapp.orm import utc_now

DAY = dt.timedelta(days=1)
# Minutes of calls on each day of a week, quietest at its end; the last weeks are busier.
WEEK = (8, 6, 9, 5, 7, 2, 0)


def lived(buyer: PlanBuyer, days: int = 45, *, busier_by: int = 0) -> None:
    """Calls on each of the last days, and a transcript on some, each written on its own day."""

    def work(session):
        for ago in range(days, 0, -1):
            minutes = WEEK[(days - ago) % 7] + (busier_by if ago < 8 else 0)
            for meter, quantity, used in (("call_minute", minutes, 3 * minutes), ("transcript", 2, 2 * (ago % 3))):
                if used:
                    operations.spend(
                        session,
                        buyer.user.account_id,
                        credits=used,
                        meter=meter,
                        quantity=quantity,
                        key=f"lived:{next(NUMBERS)}",
                        now=utc_now() - ago * DAY,
                    )

    transact(work)


def of_old(stage: Stage, *, purchased: int = 0, bonus: int = 0) -> PlanBuyer:
    """Somebody with credits since two months ago, and use of them ever since."""
    buyer = PlanBuyer.of(stage.app, make_user(f"person-{next(numbers)}@example.com", welcome_credits=0))
    long_ago = {"now": utc_now() - 60 * DAY}
    give(buyer, 1100, "adjustment", description="Beta test", **long_ago)
    if purchased:
        give(buyer, purchased, description="Small pack", **long_ago)
    if bonus:
        give(buyer, bonus, "bonus", days=28, description="Referral bonus", **long_ago)
    return buyer


def on_plan(stage: Stage, used: int, **more: int) -> PlanBuyer:
    """Of old, and on the Plus plan since 20 days ago, with `used` of its 500 credits used today."""
    buyer = of_old(stage, **more)
    lived(buyer)
    buyer.having(period_ends_at=utc_now() + 11 * DAY)
    if used:
        spend_today(buyer, used)
    return buyer


def spend_today(buyer: PlanBuyer, credits: int) -> None:
    transact(
        lambda session: operations.spend(
            session,
            buyer.user.account_id,
            credits=credits,
            meter="transcript",
            quantity=credits,
            key=f"lived:{next(NUMBERS)}",
            now=utc_now(),
        )
    )


def limited(buyer: PlanBuyer, credits: int, *, pauses: bool = True, is_money: bool = True) -> None:
    limit = SpendLimit(0, "month", credits, pauses=pauses, is_money=is_money)
    account_id = buyer.user.account_id
    transact(lambda session: operations.set_limit(session, account_id, limit, may_stop_now=True, now=utc_now()))


@shows("dashboard.dashboard")
def dashboard_of_somebody_without_a_plan_who_uses_credits(stage):
    buyer = of_old(stage, purchased=500)
    lived(buyer, 60)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_on_track(stage):
    buyer = on_plan(stage, 150, purchased=500, bonus=20)
    limited(buyer, 2400)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_running_low(stage):
    buyer = on_plan(stage, 414, purchased=324, bonus=20)
    limited(buyer, 1000, pauses=False)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_with_the_allowance_used_up_and_bought_credits_left(stage):
    return View(DASHBOARD, on_plan(stage, 500, purchased=500))


@shows("dashboard.dashboard")
def dashboard_with_everything_used_up(stage):
    buyer = on_plan(stage, 0)
    with Session(db.engine) as session:
        left = balance(session, buyer.user.account_id, now=utc_now()).available
    spend_today(buyer, left)
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
    buyer = on_plan(stage, 0)
    buyer.ask_back("returned")
    return View(DASHBOARD, buyer)
