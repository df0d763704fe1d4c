"""The main job: buy a pack, come back, see the credits."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.walk import badge, open_checkout, pay, register

pytestmark = pytest.mark.browser

BROWSERS = {
    "with JavaScript": {},
    "without JavaScript": {"java_script_enabled": False},
    "with the CDN blocked": {"cdn": "unreachable", "expect_complaints": True},
    "with a wrong htmx file": {"cdn": "window.wrong = true;", "expect_complaints": True},
    "on a phone": {"viewport": {"width": 390, "height": 844}},
}


@pytest.fixture(params=BROWSERS.values(), ids=BROWSERS.keys())
def page(request, open_browser):
    return open_browser(**request.param)


def test_a_person_registers_buys_a_pack_and_sees_the_credits(page):
    register(page)
    assert badge(page).startswith("20 credits")
    open_checkout(page)
    pay(page)
    page.wait_for_url(re.compile("/dashboard/credits/success"))
    expect(page.get_by_role("heading", level=1)).to_have_text("1,000 credits added", timeout=15_000)
    expect(page.locator("#checkout-status")).to_contain_text("1,020 credits")

    page.get_by_role("link", name="Back to credits").click()
    expect(page.get_by_text("Your new balance is 1,020 credits.")).to_be_visible()
    assert badge(page).startswith("1,020 credits")
    expect(page.locator("#purchases")).to_contain_text("Paid")

    page.goto("/dashboard")
    first_row = page.locator("#recent-activity li").first
    expect(first_row).to_contain_text("Popular pack")
    expect(first_row).to_contain_text("+1,000")
    expect(first_row).to_contain_text("1,020")


def test_wrong_hash_keeps_htmx_out(open_browser):
    page = open_browser(cdn="window.wrong = true;", expect_complaints=True)
    register(page)
    assert page.evaluate("window.wrong") is None
    assert page.evaluate("window.htmx") is None


def test_declined_card_can_be_tried_again_in_the_same_checkout(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page, "Buy 100 credits for $5.00")
    pay(page, "declined")
    expect(page.get_by_role("alert")).to_contain_text("You have not been charged")
    pay(page, "insufficient_funds")
    expect(page.get_by_role("alert")).to_contain_text("You have not been charged")
    pay(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("100 credits added", timeout=15_000)
    assert badge(page).startswith("120 credits")


def test_credits_arrive_by_the_return_page_when_no_webhook_comes(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    pay(page, webhook="never")
    expect(page.get_by_role("heading", level=1)).to_have_text("1,000 credits added", timeout=15_000)


def test_credits_arrive_by_webhook_when_the_tab_is_closed(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    pay(page, back="none")
    expect(page.get_by_role("heading", level=1)).to_have_text("You can close this tab")
    page.goto("/dashboard/credits")
    for _ in range(20):
        if badge(page).startswith("1,020"):
            break
        page.wait_for_timeout(250)
        page.reload()
    assert badge(page).startswith("1,020 credits")
