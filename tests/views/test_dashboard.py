"""The dashboard: the balance card and recent activity (pages 4.2)."""

import datetime as dt
import re

import time_machine

from tests.api.books import grant, lapsing_grant, spend
from webapp.extensions import transact
from webapp.ledger.models import Account
from webapp.orm import utc_now
from webapp.web.pages.balance_card import shares

NOON = dt.datetime(2026, 11, 20, 11, 0, tzinfo=dt.UTC)


def in_days(days: float) -> dt.datetime:
    return utc_now() + dt.timedelta(days=days)


def test_bare_address_leads_to_the_dashboard_or_to_sign_in(shopper, anonymous):
    assert shopper.pages.client.get("/").location == "/dashboard"
    assert anonymous.client.get("/").location == "/login"
    assert anonymous.client.get("/").status_code == 303
    answer = anonymous.client.get("/dashboard")
    assert (answer.status_code, answer.location) == (303, "/login?next=/dashboard")


def test_new_account_is_told_of_its_welcome_credits_and_has_one_way_on(shopper):
    page = shopper.pages.open("/dashboard")
    assert page.heading == "Dashboard"
    assert "You have 20 credits to try things out" in page.text
    assert page.with_id("balance-card").text == (
        "Available balance 20 credits $1.00 (~6 min) Buy credits Bonus 20 Never expires"
    )
    row = page.with_id("recent-activity").all("li")[0]
    assert row.text.startswith("Welcome credits Today, ")
    assert row.text.endswith("+20 balance after: 20")


def test_welcome_goes_once_credits_are_used(shopper):
    spend(shopper.user.account_id, 3)
    assert "to try things out" not in shopper.pages.open("/dashboard").text


def test_balance_card_tells_each_source_in_burn_order_with_its_end(shopper):
    with time_machine.travel(NOON, tick=False):
        grant(shopper.user.account_id, 86, "allowance", expires_at=dt.datetime(2026, 12, 1, tzinfo=dt.UTC))
        grant(shopper.user.account_id, 824)
    with time_machine.travel(NOON + dt.timedelta(hours=1), tick=False):
        shopper = shopper.of(shopper.app, shopper.user)
        card = shopper.pages.open("/dashboard").with_id("balance-card")
    assert card.text == (
        "Available balance 930 credits $46.50 (~310 min) Buy credits "
        "Monthly 86 Used first · resets 1 Dec Bonus 20 Used next · never expires "
        "Purchased 824 Used last · never expires Ever purchased 824 · ever used 0"
    )
    (bar,) = card.all("svg", role="img")
    assert bar.attributes["aria-label"] == "Balance by source: 86 monthly, 20 bonus, 824 purchased"
    widths = [rect.attributes["width"] for rect in bar.all("rect")]
    assert widths == ["9.24%", "2.15%", "88.61%"]
    assert [rect.attributes["x"] for rect in bar.all("rect")] == ["0.00%", "9.24%", "11.39%"]


def test_first_lot_to_go_is_not_mistaken_for_all_of_its_source(shopper):
    grant(shopper.user.account_id, 30, "bonus", expires_at=in_days(20))
    grant(shopper.user.account_id, 50, "gift", expires_at=in_days(40))
    text = shopper.pages.open("/dashboard").with_id("balance-card").text
    assert re.search(r"Bonus 100 30 until \d+ (Dec|Nov|Jan)", text), text


def test_bar_parts_are_never_invisible_and_add_up():
    assert shares([]) == []
    assert shares([5]) == [10000]
    for parts in ([1, 10**9], [10**9, 1, 1], [1, 1, 1], [7, 2, 3], [1, 99_999, 1]):
        widths = shares(parts)
        assert sum(widths) == 10000
        assert min(widths) >= 100


def test_debt_holds_and_disputes_are_never_hidden(shopper):
    def owe(session):
        account = session.get_one(Account, shopper.user.account_id)
        account.available, account.debt, account.held, account.frozen = 0, 12, 24, 7

    spend(shopper.user.account_id, 20)
    transact(owe)
    page = shopper.pages.open("/dashboard")
    card = page.with_id("balance-card").text
    assert "−12 credits −$0.60 (0 min)" in card
    assert card.startswith("Balance −12 credits"), "what is owed is not available"
    assert "Your next credits cover it first." in card
    assert "24 on hold for work in progress." in card
    assert "7 on hold while a payment is disputed." in card
    assert page.with_id("balance-badge").text.startswith("−12 credits low")
    assert page.with_id("alert-debt").text == "−12 credits Your next credits cover it first. Buy credits"
    assert not page.has_id("alert-empty"), "one banner says it"


def test_activity_shows_six_lines_with_the_running_balance(shopper):
    account_id = shopper.user.account_id
    spend(account_id, 6, meter="call_minute", quantity=2)
    spend(account_id, 3, meter="transcript", quantity=3)
    spend(account_id, 1, description="A word <b>of ours</b>")
    shopper.granted("small")
    grant(account_id, 5, "gift")
    spend(account_id, 15)
    page = shopper.pages.open("/dashboard")
    rows = page.with_id("recent-activity").all("li")
    words = [re.sub(r" Today, \d\d:\d\d", "", row.text).replace("balance after: ", "= ") for row in rows]
    assert words == [
        "Usage −15 = 500",
        "Gift +5 = 515",
        "Small pack · $20.00 +500 = 510",
        "A word <b>of ours</b> −1 = 10",
        "Transcript · 3 pages −3 = 11",
        "Outbound call · 2 min −6 = 14",
    ]
    icons = [row.all("use")[0].attributes["href"].partition("#i-")[2] for row in rows]
    assert icons == ["minus", "gift", "bag", "minus", "minus", "phone-out"]
    assert "<b>of ours" not in page.html


def test_expired_credits_are_gone_from_the_number_and_told_in_the_history(shopper):
    lapsing_grant(shopper.user.account_id, 40)
    page = shopper.pages.open("/dashboard")
    assert page.with_id("balance-badge").text.startswith("20 credits")
    assert page.with_id("recent-activity").all("li")[0].text.startswith("Expired Today")
    assert "−40 balance after: 20" in page.text


def test_times_stand_in_the_zone_of_the_account(shopper):
    def move(session):
        session.get_one(Account, shopper.user.account_id).time_zone = "Pacific/Auckland"

    transact(move)
    with time_machine.travel(NOON, tick=False):
        shopper = shopper.of(shopper.app, shopper.user)
        spend(shopper.user.account_id, 1)
        page = shopper.pages.open("/dashboard")
    assert "Times shown in Pacific/Auckland." in page.text
    assert "Free plan · Sat 21 Nov" in page.text
    (time,) = page.with_id("recent-activity").all("li")[0].all("time")
    assert (time.attributes["datetime"], time.text) == ("2026-11-20T11:00:00Z", "Today, 00:00")
