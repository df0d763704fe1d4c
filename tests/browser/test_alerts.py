"""Being told of a threshold and putting that away, in the browser; with scripts, and where the CDN is blocked."""

import pytest
from playwright.sync_api import expect

from tests.support.walk import register

pytestmark = pytest.mark.browser

BROWSERS = {"with JavaScript": {}, "with the CDN blocked": {"cdn": "unreachable", "expect_complaints": True}}


@pytest.mark.parametrize("options", BROWSERS.values(), ids=BROWSERS.keys())
def test_a_chosen_line_is_told_at_once_and_put_away_for_good(open_browser, options):
    page = open_browser(**options)
    register(page)
    page.goto("/dashboard/settings")
    page.locator("#alerts-low").fill("100")
    page.locator("#save-alerts").click()
    expect(page.locator("#settings-alerts .save__done")).to_have_text("Saved")
    expect(page.locator("#alert-low")).to_contain_text("Your balance is under 100 credits")
    page.locator("#alert-low-dismiss").click()
    expect(page.locator("#alert-low")).to_have_count(0)
    if not options:
        expect(page.locator("#alerts")).to_be_focused()
        expect(page.locator("#live")).to_have_text("Alert dismissed.")
    assert page.url.endswith(("/dashboard/settings", "#settings-alerts"))
    page.reload()
    expect(page.locator("#alert-low")).to_have_count(0)
