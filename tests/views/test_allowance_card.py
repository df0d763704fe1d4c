"""The allowance on the dashboard in each of its states, and its forecast (pages 4.2)."""

import dataclasses
import datetime as dt

import pytest
import time_machine

from tests.api.books import grant, hold, spend
from tests.support.people import make_user
from tests.support.samples import money_catalog
from tests.views.subscriber import Subscriber
from webapp.extensions import parts, transact
from webapp.ledger.models import Account
from webapp.ledger.operations import void
from webapp.people.models import User

NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)
RENEWS = dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
CARD = "/partials/allowance-card"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def one(app):
    """Somebody on Plus, with 500 credits until 1 December."""
    somebody = Subscriber.of(app, make_user("one@example.com"))
    somebody.having(period_ends_at=RENEWS)
    return somebody


@pytest.fixture
def nobody(app):
    """Somebody without a plan of their own."""
    return Subscriber.of(app, make_user("nobody@example.com"))


def with_catalog(app, **changed):
    known = app.extensions["refill"]
    catalog = dataclasses.replace(known.catalog, **changed)
    app.extensions["refill"] = dataclasses.replace(known, catalog=catalog)


def used_daily(one, *credits_each):
    """Use on the days before today, the last one being yesterday's."""
    for number, each in enumerate(reversed(credits_each), start=1):
        if each:
            spend(one.user.account_id, each, occurred_at=NOW - number * DAY)


def card(one):
    found = one.pages.open("/dashboard").with_id("allowance-card")
    assert found.text == one.pages.partial(CARD).with_id("allowance-card").text
    return found


def test_text_icon_and_class_agree_at_every_edge(one):
    for more, used, state, chip, share in (
        (0, 0, "ok", "On track", "0%"),
        (1, 1, "ok", "On track", "under 1%"),
        (398, 399, "ok", "On track", "80%"),
        (1, 400, "warn", "Running low", "80%"),
        (99, 499, "warn", "Running low", "99%"),
        (1, 500, "bad", "Used up", "100%"),
    ):
        if more:
            spend(one.user.account_id, more)
        found = card(one)
        of = f"{used} of 500 credits used"
        assert found.text.startswith(f"Monthly allowance {chip} {of} {share} used Resets in 11 days · 1 Dec")
        (bar,) = found.all("div", role="meter")
        assert f"meter--{state}" in bar.classes
        assert [bar.attributes[f"aria-value{name}"] for name in ("min", "max", "now")] == ["0", "500", str(used)]
        assert bar.attributes["aria-valuetext"] == f"{of}, {share}, {chip.lower()}"
        assert bar.attributes["aria-labelledby"] == "allow-t"
        icon = {"ok": "check", "warn": "warn", "bad": "x"}[state]
        assert found.all("use")[0].attributes["href"].endswith(f"#i-{icon}")
        assert len(found.all("rect", **{"class": "tick"})) == (state != "bad"), "the mark of 80 %"


def test_used_up_allowance_says_what_comes_next(one):
    account_id = one.user.account_id
    spend(account_id, 500)
    assert "You have no other credits. Buy credits" in card(one).text
    grant(account_id, 50)
    assert "Now using purchased credits." in card(one).text
    grant(account_id, 20, "gift")
    assert "Now using bonus credits." in card(one).text
    assert "Buy credits" not in card(one).text


def test_what_was_taken_back_is_neither_used_nor_left(one):
    account_id = one.user.account_id
    spend(account_id, 200)
    transact(lambda session: void(session, account_id, grant_seq=1, credits=100, key="v", description="x", now=NOW))
    text = card(one).text
    assert "200 of 400 credits used 50% used" in text
    assert "100 of 500 credits were taken back or paid what you owed." in text
    spend(account_id, 200)
    assert "Used up 400 of 400 credits used 100% used" in card(one).text


def test_what_is_on_hold_is_not_used_yet(one):
    account_id = one.user.account_id
    spend(account_id, 476)
    hold(account_id, 24, lasts_seconds=600)
    text = card(one).text
    assert "Running low 476 of 500 credits used 95% used" in text
    assert "24 on hold for work in progress." in text
    assert "no other credits" not in text, "they may come back"
    grant(account_id, 50)
    assert "Now using purchased credits. 24 on hold for work in progress." in card(one).text


def test_end_is_told_as_it_is(app, one):
    ends = {
        NOW + dt.timedelta(hours=3): "Resets today · 17:32",
        NOW + dt.timedelta(hours=12): "Resets tomorrow · 21 Nov",
        NOW + 2 * DAY: "Resets in 2 days · 22 Nov",
    }
    for number, (ends_at, words) in enumerate(ends.items()):
        other = Subscriber.of(app, make_user(f"other-{number}@example.com"))
        other.having(period_ends_at=ends_at)
        assert words in card(other).text
    leaving = Subscriber.of(app, make_user("leaving@example.com"))
    leaving.having(period_ends_at=RENEWS, ends_at=RENEWS)
    text = card(leaving).text
    assert "Expires in 11 days · 1 Dec" in text
    assert "Plus ends on 1 Dec. Credits you bought stay yours." in text
    used_daily(leaving, 5, 5, 5)
    assert card(leaving).text.endswith("At your pace the allowance lasts until it expires on 1 Dec.")


def test_allowance_that_a_product_gives_itself_has_its_meter_too(nobody):
    grant(nobody.user.account_id, 60, "allowance", expires_at=RENEWS)
    spend(nobody.user.account_id, 60)
    assert "Used up 60 of 60 credits used" in card(nobody).text


def test_without_an_allowance_it_says_where_one_comes_from(app, nobody):
    grant(nobody.user.account_id, 20, "bonus")
    found = card(nobody)
    assert found.text == "Monthly allowance Free has no monthly allowance. You use the credits you have. See plans"
    assert found.all("a")[0].attributes["href"] == "/billing#plans"
    paid = tuple(plan for plan in parts().catalog.plans if not plan.is_free)
    with_catalog(app, plans=paid)
    assert card(nobody).text == "Monthly allowance No plan yet. See plans"
    with_catalog(app, plans=())
    assert "hidden" in card(nobody).attributes


def test_paid_plan_without_an_allowance_has_no_monthly_limit(app):
    somebody = Subscriber.of(app, make_user("free-of-limits@example.com"))
    somebody.having(credits=0)
    assert card(somebody).text == (
        "Monthly allowance Plus gives you 500 credits each month. They show here as soon as they arrive."
    )
    plans = tuple(dataclasses.replace(plan, allowance_credits=0) for plan in parts().catalog.plans)
    with_catalog(app, plans=plans)
    found = card(somebody)
    assert found.text == "Monthly allowance No monthly limit. You use the credits you have."
    assert not found.all("div", role="meter")


def test_forecast_needs_three_days_with_use(one):
    used_daily(one, 27, 0, 27)
    assert "At your pace" not in card(one).text
    assert "on track to" not in card(one).text


def test_forecast_is_the_one_of_the_design(one):
    used_daily(one, *[42] * 3, *[18] * 2, *[27] * 8)
    spend(one.user.account_id, 36)
    text = card(one).text
    assert "414 of 500 credits used 83% used Resets in 11 days · 1 Dec" in text
    assert text.endswith(
        "At your pace (27 credits a day), the allowance lasts until about Mon 23 Nov. "
        "With busy days only (42 credits a day), until about Sat 21 Nov."
    )


def test_forecast_of_the_last_days_speaks_of_today_and_tomorrow(one):
    used_daily(one, 90, 200, 120)
    words = "At your pace (120 credits a day), the allowance runs out"
    assert card(one).text.endswith(f"{words} today."), "90 are left, and a day's use is still to come"
    spend(one.user.account_id, 80)
    assert card(one).text.endswith(f"{words} today."), "10 are left, and 40 of a day's use"


def test_forecast_past_the_reset_says_so_and_warns_of_busy_days(one):
    used_daily(one, 5, 5, 5, 5, 100)
    assert card(one).text.endswith("You're on track to the reset on 1 Dec."), "one busy day in five is no pace"
    used_daily(one, 60, 60, *[0] * 5)
    assert card(one).text.endswith(
        "You're on track to the reset on 1 Dec. With busy days only (60 credits a day), until about Mon 23 Nov."
    )


def test_forecast_is_not_given_where_it_would_mislead(one):
    used_daily(one, 100, 100, 100)
    account_id = one.user.account_id
    assert "At your pace (100 credits a day)" in card(one).text

    def pause(session):
        session.get_one(Account, account_id).spending_paused_at = NOW

    transact(pause)
    assert "pace" not in card(one).text


def test_used_up_allowance_has_no_forecast(one):
    grant(one.user.account_id, 1000)
    used_daily(one, 200, 200, 100)
    assert "pace" not in card(one).text


def test_days_are_those_of_the_account_and_written_for_the_reader(app):
    user = make_user("auckland@example.com", time_zone="Pacific/Auckland")
    one = Subscriber.of(app, user)
    one.having(period_ends_at=RENEWS)

    transact(lambda session: setattr(session.get_one(User, user.id), "locale", "en_PH"))
    used_daily(one, 100, 100, 100)
    text = card(one).text
    assert "Resets in 10 days · Dec 1" in text, "it is the 21st there"
    assert "lasts until about Sun, Nov 22." in text


def test_catalogue_of_money_speaks_of_money(app, one):
    with_catalog(app, display="money", unit=money_catalog().unit)
    used_daily(one, 100, 100, 100)
    text = card(one).text
    assert "$3.00 of $5.00 used" in text
    assert "At your pace ($1.00 a day), the allowance" in text
    assert "credits" not in text
