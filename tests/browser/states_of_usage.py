"""States of the usage page, and of the dashboard's panel of it."""

import datetime as dt
import re

from playwright.sync_api import Page, expect

from tests.api.books import grant
from tests.browser.stage import Buyer, View
from tests.browser.states import shows
from webapp.extensions import transact
from webapp.ledger.operations import SpendLine, spend_batch
from webapp.orm import utc_now

DASHBOARD, USAGE = "/dashboard", "/dashboard/usage"
METERS = ("call_minute", "transcript", "tokens", "", "a_meter_that_left_the_catalogue_" * 3, "fax_page")


def busy(stage) -> Buyer:
    """Somebody who used something on most of the last ninety days."""
    buyer = stage.buyer()
    account_id, now = buyer.user.account_id, utc_now()
    grant(account_id, 40, "allowance", expires_at=now + dt.timedelta(days=9))
    grant(account_id, 10**7)
    lines = [
        SpendLine(
            account_id=account_id,
            credits=7 + days_ago * 13 % 90,
            meter=METERS[days_ago * 5 % len(METERS)],
            key=f"{days_ago}",
            occurred_at=now - dt.timedelta(days=days_ago),
        )
        for days_ago in range(90)
        if days_ago % 7
    ]
    transact(lambda session: spend_batch(session, lines, now=now))
    return buyer


@shows("usage.usage")
def usage_chosen_by_links(stage):
    def act(page: Page) -> None:
        page.locator("#period-90").click()
        expect(page.locator("#period-90")).to_have_attribute("aria-current", "true")
        expect(page.locator("#period-90")).to_be_focused()
        page.locator("#by-day").click()
        expect(page).to_have_url(re.compile(r"/dashboard/usage\?period=90&by=day$"))
        page.locator(".as-table summary").click()

    return View(USAGE, busy(stage), act=act)


@shows("usage.usage")
def usage_of_nothing(stage):
    return View(USAGE, stage.buyer(welcome_credits=0))


@shows("usage.usage")
def usage_by_week_and_source(stage):
    return View(f"{USAGE}?period=90&by=week&split=source", busy(stage))


@shows("usage.usage")
def usage_with_days_that_are_none(stage):
    return View(f"{USAGE}?from=yesterday&to=2999-12-31", busy(stage))


@shows("dashboard.dashboard")
def dashboard_with_ninety_days_of_usage(stage):
    def act(page: Page) -> None:
        page.locator("#usage-90").click()
        expect(page.locator("#breakdown-card")).to_contain_text("90 days")
        expect(page.locator("#usage-90")).to_be_focused()
        expect(page).to_have_url(re.compile(r"/dashboard\?days=90$"))
        page.evaluate("document.body.dispatchEvent(new Event('creditsChanged'))")
        page.wait_for_load_state("networkidle")
        expect(page.locator("#usage-90")).to_have_attribute("aria-current", "true")
        expect(page.locator("#breakdown-card")).to_contain_text("90 days")
        page.locator(".as-table summary").click()

    return View(DASHBOARD, busy(stage), act=act)
