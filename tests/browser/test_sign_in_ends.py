"""The sign-in ends while a page is open, and somebody else sits down at the same browser (pages 3.7 and 4.1)."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.support.walk import badge, come_back, open_checkout, pay, register, session_of, sign_in, sign_out

pytestmark = pytest.mark.browser

CHANGED = "document.body.dispatchEvent(new Event('creditsChanged'))"
PLACES = {
    "/dashboard": "Dashboard",
    "/dashboard/credits?minutes=90": "Credits",
}


def heading(page):
    return page.get_by_role("heading", level=1)


def expect_sign_in(page, place):
    expect(page).to_have_url(re.compile("/login"))
    expect(heading(page)).to_have_text("Welcome back")
    words = re.compile(rf"You were signed out after a while\. Sign in and we.ll take you back to {place}\.")
    expect(page.locator(".callout")).to_contain_text(words)


@pytest.mark.parametrize("path", PLACES)
def test_partial_without_a_sign_in_leads_there_and_back_to_the_page(open_browser, path):
    page = open_browser(expect_complaints=True)  # a 401 is an error to the console
    email = register(page)
    page.goto(path)
    page.context.clear_cookies()
    with page.expect_response(re.compile("/partials/balance-badge")) as answer:
        page.evaluate(CHANGED)
    assert answer.value.status == 401
    assert answer.value.headers["cache-control"] == "private, no-store"
    assert answer.value.headers["hx-redirect"].startswith("/login?next=/dashboard")
    expect_sign_in(page, PLACES[path])
    sign_in(page, email)
    expect(heading(page)).to_have_text(PLACES[path])
    assert page.url.endswith(path)


def test_sign_in_that_ends_while_a_payment_is_waited_for_comes_back_to_that_payment(open_browser):
    page = open_browser(expect_complaints=True)
    email = register(page)
    open_checkout(page)
    session_id = session_of(page)
    come_back(page, session_id)
    expect(heading(page)).to_have_text("Confirming your payment")
    page.context.clear_cookies()
    expect_sign_in(page, "your purchase")
    sign_in(page, email)
    expect(page.locator("#checkout-status")).to_be_visible()
    assert session_of(page) == session_id


def test_buy_without_a_sign_in_opens_nothing_and_comes_back_to_the_packs(open_browser):
    page = open_browser()
    email = register(page)
    page.goto("/dashboard/credits")
    page.context.clear_cookies()
    page.get_by_role("button", name="Buy 100 credits for $5.00").click()
    expect_sign_in(page, "Credits")
    sign_in(page, email)
    expect(heading(page)).to_have_text("Credits")
    expect(page.locator("#purchases")).to_contain_text("No purchases yet")
    page.get_by_role("button", name="Buy 100 credits for $5.00").click()
    page.wait_for_url(re.compile("/_stripe/c/pay/"))


def first_person(page):
    """Somebody buys something and signs out; what is theirs alone."""
    email = register(page)
    open_checkout(page)
    session_id = session_of(page)
    pay(page)
    expect(heading(page)).to_have_text("1,000 credits added")
    page.get_by_role("link", name="View receipt").click()
    reference = re.search(r"P-[0-9A-Z]{6}", page.locator("main").inner_text())[0]
    page.goto("/dashboard/credits")
    receipt = page.locator("#purchases a[href*=receipts]").get_attribute("href")
    page.goto("/dashboard")
    assert badge(page).startswith("1,020 credits")
    sign_out(page)
    return email, reference, receipt.rpartition("/")[2], session_id, "1,020", "1,000 credits added"


def wait_until(page, words):
    """Until JavaScript says so. Playwright's own waiting would evaluate text in the page, which its policy forbids."""
    for _ in range(100):
        with suppress(Error):  # between two pages there is nothing to ask
            if page.evaluate(words):
                return
        page.wait_for_timeout(50)
    raise AssertionError(words)


def seen_by_going_back(page, times):
    """What the pages before this one show now: each one's address and its HTML."""
    for _ in range(times):
        page.evaluate("window.isBehind = true; setTimeout(() => history.back())")
        wait_until(page, "!window.isBehind")
        expect(heading(page)).to_be_visible()
        yield page.url, page.content()


# Where a browser may have kept pages: in memory whole, or in its HTTP cache (which works with no route set only).
KEPT = {"in memory": {"memory": True}, "in the cache": {"cdn": "unreachable"}}
each_way = pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT.keys())


@each_way
def test_back_button_after_signing_out_shows_nothing_of_the_person_before(open_browser, kept):
    page = open_browser(expect_complaints=True, **kept)
    theirs = first_person(page)
    for url, html in seen_by_going_back(page, 6):
        # What the address has kept stands in the sign-in form too: where to go on to.
        assert not [word for word in theirs if word in html and word not in url], url
    stored = page.evaluate("[localStorage, sessionStorage].flatMap(Object.values).join(' ')")
    assert not [word for word in theirs if word in stored], stored


@each_way
def test_next_person_in_the_same_browser_finds_not_a_byte_of_the_one_before(open_browser, kept):
    page = open_browser(expect_complaints=True, **kept)  # 404 for what is not theirs
    theirs = first_person(page)
    register(page)
    for path in ("/dashboard", "/dashboard/credits"):
        page.goto(path)
        assert not [word for word in theirs if word in page.content()]
    seen = dict(seen_by_going_back(page, 9))
    for url, html in seen.items():
        assert not [word for word in theirs if word in html], url
    assert any("receipts" in url for url in seen), "as far back as the other one's pages"


def test_page_out_of_memory_that_is_somebody_elses_is_drawn_anew(open_browser):
    """Chromium forgets such pages when the cookie changes; a browser that doesn't must not mix two people."""
    page = open_browser()
    register(page)
    page.evaluate("window.stayed = true; localStorage.setItem('reader', 'another')")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    wait_until(page, "!window.stayed")
    expect(heading(page)).to_have_text("Dashboard")
