"""The life of a plan as a person walks through it: subscribe, use it up, buy its pack, cancel, keep, end, come back."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.api.books import spend
from tests.browser.stage import Stage
from tests.support.walk import badge, pay, register
from webapp.extensions import db
from webapp.people.models import User

pytestmark = pytest.mark.browser

BROWSERS = {
    "with JavaScript": {},
    "without JavaScript": {"java_script_enabled": False},
    "on a phone": {"viewport": {"width": 390, "height": 844}},
}
CHECKOUT, PORTAL = re.compile(r"/_stripe/c/pay/cs_"), re.compile(r"/_stripe/p/session/")
FROM_PORTAL = re.compile(r"/billing(\?portal=return)?$")


@pytest.fixture(scope="module")
def stage(site):
    return Stage.of(site)


def use(stage: Stage, email: str, credits: int) -> None:
    with stage.app.app_context():
        account_id = db.session.scalar(select(User.account_id).where(User.email == email))
        assert account_id is not None
        spend(account_id, credits, meter="transcript", quantity=credits)


def subscribe(page: Page, name: str = "Subscribe to Plus for $19.00 a month") -> None:
    page.goto("/billing")
    page.get_by_role("button", name=name).click()
    page.wait_for_url(CHECKOUT)
    page.locator('input[name="outcome"][value="succeeds"]').check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.locator("#notice")).to_contain_text("You're on Plus")


def to_portal(page: Page, button: str) -> None:
    page.locator("#plan-card").get_by_role("button", name=button, exact=True).click()
    page.wait_for_url(PORTAL)


def back_with(page: Page, words: str) -> None:
    page.wait_for_url(FROM_PORTAL)
    expect(page.locator("#plan-card")).to_contain_text(words)


@pytest.mark.parametrize("browser", BROWSERS)
def test_a_person_walks_through_the_life_of_a_plan(browser, open_browser, stage):
    page = open_browser(**BROWSERS[browser])
    email = register(page)
    expect(page.locator("#plus-pack")).to_contain_text("This pack is part of Plus. You're on Free.")
    page.locator("#plus-pack").get_by_role("link", name="See Plus").click()
    page.wait_for_url("**/billing#plan-plus")

    subscribe(page)
    expect(page.locator("#notice")).to_contain_text("500 credits added. Your new balance is 520 credits.")
    assert badge(page).startswith("520 credits")
    if browser != "without JavaScript":
        page.wait_for_url("**/billing")  # without what Stripe sent along

    use(stage, email, 510)
    page.goto("/dashboard")
    expect(page.locator("#balance-card")).to_contain_text("Used up")
    page.get_by_role("button", name="Buy 200 credits for $5.99").click()
    page.wait_for_url(CHECKOUT)
    pay(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("200 credits added", timeout=15_000)
    use(stage, email, 50)
    page.goto("/billing")
    assert badge(page).startswith("160 credits")
    expect(page.locator("#plan-card")).to_contain_text("500 of 500 credits used")

    to_portal(page, "Cancel plan")
    page.get_by_role("button", name="Cancel Plus").click()
    back_with(page, "Cancelled: Plus ends on")
    expect(page.locator("#plan-plus")).to_contain_text("Keep it")
    to_portal(page, "Keep Plus")
    page.get_by_role("button", name="Don’t cancel Plus").click()
    page.get_by_role("link", name="Return to Refill").click()
    back_with(page, "Renews on")

    to_portal(page, "Cancel plan")
    page.locator('input[name="end"][value="immediately"]').check()
    page.get_by_role("button", name="Cancel Plus").click()
    back_with(page, "The credits you bought stay yours.")
    assert badge(page).startswith("160 credits")
    page.goto("/dashboard/credits")
    expect(page.locator("#pack-plus-extra")).to_contain_text("This pack is part of Plus.")

    subscribe(page)
    assert badge(page).startswith("660 credits")


def test_a_pack_of_the_plan_opens_in_another_tab_and_the_card_confirms_by_itself(open_browser):
    page = open_browser()
    register(page)
    page.goto("/dashboard/credits")
    other = page.context.new_page()
    other.goto("/billing")
    expect(page.locator("#pack-plus-extra")).to_contain_text("Locked")
    subscribe(other)
    expect(page.locator("#pack-plus-extra")).to_contain_text("Members only")
    expect(page.locator("#pack-plus-extra")).not_to_contain_text("Locked")
