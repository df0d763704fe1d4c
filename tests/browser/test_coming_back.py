"""Coming back from Stripe: by Back, by Cancel, twice, before or after the webhook (pages 3.7)."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.walk import badge, come_back, open_checkout, pay, register, session_of

pytestmark = pytest.mark.browser

CHECKOUT = re.compile("/_stripe/c/pay/")
LEFT = "You left checkout No money was taken. Your pack is still here if you want it. Continue paying"


def heading(page):
    return page.get_by_role("heading", level=1)


def text_of(page, selector):
    return " ".join(page.locator(selector).inner_text().split())


def wait_for_balance(page, words):
    """Reload until the webhook has come."""
    for _ in range(40):
        if badge(page).startswith(words):
            break
        page.wait_for_timeout(250)
        page.reload()
    assert badge(page).startswith(words)


@pytest.mark.parametrize("memory", [True, False], ids=["kept in memory", "drawn anew"])
def test_back_button_leads_to_a_live_page_that_says_no_money_was_taken(open_browser, memory):
    page = open_browser(memory=memory)
    register(page)
    open_checkout(page)
    page.go_back(wait_until="commit")  # a page out of memory is not loaded again
    notice = page.locator("#notice")
    expect(notice).to_contain_text("You left checkout")
    assert text_of(page, "#notice") == LEFT
    expect(page.locator("#live")).to_have_text(
        "You left checkout. No money was taken. Your pack is still here if you want it."
    )
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert badge(page).startswith("20 credits")
    expect(page.locator("#pack-popular").get_by_role("link", name=re.compile("^Continue paying"))).to_be_visible()

    notice.get_by_role("link", name="Continue paying").click()
    page.wait_for_url(CHECKOUT)
    pay(page)
    expect(heading(page)).to_have_text("1,000 credits added")
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases tbody tr")).to_have_count(1)
    expect(notice).to_have_text("")


def test_buttons_work_after_the_back_button(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    page.go_back()
    page.get_by_role("button", name="Buy 100 credits for $5.00").click()
    page.wait_for_url(CHECKOUT)
    pay(page)
    expect(heading(page)).to_have_text("100 credits added")


def test_back_button_after_paying_tells_the_balance_and_no_lie_about_money(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    checkout = page.url
    pay(page)
    expect(heading(page)).to_have_text("1,000 credits added")
    page.go_back()
    expect(heading(page)).to_have_text("This checkout is already complete")
    assert page.url == checkout
    page.go_back()
    expect(heading(page)).to_have_text("Credits")
    expect(page.locator("#balance-badge")).to_contain_text("1,020 credits")
    expect(page.locator("#purchases tbody tr")).to_contain_text("Paid")
    expect(page.locator("#notice")).to_have_text("")


def test_back_button_after_paying_in_another_tab_tells_that_the_credits_are_there(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    other = page.context.new_page()
    other.goto(page.url)
    pay(other, webhook="never", back="none")
    expect(heading(other)).to_have_text("You can close this tab")
    page.go_back()
    expect(page.locator("#notice")).to_contain_text("1,000 credits added")
    expect(page.locator("#balance-badge")).to_contain_text("1,020 credits")
    expect(page.locator("#notice")).not_to_contain_text("No money was taken")


def test_cancel_says_that_no_money_was_taken_once_and_cleans_the_address(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page.locator("#notice")).to_contain_text("Checkout cancelled")
    assert text_of(page, "#notice") == LEFT.replace("You left checkout", "Checkout cancelled")
    expect(page).to_have_url(re.compile(r"/dashboard/credits$"))
    page.reload()
    expect(page.locator("#notice")).to_have_text("")


def test_cancel_after_paying_in_another_tab_never_says_that_no_money_was_taken(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    cancel = page.get_by_role("link", name="Cancel and go back")
    other = page.context.new_page()
    other.goto(page.url)
    pay(other, webhook="never", back="none")
    expect(heading(other)).to_have_text("You can close this tab")
    cancel.click()
    expect(page.locator("#notice")).to_contain_text("1,000 credits added")
    expect(page.locator("#notice")).to_contain_text("Your new balance is 1,020 credits.")
    expect(page.locator("#notice")).not_to_contain_text("No money was taken")


def test_return_page_says_the_same_twice_and_after_a_reload_and_grants_once(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    pay(page)
    expect(heading(page)).to_have_text("1,000 credits added")
    told = text_of(page, "#checkout-status")
    page.reload()
    assert text_of(page, "#checkout-status") == told
    other = page.context.new_page()
    other.goto(page.url)
    assert text_of(other, "#checkout-status") == told
    assert badge(other).startswith("1,020 credits")
    other.goto("/dashboard")
    expect(other.locator("#recent-activity li", has_text="Popular pack")).to_have_count(1)


def test_return_page_of_somebody_else_is_not_found_and_tells_nothing(open_browser):
    owner, stranger = open_browser(), open_browser(expect_complaints=True)  # a 404 is an error to the console
    email = register(owner)
    open_checkout(owner)
    session_id = session_of(owner)
    register(stranger)
    for _ in ("before it is paid", "after"):
        come_back(stranger, session_id)
        expect(heading(stranger)).to_have_text("We can't find that page")
        for secret in (email, "1,000 credits", "Popular", "P-"):
            assert secret not in stranger.locator("main").inner_text()
        if CHECKOUT.search(owner.url):
            pay(owner)
            expect(heading(owner)).to_have_text("1,000 credits added")
    assert badge(stranger).startswith("20 credits")


def test_webhook_first_and_the_return_later_is_one_grant(open_browser):
    page = open_browser()
    register(page)
    open_checkout(page)
    session_id = session_of(page)
    pay(page, back="none")
    expect(heading(page)).to_have_text("You can close this tab")
    page.goto("/dashboard/credits")
    wait_for_balance(page, "1,020 credits")
    come_back(page, session_id)
    expect(heading(page)).to_have_text("1,000 credits added")
    assert badge(page).startswith("1,020 credits")
    expect(page.locator("#checkout-status")).to_contain_text(re.compile(r"New balance\s+1,020 credits"))
