"""Two tabs of one browser: two packs, one balance, one person (pages 3.7)."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.walk import badge, open_checkout, pay, register, sign_in, sign_out

pytestmark = pytest.mark.browser

CHECKOUT = re.compile("/_stripe/c/pay/")


@pytest.fixture
def page(open_browser):
    page = open_browser()
    register(page)
    return page


def heading(page):
    return page.get_by_role("heading", level=1)


def another_tab(page, path):
    other = page.context.new_page()
    other.goto(path)
    return other


def test_double_click_on_buy_is_sent_once(page):
    page.goto("/dashboard/credits")
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Buy 500 credits for $20.00").dblclick()
    page.wait_for_url(CHECKOUT)
    assert len(sent) == 1
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases tbody tr")).to_have_count(1)


def test_second_click_without_the_script_leads_to_the_same_checkout_and_row(open_browser):
    page = open_browser(java_script_enabled=False)
    register(page)
    page.goto("/dashboard/credits")
    places = []

    def lose_the_first(route):
        answer = route.fetch(max_redirects=0)
        places.append(answer.headers["location"])
        if len(places) > 1:
            route.fulfill(response=answer)

    page.route("**/dashboard/credits/checkout", lose_the_first)
    button = page.get_by_role("button", name="Buy 500 credits for $20.00")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    for clicks in (1, 2):
        page.mouse.click(box["x"] + 5, box["y"] + 5)
        while len(places) < clicks:
            page.wait_for_timeout(50)
    page.wait_for_url(CHECKOUT)
    assert len(places) == 2
    assert set(places) == {page.url}
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases tbody tr")).to_have_count(1)


def test_two_packs_in_two_tabs_can_both_be_paid_and_both_appear(page):
    other = page.context.new_page()
    open_checkout(page, "Buy 100 credits for $5.00")
    open_checkout(other, "Buy 500 credits for $20.00")
    pay(page)
    expect(heading(page)).to_have_text("100 credits added")
    pay(other)
    expect(heading(other)).to_have_text("500 credits added")
    assert badge(other).startswith("620 credits")
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases tbody tr")).to_have_count(2)
    expect(page.locator("#purchases .chip", has_text="Paid")).to_have_count(2)


def test_tab_hears_at_once_what_was_bought_in_another_and_focus_does_not_move(page):
    page.goto("/dashboard/credits")
    page.evaluate("window.stayed = true")
    page.locator("#buy-small-now").focus()
    other = page.context.new_page()
    open_checkout(other)
    pay(other)
    expect(heading(other)).to_have_text("1,000 credits added")
    expect(page.locator("#balance-badge")).to_contain_text("1,020 credits")
    expect(page.locator("#balance-card")).to_contain_text("1,020 credits")
    expect(page.locator("#purchases")).to_contain_text("Paid")
    assert page.evaluate("document.activeElement.id") == "buy-small-now"
    assert page.evaluate("window.stayed") is True


def test_tab_that_is_looked_at_again_shows_the_new_balance_and_focus_does_not_move(page, open_browser):
    """Bought on another device: nothing in this browser has heard of it."""
    page.clock.install()
    page.goto("/dashboard/credits")
    page.locator("#buy-small-now").focus()
    elsewhere = open_browser(storage_state=page.context.storage_state())
    open_checkout(elsewhere)
    pay(elsewhere)
    expect(heading(elsewhere)).to_have_text("1,000 credits added")
    assert badge(page).startswith("20 credits")
    page.clock.fast_forward(31_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    expect(page.locator("#balance-badge")).to_contain_text("1,020 credits")
    expect(page.locator("#purchases")).to_contain_text("Paid")
    assert page.evaluate("document.activeElement.id") == "buy-small-now"


def test_bought_in_one_tab_while_a_form_of_the_other_is_focused_can_still_be_bought_there(page):
    page.goto("/dashboard/credits")
    other = page.context.new_page()
    open_checkout(other, "Buy 100 credits for $5.00")
    pay(other)
    expect(page.locator("#balance-badge")).to_contain_text("120 credits")
    page.get_by_role("button", name="Buy 100 credits for $5.00").click()
    page.wait_for_url(CHECKOUT)
    pay(page)
    expect(heading(page)).to_have_text("100 credits added")
    assert badge(page).startswith("220 credits")


def test_signing_out_in_one_tab_signs_the_others_out_before_anybody_looks(page):
    other = another_tab(page, "/dashboard/credits")
    sign_out(page)
    expect(heading(other)).to_have_text("Welcome back")
    expect(other.locator(".callout")).to_contain_text(re.compile("we.ll take you back to Credits"))


def test_somebody_else_who_signs_in_is_the_one_in_every_tab(page, open_browser):
    another = open_browser()
    email = register(another)
    other = another_tab(page, "/dashboard/credits")
    sign_out(page)
    expect(heading(other)).to_have_text("Welcome back")
    sign_in(page, email)
    expect(heading(page)).to_have_text("Dashboard")
    expect(heading(other)).to_have_text("Credits")
    assert email in other.content()
