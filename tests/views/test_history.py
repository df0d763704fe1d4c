"""The history page (pages 4.6): rows, totals, filters and what is said where there is nothing."""

import datetime as dt
import re
from itertools import pairwise

import pytest
import time_machine

from tests.api.books import grant, spend, spends
from tests.support.money_back import refund_of, tell
from tests.support.people import make_user
from webapp.extensions import db, transact
from webapp.ledger import history as paging
from webapp.ledger.operations import capture, hold, release, reverse, void
from webapp.ledger.queries import history as entries_of
from webapp.web.history_filter import TABS

HISTORY = "/dashboard/history"
ROWS = "/partials/history-rows"
NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def user(app):
    """Somebody with welcome credits of three days ago."""
    with time_machine.travel(NOON - 3 * DAY, tick=False):
        return make_user("someone@example.com", name="Some One", welcome_credits=20)


@pytest.fixture
def shopper(shopper):
    """At noon of one day, from which everything else is counted."""
    with time_machine.travel(NOON, tick=False):
        yield shopper.of(shopper.app, shopper.user)


@pytest.fixture
def busy(shopper):
    """Everything but a dispute, over three days, on two pages."""
    account_id, then = shopper.user.account_id, NOON - 2 * DAY
    grant(
        account_id, 500, "allowance", description="November allowance", expires_at=NOON + 11 * DAY, now=NOON - 2 * DAY
    )
    grant(account_id, 40, "gift", expires_at=NOON - DAY, now=NOON - 2 * DAY)
    for number in range(20):
        spend(account_id, 3, meter="call_minute", quantity=1, now=then + dt.timedelta(minutes=number))
    told_late = {"occurred_at": NOON - 4 * DAY, "now": NOON - DAY + dt.timedelta(minutes=1)}
    used = spend(account_id, 36, description="Weekly report", meter="call_minute", quantity=12, **told_late)

    def work(session):
        lasts = {"lasts_seconds": 60, "now": NOON}
        first = hold(session, account_id, credits=30, key="h1", description="Night call", **lasts).entry.seq
        capture(session, account_id, hold_seq=first, credits=21, key="c1", now=NOON)
        second = hold(session, account_id, credits=12, key="h2", **lasts).entry.seq
        release(session, account_id, hold_seq=second, key="r2", now=NOON)
        reverse(session, account_id, entry_seq=used.entry.seq, credits=6, key="b", description="Failed", now=NOON)
        void(session, account_id, grant_seq=1, credits=1, key="v", description="Adjustment: twice", now=NOON)

    transact(work)
    shopper.granted("small")
    return shopper


def rows(page):
    return [node for node in page.root.all("li") if node.attributes.get("id", "").startswith("entry-")]


def row(page, seq):
    return page.with_id(f"entry-{seq}").text


def numbers(page):
    return [int(node.attributes["id"].removeprefix("entry-")) for node in rows(page)]


def all_pages(shopper, path):
    page = shopper.pages.open(path)
    yield page
    while page.has_id("show-older"):
        page = shopper.pages.open(page.with_id("show-older").attributes["href"])
        yield page


def test_the_rows_of_each_tab_are_the_ledgers(busy):
    for name, _ in TABS:
        found = [seq for page in all_pages(busy, f"{HISTORY}?type={name}") for seq in numbers(page)]
        entries = entries_of(db.session(), busy.user.account_id, type=name, limit=100, now=NOON).entries
        assert found == [entry.seq for entry in entries], name
        assert found, name
        tab = busy.pages.open(f"{HISTORY}?type={name}").with_id(f"tab-{name}")
        assert tab.attributes["aria-current"] == "true"


def test_the_balance_runs_on_across_the_edges_of_pages(busy):
    told = [re.findall(r"([+−]?[\d,]+) balance after: ([\d,]+)$", node.text)[0]
            for page in all_pages(busy, HISTORY) for node in rows(page)]  # fmt: skip
    numbers = [tuple(int(text.replace(",", "").replace("−", "-")) for text in pair) for pair in told]
    assert len(numbers) > 25
    for (change, after), (_, before) in pairwise(numbers):
        assert after == before + change


def test_rows_say_what_happened_and_which_lots_paid(busy):
    page = busy.pages.open(HISTORY)
    newest = numbers(page)[0]
    bought = busy.newest()
    told = {seq: row(page, seq) for seq in numbers(page)}
    entry = newest - 7
    assert told[newest] == (
        f"Small pack · $20.00 12:00 · {bought.reference} · Receipt {bought.reference} "
        f"Purchased, never expires Entry {newest} +500 balance after: 908"
    )
    lot = "November allowance, given 18 Nov, expires 1 Dec"
    assert told[newest - 1].startswith("Adjustment: twice 12:00 1 from bonus 1 from Welcome credits, given")
    assert told[newest - 2] == (
        f"Failed 12:00 · Returned · Outbound call 6 back to monthly 6 to {lot} "
        f"Entry {newest - 2}, returns entry {entry} +6 balance after: 409"
    )
    assert told[newest - 3] == (
        f"Not charged 12:00 12 back to monthly 12 to {lot} "
        f"Entry {newest - 3}, hold of entry {newest - 4} 0 balance after: 403"
    )
    assert told[newest - 4].startswith("On hold 12:00 12 from monthly")
    assert told[newest - 5].startswith("Usage 12:00 21 from monthly")
    assert told[newest - 6].startswith("Night call 12:00 · On hold 30 from monthly")
    assert told[entry].startswith(
        "Weekly report 12:01 · Outbound call · 12 min Happened Mon 16 Nov, 12:00. 36 from monthly"
    )
    assert told[entry - 1].startswith("Expired 12:00 40 from bonus 40 from Gift, given 18 Nov, expired 19 Nov")


def test_each_day_has_its_total_also_where_a_page_ends_in_it(busy):
    days = [[heading.text for heading in page.root.all("h3")] for page in all_pages(busy, HISTORY)]
    assert days[0] == ["Today in all: +484", "Yesterday in all: −76", "Wed 18 Nov in all: +480"]
    assert days[1] == ["Wed 18 Nov continued", "Tue 17 Nov in all: +20"]
    usage = [[heading.text for heading in page.root.all("h3")] for page in all_pages(busy, f"{HISTORY}?type=usage")]
    assert usage[0] == ["Today in all: −15", "Yesterday in all: −36", "Wed 18 Nov in all: −60"]
    assert usage[1] == ["Wed 18 Nov continued"]


def test_totals_add_up_and_say_so(busy):
    summary = busy.pages.open(HISTORY).with_id("history-summary").text
    assert summary == (
        "Totals Received 1,060 Used − 111 Expired − 40 Taken back − 1 Balance = 908 "
        "Adds up to your balance of 908. Ever purchased 500"
    )


def test_totals_of_holds_and_debts_say_what_the_balance_is_made_of(shopper):
    account_id = shopper.user.account_id
    transact(lambda session: hold(session, account_id, credits=8, key="h", lasts_seconds=60, now=NOON))
    assert "balance of 20: 12 available, 8 on hold." in shopper.pages.open(HISTORY).text
    bought = shopper.granted("small")
    spend(account_id, 510)
    tell(bought, refund_of(bought))
    page = shopper.pages.open(HISTORY)
    assert "Received 520 Used − 510 Expired − 0 Taken back − 500 Balance = −490" in page.text
    assert "Adds up to your balance of −490: 8 on hold, 498 owed." in page.text
    assert "498 had been used already: your next credits cover that first." in row(page, numbers(page)[0])
    assert row(page, numbers(page)[0]).startswith(f"Refund: Small pack · −$20.00 12:00 · {bought.reference}")
    grant(account_id, 500, "gift")
    page = shopper.pages.open(HISTORY)
    assert "498 covered what you owed." in row(page, numbers(page)[0])


def test_a_payment_on_its_way_stands_on_top(shopper):
    shopper.come_back(shopper.paid("popular", outcome="delayed_succeeds"))
    with time_machine.travel(NOON + dt.timedelta(minutes=1), tick=False):
        left = shopper.left("small")
        page = shopper.pages.open(HISTORY)
    pending = [node for node in page.root if node.attributes.get("id", "").startswith("pending-")]
    assert [node.text.partition(" ·")[0] for node in pending] == ["Popular pack"]
    assert "Processing 1,000 on the way" in pending[0].text
    assert left.reference not in page.with_id("history-summary").text, "a checkout that was left is no payment"


FILTERS = [
    ("q=WEEKLY", ["Weekly report"], 1),
    ("q=not+charged", ["Not charged"], 1),
    ("q=returned", ["Failed"], 1),
    ("q=small", ["Small pack · $20.00"], 1),
    ("q=outbound&from=2026-11-19", ["Weekly report", "Failed"], 2),
    ("from=2026-11-19&to=2026-11-19", ["Weekly report", "Expired"], 2),
    ("to=2026-11-18", ["Outbound call · 1 min"], 23),
    ("type=usage&q=%25", [], 0),
]


def test_filters_leave_out_the_others(busy):
    for query, words, number in FILTERS:
        page = busy.pages.open(f"{HISTORY}?{query}")
        found = rows(page)
        assert len(found) == number
        for text in words:
            assert any(node.text.startswith(text) for node in found), text


def test_a_purchase_is_found_by_its_reference_with_its_refund(busy):
    bought = busy.newest()
    tell(bought, refund_of(bought))
    found = rows(busy.pages.open(f"{HISTORY}?q={bought.reference.lower()}"))
    assert [node.text.partition(" 12:00")[0] for node in found] == [
        "Refund: Small pack · −$20.00",
        "Small pack · $20.00 Refunded",
    ]


def test_days_are_those_of_the_accounts_zone(app, user, shopper):
    from webapp.ledger.operations import set_time_zone

    transact(lambda session: set_time_zone(session, user.account_id, "Pacific/Kiritimati"))  # 14 hours ahead
    spend(user.account_id, 1, description="late", now=dt.datetime(2026, 11, 18, 10, 0, tzinfo=dt.UTC))
    spend(user.account_id, 1, description="early", now=dt.datetime(2026, 11, 18, 9, 59, tzinfo=dt.UTC))
    for day, expected in (("2026-11-18", ["early"]), ("2026-11-19", ["late"])):
        found = rows(shopper.pages.open(f"{HISTORY}?type=usage&from={day}&to={day}"))
        assert [node.text.split()[0] for node in found] == expected


NOTHINGS = [
    ("type=refunds", "No refunds or adjustments yet Show everything"),
    (
        "type=refunds&from=2026-11-01&to=2026-11-20",
        "No refunds or adjustments between 1 Nov and 20 Nov Clear filters",
    ),
    ("type=usage&q=a<b", "No usage with “a<b” Clear filters"),
    ("from=2026-11-21", "Nothing since 21 Nov Clear filters"),
    ("to=2025-11-20", "Nothing up to 20 Nov 2025 Clear filters"),
    ("type=expired&from=2026-11-20&to=2026-11-20", "Nothing expired on 20 Nov Clear filters"),
    ("after=1", "Nothing before that Show everything"),
]


def test_nothing_found_says_what_was_looked_for_and_offers_the_way_back(shopper):
    for query, words in NOTHINGS:
        assert shopper.pages.open(f"{HISTORY}?{query}").with_id("history-rows").text.endswith(words)


def test_clearing_the_filters_keeps_the_tab(shopper):
    page = shopper.pages.open(f"{HISTORY}?type=usage&q=x&from=2026-11-01")
    assert page.links()["Clear filters"] == f"{HISTORY}?type=usage"


def test_a_new_account_is_told_what_will_be_here(stranger):
    page = stranger.pages.open(HISTORY)
    assert "Nothing here yet Purchases, usage and refunds will show up here" in page.text
    assert page.links()["Buy your first credits"] == "/dashboard/credits"


UNREADABLE = [
    ("from=yesterday", "from", "Choose a day, like 2026-11-20."),
    ("to=2026-02-30", "to", "Choose a day, like 2026-11-20."),
    ("from=0026-11-20", "from", "Choose a day, like 2026-11-20."),
    ("to=2026-11-20T10:00", "to", "Choose a day, like 2026-11-20."),
    ("from=2026-11-20&to=2026-11-19", "to", "The last day is before the first. Choose a later one."),
    (f"q={'x' * 101}", "q", "Search for at most 100 characters."),
    ("q=%00", "q", "Search for letters, digits and signs only."),
]


def test_what_cant_be_read_is_told_at_its_field(shopper):
    for query, field, words in UNREADABLE:
        page = shopper.pages.open(f"{HISTORY}?{query}&type=usage", status=422)
        assert page.with_id(f"history-{field}-fault").text == words
        assert page.with_id(f"history-{field}").attributes["aria-invalid"] == "true"
        assert page.title.startswith("Error: ")
        assert rows(page) == []
        partial = shopper.pages.partial(f"{ROWS}?{query}", status=422)
        assert partial.with_id(f"history-{field}-fault").text == words
        assert partial.response.headers["HX-Reswap"] == "none"
        assert "HX-Push-Url" not in partial.response.headers


NOWHERE = ["after=0", "after=x", "after=-1", f"after={'9' * 19}", "type=everything"]


def test_a_place_or_list_that_is_not_there_leads_to_the_newest(shopper):
    for query in NOWHERE:
        page = shopper.pages.open(f"{HISTORY}?{query}", status=422)
        assert page.links()["Show the newest entries"] == HISTORY
        shopper.pages.partial(f"{ROWS}?{query}", status=422)


def test_the_filter_makes_an_address_that_can_be_shared(busy):
    asked = "type=usage&q=call&from=2026-11-18&to=2026-11-20"
    partial = busy.pages.partial(f"{ROWS}?{asked}")
    assert partial.response.headers["HX-Push-Url"] == f"{HISTORY}?{asked}"
    cold = busy.pages.open(partial.response.headers["HX-Push-Url"])
    assert numbers(cold) == numbers(partial)
    assert cold.with_id("history-q").attributes["value"] == "call"
    tidy = busy.pages.partial(f"{ROWS}?q=+&from=&to=").response.headers["HX-Push-Url"]
    assert tidy == HISTORY


def test_older_rows_are_announced_and_make_no_address(busy):
    page = busy.pages.open(HISTORY)
    older = page.with_id("show-older")
    assert older.attributes["hx-get"] == older.attributes["href"].replace(HISTORY, ROWS)
    partial = busy.pages.partial(older.attributes["hx-get"])
    assert partial.with_id("live").text == f"{len(rows(partial))} more rows. That is all."
    assert "HX-Push-Url" not in partial.response.headers
    assert busy.pages.partial(f"{ROWS}?q=weekly").with_id("live").text == "1 row. That is all."
    assert not busy.pages.partial(ROWS).has_id("live")


def test_a_search_that_was_cut_says_how_far_it_looked_and_goes_on(busy, monkeypatch):
    monkeypatch.setattr(paging, "SEARCHED_AT_ONCE", 10)
    spends(busy.user.account_id, [1] * 10)
    page = busy.pages.open(f"{HISTORY}?q=weekly")
    assert (
        "Nothing with “weekly” so far Looked back to 20 Nov. There is more before that. Look further back" in page.text
    )
    found = [seq for one in all_pages(busy, f"{HISTORY}?q=weekly") for seq in numbers(one)]
    assert len(found) == 1


def test_text_of_others_is_inert(shopper):
    spend(shopper.user.account_id, 1, description="<script>alert(1)</script>")
    page = shopper.pages.open(f"{HISTORY}?q=<script>")
    assert "<script>alert" not in page.html
    assert row(page, numbers(page)[0]).startswith("<script>alert(1)</script>")


def test_another_users_entries_are_nobody_elses(busy, stranger):
    assert numbers(stranger.of(busy.app, stranger.user).pages.open(HISTORY)) == []


def test_the_dashboard_leads_to_the_history(shopper):
    page = shopper.pages.open("/dashboard")
    assert page.links()["View history"] == HISTORY
