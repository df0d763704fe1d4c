"""An operator at work: finds somebody, acts with a reason, sees what came of it; without a script too."""

import re

import pytest
from playwright.sync_api import expect

from tests.api.books import spend
from tests.browser.stage import COOKIE, Stage
from tests.browser.states_of_operator import operator

pytestmark = pytest.mark.browser


@pytest.fixture
def stage(site):
    stage = Stage.of(site)
    with stage.app.app_context():
        yield stage


def come_in(page, someone, site):
    cookie = someone.pages.client.get_cookie(COOKIE)
    page.context.add_cookies([{"name": COOKIE, "value": cookie.value, "url": site.url}])
    page.goto("/dashboard")
    page.locator("#account-menu > summary").click()
    page.get_by_role("link", name="Operator").click()
    page.get_by_role("link", name="People").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("People")


def fill_in(page, *, kind="Gift", number="250", words="Sorry for the outage", why="Ticket 4711"):
    page.get_by_role("link", name="Grant credits").click()
    page.get_by_label("Kind").select_option(kind)
    page.get_by_label("Credits", exact=True).fill(number)
    page.get_by_label("What the customer reads").fill(words)
    page.get_by_label("Why?").fill(why)
    page.get_by_role("button", name="Show what it changes").click()


def entries(page):
    return page.locator(".feed > li")


def test_somebody_is_found_while_typing_and_given_credits_that_they_see(open_browser, site, stage):
    customer = stage.buyer()
    page = open_browser()
    come_in(page, operator(stage), site)
    found = page.locator("#op-people tbody tr")
    page.get_by_label("Search").press_sequentially(customer.user.email.upper())
    expect(found).to_have_count(1)
    expect(page.locator("#live")).to_have_text("1 person.")
    expect(page.get_by_label("Search")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/operator/people\?q=PERSON-\d+@EXAMPLE.COM", re.IGNORECASE))
    found.get_by_role("link").click()
    expect(page.locator("#balance-card")).to_contain_text("20 credits")

    fill_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Grant credits: +250")
    expect(page.locator(".changes")).to_contain_text("Available 20 270")
    page.get_by_role("button", name="Grant 250").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Granted credits")
    expect(page.locator("#act-ok")).to_have_text("Done.")
    page.get_by_role("link", name="Back to the account").click()
    expect(page.locator("#balance-card")).to_contain_text("270 credits")
    page.get_by_role("link", name="Full ledger").click()
    expect(entries(page)).to_have_count(2)
    expect(entries(page).first).to_contain_text("Sorry for the outage")

    theirs = open_browser()
    theirs.context.add_cookies(
        [{"name": COOKIE, "value": customer.pages.client.get_cookie(COOKIE).value, "url": site.url}]
    )
    theirs.goto("/dashboard/history")
    expect(entries(theirs).first).to_contain_text("Sorry for the outage")
    expect(theirs.locator("body")).not_to_contain_text("4711")
    theirs.locator("#account-menu > summary").click()
    expect(theirs.get_by_role("link", name="Operator")).to_have_count(0)


def test_a_fault_is_told_at_its_field_and_back_leads_to_the_form(open_browser, site, stage):
    customer = stage.buyer()
    page = open_browser(expect_complaints=True)  # the browser itself notes each 422
    come_in(page, operator(stage), site)
    page.goto(f"/operator/people/{customer.user.account_id}")
    fill_in(page, number="1.5")
    expect(page.locator("#do-faults")).to_be_focused()
    expect(page.locator("#do-credits-error")).to_contain_text("Enter a whole number of credits")
    expect(page.get_by_label("Why?")).to_have_value("Ticket 4711")
    page.get_by_label("Credits", exact=True).fill("15")
    page.get_by_role("button", name="Show what it changes").click()
    page.get_by_role("button", name="Change something").click()
    expect(page.get_by_label("Credits", exact=True)).to_have_value("15")
    expect(page.get_by_label("Kind")).to_have_value("gift")


def test_everything_works_without_javascript(open_browser, site, stage):
    customer = stage.buyer()
    purchase = customer.granted()
    page = open_browser(java_script_enabled=False, cdn="unreachable")
    come_in(page, operator(stage), site)
    page.get_by_label("Search").fill(purchase.reference)
    page.get_by_role("button", name="Find").click()
    page.locator("#op-people").get_by_role("link", name=customer.user.email).click()
    page.locator(".tabs").get_by_role("link", name="Purchases").click()
    page.get_by_role("link", name=f"Refund {purchase.reference}").click()
    page.get_by_label("Money").fill("17.50")
    page.get_by_label("Why?").fill("They used half of it")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.locator(".changes")).to_contain_text("1,020 520")
    page.get_by_role("button", name="Refund $17.50").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Refunded a purchase")
    expect(page.locator("main")).to_contain_text("Made: re_sim_")
    page.get_by_role("link", name="Back to the account").click()
    page.get_by_role("link", name="Pause spending").click()
    page.get_by_label("Why?").fill("Card reported stolen")
    page.get_by_role("button", name="Pause spending").click()
    page.get_by_role("link", name="Back to the account").click()
    expect(page.locator(".page-head")).to_contain_text("Spending paused")
    page.get_by_role("navigation", name="Operator").get_by_role("link", name="Acts").click()
    expect(page.locator(".did > li").first).to_contain_text("Card reported stolen")


def test_older_entries_come_below_the_others(open_browser, site, stage):
    customer = stage.buyer(welcome_credits=30)
    for _ in range(27):
        spend(customer.user.account_id, 1)
    page = open_browser()
    come_in(page, operator(stage), site)
    page.goto(f"/operator/people/{customer.user.account_id}/ledger")
    expect(entries(page)).to_have_count(25)
    page.get_by_role("link", name="Show older").click()
    expect(page.get_by_role("link", name="Show older")).to_have_count(0)
    expect(page.locator("#live")).to_contain_text("That is all.")
    expect(entries(page)).to_have_count(28)
    seqs = [int(one.get_attribute("id").removeprefix("entry-")) for one in entries(page).all()]
    assert seqs == list(range(len(seqs), 0, -1))
