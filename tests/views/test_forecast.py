"""The forecast card, and what each pack means at the reader's pace on the credits page (pages 4.3, 4.7)."""

import datetime as dt

import pytest
import time_machine

from tests.api.books import grant, spend
from tests.support.people import make_user
from tests.views.shopper import CREDITS
from tests.views.subscriber import Subscriber
from tests.views.test_allowance_card import DAY, NOW, RENEWS, used_daily
from webapp.extensions import transact
from webapp.ledger.models import Account

CARD = "/partials/forecast-card"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def one(app):
    """Somebody with 1,000 bought credits and no allowance."""
    somebody = Subscriber.of(app, make_user("one@example.com"))
    grant(somebody.user.account_id, 1000)
    return somebody


def subscribed(app, name="plus", **facts):
    somebody = Subscriber.of(app, make_user(f"{name}@example.com"))
    somebody.having(period_ends_at=RENEWS, **facts)
    return somebody


def forecast(one):
    return one.pages.partial(CARD).with_id("forecast-card").text


def pack_line(one, slug):
    """The last small line on the pack's card, which the page and the partial share."""
    found = one.pages.open(CREDITS).with_id(f"pack-{slug}")
    assert found.text == one.pages.partial("/partials/pack-grid").with_id(f"pack-{slug}").text
    lines = [node.text for node in found if "pack__eq" in node.classes]
    return lines[-1] if len(lines) > 1 else ""


def pause(one, column="spending_paused_at", since=NOW):
    transact(lambda session: setattr(session.get_one(Account, one.user.account_id), column, since))


def test_forecast_tells_typical_and_busy_days_and_how_long_all_lasts(one):
    used_daily(one, 27, 27, 42, 27, 42)
    assert forecast(one) == (
        "Forecast A typical day 27 credits A busy day 42 credits "
        "At your pace (27 credits a day), all your credits last until about Sat 19 Dec. "
        "With busy days only (42 credits a day), until about Tue 8 Dec. "
        "A typical day is the middle one of the last four weeks. Only one day in five is busier than a busy day."
    )


def test_forecast_tells_of_the_allowance_first_and_counts_those_to_come(app):
    somebody = subscribed(app)
    grant(somebody.user.account_id, 100)
    used_daily(somebody, 20, 20, 20)
    text = forecast(somebody)
    assert "You're on track to the reset on 1 Dec." in text
    # 500 for each 30 days at 20 a day are 100 short of what a month takes.
    assert "At your pace (20 credits a day), all your credits last until about Wed 30 Dec." in text
    assert "This counts the 500 credits that come with each reset." in text


SURELY_COMES = (
    {},
    {"next_plan_slug": "pro"},
    {"status": "trialing"},
)
MAY_NOT_COME = (
    {"status": "trialing", "card_brand": ""},
    {"status": "past_due", "problem": "failed"},
    {"is_paused": True},
    {"ends_at": RENEWS},
)


def test_only_allowances_that_surely_come_are_counted(app):
    for number, facts in enumerate((*SURELY_COMES, *MAY_NOT_COME)):
        somebody = subscribed(app, number, **facts)
        used_daily(somebody, 10, 10, 10)
        text, is_counted = forecast(somebody), facts in SURELY_COMES
        counted = "2,000" if "next_plan_slug" in facts else "500"
        assert (f"This counts the {counted} credits that come with each reset." in text) == is_counted, facts
        assert ("last more than a year" in text) == is_counted, "10 a day are 310 a month at most"
    later = subscribed(app, "later", ends_at=RENEWS + 31 * DAY)
    used_daily(later, 10, 10, 10)
    assert "last until about Thu 31 Dec" in forecast(later), "allowances come until the plan ends"


def test_forecast_says_why_there_is_none(app, one):
    reasons = "Forecast Not enough use yet to say. It takes 3 days with use in the last four weeks."
    assert forecast(one) == reasons
    used_daily(one, 100, 100)
    assert forecast(one) == reasons
    used_daily(one, 100, 0, 0)
    assert "At your pace" in forecast(one)
    for column in ("spending_paused_at", "owner_paused_at"):
        pause(one, column)
        assert forecast(one).startswith("Forecast No forecast while spending is paused. A typical day")
        pause(one, column, None)
    empty = Subscriber.of(app, make_user("empty@example.com"))
    grant(empty.user.account_id, 90)
    used_daily(empty, 30, 30, 30)
    assert forecast(empty).startswith("Forecast You have no credits left to use. A typical day 30 credits")


def test_debt_has_no_forecast_and_packs_promise_nothing(one):
    def owe(session):
        account = session.get_one(Account, one.user.account_id)
        account.available, account.debt = 0, 12

    used_daily(one, 400, 300, 300)
    transact(owe)
    assert "No forecast while you owe credits." in forecast(one)
    assert pack_line(one, "starter") == ""


def test_each_pack_says_how_much_longer_it_lasts(one):
    assert pack_line(one, "popular") == "", "nobody knows the pace yet"
    used_daily(one, 27, 27, 27)
    assert pack_line(one, "starter") == "Lasts about 3 more days at your pace"
    assert pack_line(one, "popular") == "Lasts about 37 more days at your pace"
    assert pack_line(one, "maximum") == "Lasts more than a year at your pace"
    strip = one.pages.open(CREDITS).with_id("pack-plus-extra").text
    assert "Lasts about 7 more days at your pace." in strip
    pause(one)
    assert pack_line(one, "popular") == ""


def test_packs_of_somebody_without_credits_last_from_now_on(one):
    used_daily(one, 400, 300, 300)
    assert pack_line(one, "starter") == "Lasts less than a day at your pace"
    assert pack_line(one, "popular") == "Lasts about 3 days at your pace"


def test_packs_say_nothing_to_whom_it_makes_no_difference(app):
    somebody = subscribed(app)
    used_daily(somebody, 10, 10, 10)
    assert pack_line(somebody, "popular") == "", "the allowance covers all of it"


def test_use_of_today_is_not_counted_twice(one):
    used_daily(one, 27, 27, 27)
    before = forecast(one)
    spend(one.user.account_id, 27)
    assert forecast(one) == before, "a typical day's use was expected of today"


def test_use_that_was_long_ago_tells_nothing_of_the_pace(one):
    for number in range(30, 34):
        spend(one.user.account_id, 50, occurred_at=NOW - number * dt.timedelta(days=1))
    assert "Not enough use yet" in forecast(one)
