"""History in the browser: filter, older rows, Back, and the same without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.api.books import spend
from tests.browser.stage import COOKIE, Stage
from tests.browser.states_of_history import HISTORY, busy, of_many_entries

pytestmark = pytest.mark.browser


@pytest.fixture
def reader(site):
    """Somebody with two pages of history."""
    stage = Stage.of(site)
    with stage.app.app_context():
        yield busy(stage)


def come_in(page, reader, site):
    cookie = reader.pages.client.get_cookie(COOKIE)
    page.context.add_cookies([{"name": COOKIE, "value": cookie.value, "url": site.url}])
    page.goto("/dashboard")
    page.get_by_role("link", name="View history").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("History")


def rows(page):
    return page.locator("#history-rows .feed > li")


def test_filter_older_rows_and_back(open_browser, site, reader):
    page = open_browser()
    come_in(page, reader, site)
    expect(rows(page)).to_have_count(25)
    page.locator("#show-older").click()
    expect(rows(page)).to_have_count(37)
    expect(page.locator("#live")).to_have_text("12 more rows. That is all.")
    expect(page.locator("#show-older")).to_have_count(0)
    assert page.url == f"{site.url}{HISTORY}"

    page.get_by_label("Search").press_sequentially("weekly")
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#live")).to_have_text("1 row. That is all.")
    expect(page).to_have_url(f"{site.url}{HISTORY}?q=weekly")
    expect(page.get_by_label("Search")).to_be_focused()
    rows(page).locator("summary").click()
    expect(rows(page).locator(".lots")).to_contain_text("36 from November allowance")

    page.get_by_label("From").fill("2026-01-02")
    expect(page).to_have_url(re.compile("from=2026-01-02"))
    page.get_by_role("link", name="Refunds and adjustments").click()
    expect(page).to_have_url(re.compile(r"type=refunds&q=weekly&from=2026-01-02"))
    page.go_back()
    expect(page.get_by_label("From")).to_have_value("2026-01-02")
    expect(rows(page)).to_have_count(1)
    page.go_back()
    expect(page).to_have_url(f"{site.url}{HISTORY}?q=weekly")
    expect(page.get_by_label("From")).to_have_value("")
    expect(page.get_by_label("Search")).to_have_value("weekly")
    page.go_back()
    expect(rows(page)).to_have_count(25)


def test_a_filter_that_cant_be_read_is_told_at_its_field_and_keeps_the_list(open_browser, site, reader):
    page = open_browser(expect_complaints=True)  # the browser itself notes each 422
    come_in(page, reader, site)
    page.get_by_label("From").fill("2026-01-02")
    page.get_by_label("To", exact=True).fill("2026-01-01")
    expect(page.locator("#history-to-fault")).to_have_text("The last day is before the first. Choose a later one.")
    expect(rows(page)).to_have_count(25)
    expect(page.get_by_label("To", exact=True)).to_be_focused()
    page.get_by_label("To", exact=True).fill("2026-01-03")
    expect(page.locator("#history-to-fault")).to_be_empty()
    expect(page.locator("#history-rows")).to_contain_text("Nothing between")


def test_a_search_that_has_found_nothing_yet_goes_on_in_its_place(open_browser, site):
    stage = Stage.of(site)
    with stage.app.app_context():
        searcher = of_many_entries(stage)
        spend(searcher.user.account_id, 1, description="newest of all")
    page = open_browser()
    come_in(page, searcher, site)
    page.get_by_label("Search").fill("no such words")
    expect(page.locator("#history-rows")).to_contain_text("Nothing with “no such words” so far")
    page.get_by_role("link", name="Look further back").click()
    expect(page.locator("#history-rows")).to_contain_text("Nothing with “no such words” before that")
    expect(page.locator("#live")).to_have_text("Nothing with “no such words” before that.")
    expect(page.get_by_role("link", name="Look further back")).to_have_count(0)


def test_everything_works_without_javascript(open_browser, site, reader):
    page = open_browser(java_script_enabled=False, cdn="unreachable")
    come_in(page, reader, site)
    page.get_by_role("link", name="Show older").click()
    expect(rows(page)).to_have_count(12)
    page.get_by_role("link", name="Back to the newest").click()
    page.locator("#tab-usage").click()
    page.get_by_label("Search").fill("weekly")
    page.get_by_role("button", name="Find").click()
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#tab-usage")).to_have_attribute("aria-current", "true")
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"history-\d{4}-\d\d-\d\d\.csv", started.value.suggested_filename)
    assert started.value.path().read_text(encoding="utf-8-sig").count("Weekly report") == 1
