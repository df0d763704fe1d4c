"""Usage: the page of its own and the dashboard's panel (pages 4.2, 4.7). Bars, table, total and ledger are one sum."""

import dataclasses
import datetime as dt
import re
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.api import books
from tests.api.books import grant
from tests.support.samples import money_catalog
from webapp.extensions import parts, transact
from webapp.ledger.operations import SpendLine, reverse, set_time_zone, spend_batch
from webapp.ledger.usage import Usage, count_usage
from webapp.orm import utc_now
from webapp.people.keyring import create_key, revoke_own_key
from webapp.web.pages.usage_chart import HIGH

USAGE = "/dashboard/usage"
NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)  # a Friday
DAY = dt.timedelta(days=1)
A_DAY = (("call_minute", 12), ("transcript", 5), ("", 3))


@pytest.fixture(autouse=True)
def friday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def used(shopper, friday):
    """Some One after 59 days: 20 credits a day from Monday to Friday, of three meters and from three sources."""
    shopper = shopper.of(shopper.app, shopper.user)
    account_id = shopper.user.account_id
    grant(account_id, 300, "allowance", expires_at=NOW + DAY)
    grant(account_id, 5000)
    days = [at for days_ago in range(58, -1, -1) if (at := NOW - days_ago * DAY).weekday() < 5]
    lines = [
        SpendLine(account_id=account_id, credits=used, meter=meter, key=f"{at}:{meter}", occurred_at=at)
        for at in days
        for meter, used in A_DAY
    ]
    transact(lambda session: spend_batch(session, lines, now=NOW))
    return shopper


def key(name, account_id=None):
    """A new API key; without an account one of the product's."""

    def make(session):
        made, _ = create_key(session, account_id=account_id, name=name, scopes=("spend",), now=utc_now())
        return made.id

    return transact(make)


def figures(page, card="usage-card"):
    """The figures of a card by their name."""
    (stats,) = page.with_id(card).all("dl")
    return {row.all("dt")[0].text: row.all("dd")[0].text for row in stats.all("div")}


def table(page):
    """The head and the rows of the table beside the chart; the last row is the sum."""
    (drawn,) = page.root.all("table")
    head, *rows = ([cell.text for cell in row if cell.tag in {"th", "td"}] for row in drawn.all("tr"))
    return head, rows


def numbers(row):
    return [int(text.replace(",", "")) for text in row[1:]]


def bars(page):
    """How high each bar of each series is drawn, in credits: one list a series, without the gaps."""
    (top,) = [float(text.replace(",", "")) for text in [scale(page)[0]]]
    heights = []
    for path in page.root.all("path"):
        strokes = re.findall(r"M\d+ (-?\d+)V(-?\d+)H\d+V\1", path.attributes["d"])
        heights.append([round((int(low) - int(high)) * top / HIGH) for low, high in strokes])
    return heights


def scale(page):
    (side,) = [node for node in page.root if "chart__y" in node.classes]
    return [mark.text for mark in side.all("span")]


def image(page):
    return next(svg for svg in page.root.all("svg") if svg.attributes.get("role") == "img" and svg.all("path"))


@pytest.mark.parametrize("query", ["", "?split=source", "?split=key", "?period=90", "?period=90&by=day", "?by=month"])
def test_bars_table_and_total_are_one_sum(used, query):
    page = used.pages.open(USAGE + query)
    head, (*rows, sums) = table(page)
    columns = list(zip(*(numbers(row) for row in rows), strict=True))
    assert [sum(column) for column in columns] == numbers(sums), "the last row adds up the rows"
    assert all(sum(row[:-1]) == row[-1] for row in map(numbers, rows)), "the last column adds up the columns"
    assert int(figures(page)["Used"].replace(",", "")) == numbers(sums)[-1]
    drawn = [[number for number in column if number] for column in columns[:-1]]
    assert bars(page) == drawn, "each bar is as high as its cell says"
    assert len(head) == len(drawn) + 2


def test_bars_of_one_day_stand_on_each_other(used):
    floors = {}
    for path in used.pages.open(f"{USAGE}?split=source&period=90").root.all("path"):
        for left, low, high in re.findall(r"M(\d+) (\d+)V(\d+)", path.attributes["d"]):
            assert floors.get(left, HIGH) == int(low)
            floors[left] = int(high)
    assert len(floors) == 9, "weeks"


def test_the_whole_of_it_is_what_the_ledger_says_was_used(used):
    page = used.pages.open(f"{USAGE}?period=90")
    ever_used = re.search(r"ever used ([\d,]+)", used.pages.open("/dashboard").text).group(1)
    assert figures(page)["Used"] == ever_used == "860"


def test_figures_say_how_much_it_was_worth_a_day_how_often_and_against_before(used):
    page = used.pages.open(USAGE)
    assert figures(page) == {"Used": "440", "Worth": "$22.00", "Daily average": "14.7", "Uses": "66"}
    assert page.with_id("usage-change").text == "5% more than the 30 days before"
    assert image(page).attributes["aria-label"] == (
        "Used per day, 22 Oct to 20 Nov: 440 credits in total. Busiest day: Thu 22 Oct with 20 credits."
    )
    shares = [item.text for item in page.with_id("breakdown-card").all("li")]
    assert shares == ["Outbound call 264 60%", "Transcript 110 25%", "Without a meter 66 15%"]


def test_days_without_use_are_gaps_and_have_no_row(used):
    _, rows = table(used.pages.open(f"{USAGE}?period=7"))
    assert [row[0] for row in rows] == ["Mon 16 Nov", "Tue 17 Nov", "Wed 18 Nov", "Thu 19 Nov", "Fri 20 Nov", "All"]


def test_weeks_begin_on_monday(used):
    _, rows = table(used.pages.open(f"{USAGE}?period=30&by=week"))
    assert [row[0] for row in rows][:2] == ["22 Oct to 25 Oct", "26 Oct to 1 Nov"]
    assert [row[-1] for row in rows] == ["40", "100", "100", "100", "100", "440"]


def test_sources_are_named_as_people_know_them_and_look_as_on_the_balance_card(used):
    page = used.pages.open(f"{USAGE}?split=source&period=90")
    head, (*_, sums) = table(page)
    assert head[1:-1] == ["Monthly allowance", "Bonus", "Purchased"]
    assert sum(numbers(sums)[:-1]) == 860
    looks = [rect.attributes["fill"] for rect in image(page).all("rect") if "clip-path" in rect.attributes]
    assert looks == ["url(#look-1)", "url(#look-3)", "url(#look-2)"]
    assert "Where it came from" in page.text


def test_meters_that_left_the_catalogue_keep_their_slug(shopper):
    shopper = shopper.of(shopper.app, shopper.user)
    books.spend(shopper.user.account_id, 5, meter="fax_page", quantity=1)
    assert table(shopper.pages.open(USAGE))[0] == ["Day", "fax_page", "All"]


def test_keys_are_told_by_their_name_revoked_ones_and_those_of_the_product_too(shopper, stranger):
    shopper = shopper.of(shopper.app, shopper.user)
    account_id = shopper.user.account_id
    ids = [key("Server <b>", account_id), key("Twice", account_id), key("Twice", account_id)]
    ids += [key("Ours"), key("Ours too"), 0, key("Secret plans", stranger.user.account_id)]
    grant(account_id, 50)
    for number, key_id in enumerate(ids, start=1):
        books.spend(account_id, number, key_id=key_id)
    transact(lambda session: revoke_own_key(session, account_id, ids[0], now=utc_now()))
    page = shopper.pages.open(f"{USAGE}?split=key")
    shares = {item.all("span")[0].text: item.all("span")[1].text for item in page.with_id("breakdown-card").all("li")}
    assert shares["The product"] == "9 32%"
    assert shares["Without a key"] == "6 21%"
    assert shares["Server <b>"] == "1 4%"
    assert shares["Another key"] == "7 25%"
    assert sorted(int(shares[name].split()[0]) for name in ("Twice", "Twice (2)")) == [2, 3]
    assert "<b>" not in page.html.replace("&lt;b&gt;", "")


def test_many_kinds_are_five_bars_and_the_rest_together(shopper):
    shopper = shopper.of(shopper.app, shopper.user)
    grant(shopper.user.account_id, 1000)
    for number in range(8):
        books.spend(shopper.user.account_id, 10 + number, meter=f"meter_{number}", quantity=1)
    page = shopper.pages.open(USAGE)
    assert table(page)[0] == ["Day", "meter_7", "meter_6", "meter_5", "meter_4", "Other", "All"]
    assert table(page)[1][-1] == ["All", "17", "16", "15", "14", "46", "108"]
    assert [item.all("span")[0].text for item in page.with_id("breakdown-card").all("li")] == [
        *(f"meter_{number}" for number in (7, 6, 5, 4, 3)),
        "Other",
    ]


def test_one_giant_day_does_not_hide_that_the_others_had_some(shopper):
    shopper = shopper.of(shopper.app, shopper.user)
    grant(shopper.user.account_id, 10**9, now=NOW - 3 * DAY)
    books.spend(shopper.user.account_id, 1, now=NOW - 2 * DAY)
    books.spend(shopper.user.account_id, 999_999_937, now=NOW)
    page = shopper.pages.open(USAGE)
    assert scale(page)[0] == "1,000,000,000"
    (path,) = image(page).all("path")
    strokes = re.findall(r"M\d+ (\d+)V(\d+)", path.attributes["d"])
    assert len(strokes) == 2
    assert all(int(low) > int(high) for low, high in strokes)
    assert figures(page)["Used"] == "999,999,938"


def test_what_was_returned_was_not_used(shopper):
    shopper = shopper.of(shopper.app, shopper.user)
    posted = books.spend(shopper.user.account_id, 10, meter="transcript", quantity=10)
    transact(
        lambda session: reverse(
            session, shopper.user.account_id, posted.entry.seq, credits=None, key="back", now=utc_now()
        )
    )
    page = shopper.pages.open(USAGE)
    assert figures(page)["Used"] == "0"
    assert "Nothing was used in these days." in page.text
    assert not page.has_id("breakdown-card")


@pytest.mark.parametrize(
    ("zone", "month", "hours"),
    [
        ("Europe/Berlin", 3, {28: 24, 29: 23, 30: 24}),
        ("Europe/Berlin", 10, {24: 24, 25: 25, 26: 24}),
        ("America/New_York", 3, {7: 24, 8: 23, 9: 24}),
        ("America/New_York", 11, {1: 25, 2: 24}),
    ],
)
def test_each_hour_around_a_clock_change_counts_on_the_day_it_fell_on(shopper, zone, month, hours):
    account_id = shopper.user.account_id
    begins_at = dt.datetime(2026, month, min(hours), tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    instants = [begins_at + dt.timedelta(hours=hour) for hour in range(sum(hours.values()))]
    with time_machine.travel(instants[-1], tick=False):
        shopper = shopper.of(shopper.app, shopper.user)
        transact(lambda session: set_time_zone(session, account_id, zone))
        grant(account_id, 500, now=begins_at - DAY)
        lines = [SpendLine(account_id=account_id, credits=1, key=f"{at}", occurred_at=at) for at in instants]
        transact(lambda session: spend_batch(session, lines, now=utc_now()))
        first_on, last_on = (dt.date(2026, month, day(hours)) for day in (min, max))
        _, rows = table(shopper.pages.open(f"{USAGE}?from={first_on}&to={last_on}"))
    assert [int(row[-1]) for row in rows] == [*hours.values(), len(instants)]
    assert [int(row[0].split()[1]) for row in rows[:-1]] == list(hours)


def test_today_is_the_day_it_is_in_the_zone_of_the_account(shopper):
    transact(lambda session: set_time_zone(session, shopper.user.account_id, "Pacific/Auckland"))
    shopper = shopper.of(shopper.app, shopper.user)
    books.spend(shopper.user.account_id, 7)
    for page in (shopper.pages.open(f"{USAGE}?period=7"), shopper.pages.open("/dashboard?days=7")):
        assert table(page)[1] == [["Sat 21 Nov", "7", "7"], ["All", "7", "7"]]


def test_in_a_catalogue_of_money_usage_is_money(shopper):
    shopper.app.extensions["refill"] = dataclasses.replace(parts(), catalog=money_catalog())
    shopper = shopper.of(shopper.app, shopper.user)
    grant(shopper.user.account_id, 1000)
    books.spend(shopper.user.account_id, 735, meter="call_minute", quantity=49)
    page = shopper.pages.open(USAGE)
    assert figures(page) == {"Used": "$7.35", "Daily average": "$0.24", "Uses": "1"}
    assert scale(page) == ["$8.00", "$6.00", "$4.00", "$2.00", "$0.00"]
    assert table(page)[1][-1][-1] == "$7.35"


def test_a_new_account_is_told_what_will_show_up_and_sees_no_empty_chart(shopper):
    shopper = shopper.of(shopper.app, shopper.user)
    words = "No usage yet. Your first call will show up within a minute."
    page, dashboard = shopper.pages.open(USAGE), shopper.pages.open("/dashboard")
    assert "No usage yet Your first call will show up within a minute." in page.with_id("usage-card").text
    assert words in dashboard.with_id("usage-panel").text
    assert not dashboard.root.all("path")
    assert "hidden" in dashboard.with_id("breakdown-card").attributes


def test_other_people_see_nothing_of_it(used, stranger):
    stranger = stranger.of(stranger.app, stranger.user)
    for path in (f"{USAGE}?period=90&split=key", "/dashboard?days=90"):
        assert "No usage yet" in stranger.pages.open(path).text


def test_a_period_that_cannot_be_read_is_422_with_a_sentence_at_its_field(used):
    page = used.pages.open(f"{USAGE}?from=2026-11-21&to=x", status=422)
    assert page.title.startswith("Error: Usage")
    assert page.with_id("usage-from-fault").text == "That day is still to come. Choose today or an earlier one."
    assert page.with_id("usage-to-fault").text == "Choose a day, like 2026-11-20."
    assert page.with_id("usage-from").attributes["value"] == "2026-11-21"
    assert page.with_id("usage-to").attributes["aria-invalid"] == "true"
    assert not page.root.all("path")
    partial = used.pages.partial("/partials/usage-report?from=2026-11-21&to=x", status=422)
    assert "HX-Push-Url" not in partial.response.headers


def test_two_dates_are_a_period_of_their_own_without_a_script(used):
    form = used.pages.open(f"{USAGE}?split=source").with_id("usage-days")
    sent = {field.attributes["name"]: field.attributes["value"] for field in form.all("input")}
    assert sent == {"split": "source", "from": "2026-10-22", "to": "2026-11-20"}
    query = urlencode(sent | {"from": "2026-11-09", "to": "2026-11-15"})
    chosen = used.pages.open(f"{form.attributes['action']}?{query}")
    assert table(chosen)[0] == ["Day", "Purchased", "All"]
    assert chosen.with_id("use-t").text == "9 Nov to 15 Nov"
    assert figures(chosen)["Used"] == "100"
    assert chosen.with_id("usage-change").text == "The same as the 7 days before"


def test_a_link_of_the_page_asks_for_the_panel_and_makes_an_address_to_share(used):
    page = used.pages.open(USAGE)
    link = page.with_id("period-90")
    assert link.attributes["href"] == f"{USAGE}?period=90"
    partial = used.pages.partial(link.attributes["hx-get"])
    assert partial.response.headers["HX-Push-Url"] == f"{USAGE}?period=90"
    assert partial.with_id("live").text == "860 credits used, 23 Aug to 20 Nov."
    assert partial.with_id("period-90").attributes["aria-current"] == "true"
    refreshed = used.pages.partial(page.with_id("usage-report").attributes["hx-get"])
    assert "HX-Push-Url" not in refreshed.response.headers
    assert not refreshed.has_id("live")


def test_the_dashboard_shows_three_periods_and_where_they_went(used):
    page = used.pages.open("/dashboard?days=7")
    assert figures(page, "usage-panel") == {"Used": "100", "Worth": "$5.00", "Daily average": "14.3"}
    assert page.with_id("breakdown-card").text == (
        "Where it went 7 days Outbound call 60 60% Transcript 25 25% Without a meter 15 15%"
    )
    assert table(page)[0] == ["Day", "Purchased", "All"]
    partial = used.pages.partial(page.with_id("usage-90").attributes["hx-get"])
    assert partial.response.headers["HX-Push-Url"] == "/dashboard?days=90"
    assert partial.with_id("breakdown-card").attributes["hx-swap-oob"] == "true"
    assert figures(partial, "usage-panel")["Used"] == "860"
    assert table(partial)[0] == ["Week", "Monthly allowance", "Bonus", "Purchased", "All"]
    quiet = used.pages.partial(page.with_id("usage-panel").attributes["hx-get"])
    assert "HX-Push-Url" not in quiet.response.headers
    assert not quiet.has_id("breakdown-card")
    assert figures(quiet, "usage-panel")["Used"] == "100", "what refreshes by itself keeps the days that were chosen"


def test_an_account_that_rests_is_told_so_and_keeps_its_choice_of_days(shopper):
    grant(shopper.user.account_id, 50, now=NOW - 50 * DAY)
    books.spend(shopper.user.account_id, 5, now=NOW - 40 * DAY)
    shopper = shopper.of(shopper.app, shopper.user)
    page = shopper.pages.open("/dashboard")
    assert "Nothing was used in the last 30 days." in page.with_id("usage-panel").text
    assert page.has_id("usage-90")


def test_even_ninety_days_of_many_kinds_are_a_small_page(shopper):
    shopper = shopper.of(shopper.app, shopper.user)
    account_id, today = shopper.user.account_id, NOW.date()
    uses = [
        Usage(account_id, today - days_ago * DAY, f"meter_{number}", 0, "bonus", 1000 * (number + 1) + days_ago, 1)
        for days_ago in range(92)
        for number in range(6)
    ]
    transact(lambda session: count_usage(session, uses))
    page = shopper.pages.open(f"{USAGE}?from=2026-08-21&to=2026-11-20&by=day")
    assert len(table(page)[1]) == 93
    assert table(page)[0] == ["Day", "meter_5", "meter_4", "meter_3", "Other", "All"]
    assert len(page.response.data) < 38 * 1024
