"""Waiting for money: a slow webhook, a bank that needs days, a checkout that nobody paid (pages 3.7 and 4.4)."""

import re
from itertools import accumulate

import pytest
from playwright.sync_api import expect

from tests.support.stage import running_stage
from tests.support.walk import badge, come_back, open_checkout, pay, register, session_of, sign_in, stop_clock

pytestmark = pytest.mark.browser

POLLS = re.compile("/partials/checkout-status/")
DAY_SECONDS = 24 * 3600


@pytest.fixture(scope="module")
def site(tmp_path_factory, sqlite_template):
    with running_stage(tmp_path_factory.mktemp("stage"), sqlite_template) as stage:
        yield stage


@pytest.fixture
def stage(site):
    """The road to Stripe is open before and after each test."""
    yield site
    site.connect()


def heading(page):
    return page.get_by_role("heading", level=1)


def wait_as_told(page, stage):
    """Let time pass until the page asks for nothing more; the seconds between its questions."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if POLLS.search(request.url) else None)
    pauses = []
    while delay := page.locator("#checkout-status").get_attribute("hx-trigger"):
        pauses.append(int(re.fullmatch(r"every (\d+)s", delay)[1]))
        stage.let_pass(pauses[-1])
        with page.expect_response(POLLS) as answer:
            page.clock.run_for(pauses[-1] * 1000)
        assert answer.value.ok
        page.locator(f"#checkout-status:not([hx-get*='poll={len(pauses)}'])").wait_for()
        page.clock.run_for(50)  # what htmx does after a swap
        assert len(asked) == len(pauses), "once each time"
    page.clock.run_for(600_000)
    assert len(asked) == len(pauses), "and no more after the last"
    return pauses


def pay_while_stripe_is_out_of_reach(page, stage):
    """Paid, and neither a webhook nor our own question gets through: to the return page, its clock stopped."""
    register(page)
    open_checkout(page)
    stage.cut_off()
    stop_clock(page)
    pay(page, webhook="never")
    expect(heading(page)).to_have_text("Confirming your payment")
    expect(page.locator("#checkout-status")).to_contain_text("You can leave this page: your credits will arrive")


def test_slow_confirmation_is_asked_for_less_and_less_and_after_two_minutes_the_page_says_it_is_safe_to_leave(
    open_browser, stage
):
    page = open_browser()
    pay_while_stripe_is_out_of_reach(page, stage)
    pauses = wait_as_told(page, stage)
    assert pauses == [1] * 5 + [3] * 10 + [10] * 8
    moments = list(accumulate(pauses))
    assert moments[-1] <= 120
    assert len(moments) <= 24
    assert sum(moment <= 60 for moment in moments) <= 17

    expect(heading(page)).to_have_text("This is taking longer than usual")
    status = page.locator("#checkout-status")
    expect(status).to_contain_text("Your payment is safe with Stripe. Your credits will show here")
    expect(status).to_contain_text(re.compile(r"Reference\s+P-[0-9A-Z]{6}"))
    expect(page).to_have_title("This is taking longer than usual · Refill")
    assert badge(page).startswith("20 credits")

    page.clock.resume()
    stage.connect()
    stage.let_pass(10)
    status.get_by_role("link", name="Check again").click()
    expect(heading(page)).to_have_text("1,000 credits added")
    assert badge(page).startswith("1,020 credits")


def test_credits_that_arrive_while_the_page_waits_are_shown_and_spoken_without_a_page_load(open_browser, stage):
    page = open_browser()
    pay_while_stripe_is_out_of_reach(page, stage)
    page.evaluate("window.stayed = true")
    stage.connect()
    stage.let_pass(6)
    page.clock.run_for(1000)
    expect(heading(page)).to_have_text("1,000 credits added")
    page.clock.resume()
    expect(page.locator("#balance-badge")).to_contain_text("1,020 credits")
    expect(page.locator("#live")).to_have_text("1,000 credits added. Balance 1,020 credits.")
    expect(page).to_have_title("1,000 credits added · Refill")
    assert page.evaluate("window.stayed") is True


def test_checkout_that_nobody_paid_is_not_waited_for_longer_and_can_be_continued(open_browser, stage):
    page = open_browser()
    register(page)
    open_checkout(page)
    stop_clock(page)
    come_back(page, session_of(page))
    expect(heading(page)).to_have_text("Confirming your payment")
    wait_as_told(page, stage)
    expect(heading(page)).to_have_text("Not paid yet")
    expect(page.locator("#checkout-status")).to_contain_text("You have not been charged and no credits were added.")
    page.clock.resume()
    page.get_by_role("link", name="Continue paying").click()
    pay(page)
    expect(heading(page)).to_have_text("1,000 credits added")


def pay_by_bank(page):
    """To the return page of a payment whose bank needs longer; the address of that page."""
    register(page)
    open_checkout(page)
    pay(page, "delayed_succeeds")
    expect(heading(page)).to_have_text("Your bank needs a little longer")
    return page.url


def end_of_bank(page, session_id, button):
    """The bank answers, while another tab is looked at."""
    other = page.context.new_page()
    other.goto("/_stripe/")
    other.locator("tr", has_text=session_id).get_by_role("button", name=re.compile(f"^{button}")).click()
    other.wait_for_load_state()
    other.close()


def test_bank_that_says_no_is_told_on_every_page_and_the_pack_can_be_tried_again(open_browser, stage):
    page = open_browser()
    back = pay_by_bank(page)
    page.goto("/dashboard/credits")
    row = page.locator("#purchases tbody tr")
    expect(row).to_contain_text("Processing")
    expect(row).to_contain_text("1,000 on the way")
    page.evaluate("window.stayed = true")
    end_of_bank(page, session_of(back), "Fail")

    # The list looks again every 5 s while a bank may answer soon, and tells the rest of the page.
    expect(row).to_contain_text("Failed", timeout=15_000)
    expect(row).to_contain_text("Not added")
    alert = page.locator("#alert-failed")
    expect(alert).to_contain_text("The payment didn't go through")
    expect(alert).to_contain_text("you have not been charged and no credits were added")
    assert page.evaluate("window.stayed") is True
    row.get_by_role("link", name=re.compile("^Try again")).click()
    expect(page).to_have_url(re.compile("#pack-popular$"))
    expect(page.get_by_role("button", name="Buy 1,000 credits for $35.00")).to_be_in_viewport()

    page.goto(back)
    expect(heading(page)).to_have_text("The payment didn't go through")
    expect(page.locator("#checkout-status")).to_contain_text("You have not been charged")
    page.goto("/dashboard")
    expect(page.locator("#alert-failed")).to_be_visible()
    assert badge(page).startswith("20 credits")


def test_bank_that_says_yes_after_a_day_is_told_to_whoever_looks_again(open_browser, stage):
    page = open_browser()
    back = pay_by_bank(page)
    end_of_bank(page, session_of(back), "Settle")
    page.goto(back)
    expect(heading(page)).to_have_text("1,000 credits added")
    page.goto("/dashboard/credits")
    expect(page.locator("#purchases tbody tr")).to_contain_text("Paid")
    assert badge(page).startswith("1,020 credits")


def test_given_up_after_a_declined_card_is_not_paid_and_fades_from_the_list_after_a_day(open_browser, stage):
    page = open_browser()
    email = register(page)
    open_checkout(page)
    checkout = page.url
    pay(page, "declined")
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page.locator("#notice")).to_contain_text("No money was taken.")
    row = page.locator("#purchases tbody tr")
    expect(row).to_contain_text("Not paid")
    expect(row.get_by_role("link", name=re.compile("^Continue paying"))).to_be_visible()

    stage.let_pass(DAY_SECONDS + 60)
    page.goto(checkout)
    expect(heading(page)).to_have_text("This checkout has expired")
    page.wait_for_timeout(700)  # its webhook
    page.goto("/dashboard/credits")
    sign_in(page, email)
    expect(heading(page)).to_have_text("Credits")
    expect(page.locator("#purchases")).to_contain_text("No purchases yet")


def test_session_that_expires_while_its_page_is_open_says_so_and_the_pack_can_be_bought_anew(open_browser, stage):
    page = open_browser()
    register(page)
    open_checkout(page)
    session_id = session_of(page)
    cancel = page.get_by_role("link", name="Cancel and go back").get_attribute("href")
    page.goto("/_stripe/")
    page.locator("tr", has_text=session_id).get_by_role("button", name=re.compile("^Expire")).click()
    page.goto(cancel)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("That checkout has expired")
    expect(notice).to_contain_text("You have not been charged.")
    expect(page.locator("#purchases tbody tr")).to_contain_text("Expired")
    expect(page.get_by_role("link", name=re.compile("Continue paying"))).to_have_count(0)
    come_back(page, session_id)
    expect(heading(page)).to_have_text("That checkout has expired")
    expect(page.locator("#checkout-status")).to_contain_text("You have not been charged and no credits were added.")
    page.get_by_role("link", name="Start again").click()
    page.get_by_role("button", name="Buy 1,000 credits for $35.00").click()
    pay(page)
    expect(heading(page)).to_have_text("1,000 credits added")
