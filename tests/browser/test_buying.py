"""The main job: buy a pack, come back, see the credits."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.walk import badge, open_checkout, pay, register

pytestmark = pytest.mark.browser

BROWSERS = {
    "with JavaScript": {},
    "without JavaScript": {"java_script_enabled": False},
    "with the CDN blocked": {"cdn": "blocked", "expect_complaints": True},
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


def test_delayed_payment_is_shown_as_processing_and_then_arrives(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    pay(page, "delayed_succeeds")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your bank needs a little longer", timeout=15_000)
    session_id = re.search(r"session_id=([^&]+)", page.url).group(1)

    page.goto("/dashboard/credits")
    expect(page.locator("#purchases")).to_contain_text("Processing")
    assert badge(page).startswith("20 credits")

    page.goto("/_stripe/")
    row = page.locator("tr", has_text=session_id)
    row.get_by_role("button", name=re.compile("^Settle")).click()
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases")).to_contain_text("Paid", timeout=15_000)
    expect(page.locator("#balance-badge")).to_contain_text("1,020", timeout=15_000)


def test_delayed_payment_that_fails_grants_nothing_and_says_so(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    pay(page, "delayed_fails")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your bank needs a little longer", timeout=15_000)
    session_id = re.search(r"session_id=([^&]+)", page.url).group(1)
    back = page.url
    page.goto("/_stripe/")
    page.locator("tr", has_text=session_id).get_by_role("button", name=re.compile("^Fail")).click()
    page.wait_for_timeout(700)
    page.goto(back)
    expect(page.get_by_role("heading", level=1)).to_have_text("The payment didn't go through", timeout=15_000)
    expect(page.locator("#checkout-status")).to_contain_text("You have not been charged")
    assert badge(page).startswith("20 credits")


def test_leaving_the_checkout_says_that_no_money_was_taken_and_cleans_the_address(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page.get_by_text("No money was taken", exact=False).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"/dashboard/credits$"))
    expect(page.get_by_role("link", name=re.compile("Continue paying")).first).to_be_visible()
    page.reload()
    expect(page.get_by_text("Checkout cancelled")).to_have_count(0)


def test_double_click_opens_one_purchase(open_browser):
    page = open_browser()
    register(page)
    page.goto("/dashboard/credits")
    page.get_by_role("button", name="Buy 500 credits for $20.00").dblclick()
    page.wait_for_url(re.compile("/_stripe/c/pay/"))
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases tbody tr")).to_have_count(1)


def test_second_tab_shows_the_new_balance_without_a_page_load(open_browser):
    page = open_browser()
    register(page)
    page.goto("/dashboard/credits")
    page.evaluate("window.stayed = true")
    other = page.context.new_page()
    open_checkout(other)
    pay(other)
    expect(other.get_by_role("heading", level=1)).to_have_text("1,000 credits added", timeout=15_000)
    page.evaluate("document.body.dispatchEvent(new Event('creditsChanged'))")
    expect(page.locator("#balance-badge")).to_contain_text("1,020")
    expect(page.locator("#purchases")).to_contain_text("Paid")
    assert page.evaluate("window.stayed") is True


def test_an_idle_page_asks_for_nothing(open_browser):
    page = open_browser()
    register(page)
    page.goto("/dashboard/credits", wait_until="networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(7000)
    assert asked == []


def test_signed_out_browser_holds_nothing_of_the_person_before(open_browser):
    page = open_browser()
    email = register(page)
    page.goto("/dashboard")
    page.locator("#account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")
    page.go_back()
    page.wait_for_load_state()
    assert email not in page.content()
    register(page)
    assert email not in page.content()


def test_expired_session_in_a_partial_ends_at_sign_in_and_comes_back_to_the_page(open_browser):
    page = open_browser(expect_complaints=True)
    email = register(page)
    page.goto("/dashboard/credits")
    page.context.clear_cookies()
    page.evaluate("document.body.dispatchEvent(new Event('creditsChanged'))")
    expect(page).to_have_url(re.compile("/login"))
    page.wait_for_load_state()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill("a long enough password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/dashboard/credits"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Credits")
