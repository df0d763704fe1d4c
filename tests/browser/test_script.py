"""The one script of the pages: what it adds, and that the pages keep their numbers when something fails (pages 3.4)."""

import re
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.support.walk import come_back, open_checkout, pay, register, session_of, stop_clock

pytestmark = pytest.mark.browser

CHANGED = "document.body.dispatchEvent(new Event('creditsChanged'))"
UNREACHABLE = re.compile(r"/partials/")


@pytest.fixture
def page(open_browser):
    page = open_browser(expect_complaints=True)
    register(page)
    return page


def test_failed_partials_keep_their_numbers_and_say_how_old_they_are(page):
    page.goto("/dashboard")
    page.route(UNREACHABLE, lambda route: route.fulfill(status=500, body="broken"))
    page.evaluate(CHANGED)
    card = page.locator("#balance-card")
    expect(card.locator(".stale")).to_have_text(
        re.compile(r"^\s*Updated \d\d:\d\d\. Couldn't refresh\.\s+Try again\s*$")
    )
    expect(card.locator(".hero__value")).to_have_text("20 credits")
    expect(page.locator("#balance-badge")).to_contain_text("20 credits")
    expect(page.locator("#recent-activity .stale")).to_have_count(1)
    page.evaluate(CHANGED)
    expect(card.locator(".stale")).to_have_count(1)

    page.unroute(UNREACHABLE)
    card.get_by_role("button", name="Try again").click()
    expect(page.locator(".stale")).to_have_count(0)
    expect(page.locator("#toasts")).to_have_text("Couldn't refresh. Try again in a minute.")
    page.locator("#toasts").get_by_role("button", name="Dismiss").click()
    expect(page.locator("#toasts .toast")).to_have_count(0)


STATUS_POLLS = re.compile(r"/partials/checkout-status/")


def come_back_unpaid(page):
    """To the return page of a checkout that was opened a moment ago; its clock stands still."""
    open_checkout(page)
    stop_clock(page)
    come_back(page, session_of(page))
    return page.locator("#checkout-status")


def poll(page):
    """Let one second pass, in which the page asks again."""
    with page.expect_event("requestfinished", lambda request: STATUS_POLLS.search(request.url)):
        page.clock.run_for(1000)
    page.clock.run_for(50)  # what htmx does after an answer


def test_poller_gives_up_after_five_failures_and_asks_again_when_it_is_told_to(page):
    asked = []

    def break_(route):
        asked.append(route.request.url)
        route.fulfill(status=500, body="broken")

    page.route(STATUS_POLLS, break_)
    status = come_back_unpaid(page)
    for _ in range(5):
        poll(page)
    expect(status).to_have_attribute("hx-trigger", "creditsChanged from:body")
    page.clock.run_for(60_000)
    assert len(asked) == 5, "it was asked every second before"
    expect(status.locator("h1")).to_have_text("Confirming your payment")
    again = status.locator(".stale").get_by_role("button", name="Try again")
    with page.expect_response(STATUS_POLLS):
        again.click()
    page.clock.run_for(60_000)
    assert len(asked) == 6, "once each time the button is pressed"

    page.unroute(STATUS_POLLS)
    again.click()
    expect(status.locator(".stale")).to_have_count(0)
    expect(status).to_have_attribute("hx-trigger", "every 1s")


def test_failures_that_are_not_in_a_row_do_not_stop_the_poller(page):
    answers = []

    def break_often(route):
        answers.append(route)
        if len(answers) in {3, 6}:
            route.continue_()
        else:
            route.fulfill(status=500, body="broken")

    page.route(STATUS_POLLS, break_often)
    status = come_back_unpaid(page)
    for _ in range(8):
        poll(page)
    assert len(answers) == 8
    expect(status).to_have_attribute("hx-trigger", re.compile("every"))


def test_network_that_is_gone_is_the_same(page):
    page.goto("/dashboard")
    page.route(UNREACHABLE, lambda route: route.abort())
    page.evaluate(CHANGED)
    expect(page.locator("#balance-card .stale")).to_contain_text("Couldn't refresh.")


def test_refused_partial_lands_in_the_place_for_errors(page):
    page.goto("/dashboard/credits")
    page.route(
        re.compile(r"/partials/purchases"),
        lambda route: route.fulfill(
            status=429,
            headers={"HX-Retarget": "#alerts", "HX-Reswap": "innerHTML", "Content-Type": "text/html"},
            body='<section class="banner banner--bad" id="error" role="alert"><p>Slow down a little</p></section>',
        ),
    )
    before = page.locator("#purchases").inner_text()
    page.evaluate(CHANGED)
    expect(page.locator("#alerts #error")).to_have_text("Slow down a little")
    assert page.locator("#purchases").inner_text() == before


def test_offline_says_so_sends_nothing_and_refreshes_when_back(page):
    page.goto("/dashboard/credits")
    page.context.set_offline(True)
    expect(page.locator("#toasts")).to_contain_text("You're offline. We'll refresh your balance when you're back.")
    page.get_by_role("button", name="Buy 100 credits for $5.00").click()
    expect(page.locator("#toasts")).to_contain_text("You're offline. Nothing was sent.")
    with page.expect_request(re.compile("/partials/balance-badge")):
        page.context.set_offline(False)
    expect(page.locator("#toasts .toast")).to_have_count(0)
    page.get_by_role("button", name="Buy 100 credits for $5.00").click()
    page.wait_for_url(re.compile("/_stripe/c/pay/"))


def test_focus_stays_on_a_control_of_a_part_that_refreshes(page):
    page.goto("/dashboard/credits")
    page.locator("#buy-popular-now").focus()
    with page.expect_response(re.compile("/partials/pack-grid")):
        page.evaluate(CHANGED)
    expect(page.locator(".htmx-request, .htmx-settling, .htmx-swapping")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "buy-popular-now"


def test_packs_are_not_swapped_while_one_is_being_bought(page):
    page.goto("/dashboard/credits")
    page.evaluate("document.getElementById('pack-grid').setAttribute('class', 'the-first')")
    first = page.locator("#pack-grid.the-first")
    busy = "value => document.getElementById('buy-small').setAttribute('aria-busy', value)"
    page.evaluate(busy, "true")
    with page.expect_response(re.compile("/partials/pack-grid")):
        page.evaluate(CHANGED)
    page.wait_for_timeout(300)
    expect(first).to_have_count(1)
    page.evaluate(busy, "false")
    page.evaluate(CHANGED)
    expect(first).to_have_count(0)


def test_form_that_is_being_sent_is_busy_and_is_not_sent_again(page):
    page.goto("/dashboard/credits")
    page.evaluate(
        """() => {
          window.sent = 0;
          window.addEventListener('submit', (event) => {
            if (!event.defaultPrevented) window.sent += 1;
            event.preventDefault();  // stay here, to look at the button
          });
        }"""
    )
    button = page.get_by_role("button", name="Buy 500 credits for $20.00")
    for _ in range(3):
        button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    expect(button).to_be_enabled()
    assert page.evaluate("window.sent") == 1


def test_page_that_comes_back_from_the_browsers_memory_is_alive_and_fresh(page):
    page.goto("/dashboard/credits")
    page.evaluate(
        """() => {
          const form = document.getElementById('buy-small');
          form.setAttribute('aria-busy', 'true');
          form.querySelector('button').setAttribute('aria-busy', 'true');
        }"""
    )
    with page.expect_request(re.compile("/partials/balance-badge")):
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def test_tab_that_is_looked_at_again_refreshes_only_if_its_numbers_are_old(page):
    page.clock.install()
    page.goto("/dashboard")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/partials/" in request.url else None)
    look = "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
    page.clock.fast_forward(20_000)
    page.evaluate(look)
    page.wait_for_timeout(300)
    assert asked == []
    page.clock.fast_forward(11_000)
    with page.expect_request(re.compile("/partials/balance-badge")):
        page.evaluate(look)


def test_idle_pages_ask_for_nothing(page):
    page.clock.install()
    open_checkout(page)
    pay(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("1,000 credits added")
    asked = []
    for path in (page.url, "/dashboard", "/dashboard/credits", "/dashboard/credits?minutes=90"):
        page.goto(path)
        page.wait_for_timeout(300)
        with recorded(page, asked):
            page.clock.run_for(60_000)
            page.wait_for_timeout(200)
        assert asked == [], path


@contextmanager
def recorded(page, asked):
    def record(request):
        asked.append(request.url)

    page.on("request", record)
    yield
    page.remove_listener("request", record)


def test_estimate_follows_what_is_typed(page):
    page.goto("/dashboard/credits")
    page.locator("#estimate-minutes").fill("1000")
    expect(page.locator("#pack-estimate")).to_contain_text("About 3,000 credits a month.")
    page.locator("#estimate-minutes").fill("many")
    expect(page.locator("#pack-estimate")).to_contain_text("Enter minutes as a whole number, like 300.")
    page.locator("#estimate-minutes").fill("10")
    page.keyboard.press("Enter")
    expect(page.locator("#pack-estimate")).to_contain_text("About 30 credits a month.")
    assert page.url.endswith("/dashboard/credits"), "no page load"


def test_estimate_works_without_a_script(open_browser):
    page = open_browser(java_script_enabled=False)
    register(page)
    page.goto("/dashboard/credits")
    page.locator("#estimate-minutes").fill("1000")
    page.get_by_role("button", name="Estimate").click()
    expect(page.locator("#pack-estimate")).to_contain_text("About 3,000 credits a month.")
    expect(page.locator("#estimate-minutes")).to_have_value("1000")
    expect(page.get_by_role("button", name="Dismiss")).to_have_count(0)


def test_notice_can_be_dismissed_and_focus_goes_to_the_page(page):
    open_checkout(page)
    page.get_by_role("link", name="Cancel and go back").click()
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Checkout cancelled")
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice.locator(".banner")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "main"


def test_password_can_be_shown_and_hidden(open_browser):
    page = open_browser()
    page.goto("/login")
    field = page.get_by_label("Password", exact=True)
    button = page.get_by_role("button", name="Show password")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(field).to_have_attribute("type", "text")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(field).to_have_attribute("type", "password")


def test_account_menu_closes_by_escape_and_by_a_click_elsewhere(page):
    page.goto("/dashboard")
    menu = page.locator("#account-menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("button", name="Sign out")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(menu.get_by_role("button", name="Sign out")).to_be_hidden()


def test_receipt_prints_on_one_sheet_without_the_shell(page):
    open_checkout(page)
    pay(page)
    page.get_by_role("link", name="View receipt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt")
    page.emulate_media(media="print")
    for hidden in (".bar", ".foot", ".ribbon", "#toasts"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.get_by_text("Total paid")).to_be_visible()
    pdf = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
