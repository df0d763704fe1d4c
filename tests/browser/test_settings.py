"""Settings in the browser: with scripts, without them, with the CDN blocked, by keyboard; both themes, both widths."""

import pytest
from playwright.sync_api import expect

from tests.browser import checks
from tests.support.walk import PASSWORD, badge, register

pytestmark = pytest.mark.browser

SETTINGS = "/dashboard/settings"
NEW_PASSWORD = "quite another password"
BROWSERS = {
    "with JavaScript": {"expect_complaints": True},  # Chromium itself complains of every 422
    "without JavaScript": {"java_script_enabled": False, "expect_complaints": True},
    "with the CDN blocked": {"cdn": "unreachable", "expect_complaints": True},
    "on a phone": {"viewport": {"width": 390, "height": 844}, "expect_complaints": True},
}


def focused(page):
    return page.evaluate("document.activeElement.id")


@pytest.mark.parametrize("options", BROWSERS.values(), ids=BROWSERS.keys())
def test_a_person_changes_look_email_and_password_and_signs_in_with_them(open_browser, options):
    page = open_browser(**options)
    email = register(page)
    page.goto(SETTINGS)
    page.locator("#theme-dark").check()
    page.locator("#look-locale").select_option(label="German (Germany)")
    page.locator("#look-zone").select_option("Asia/Kathmandu")
    page.locator("#save-look").click()
    expect(page.locator("#settings-look .save__done")).to_have_text("Saved")
    expect(page.locator("#balance-badge")).to_contain_text("1,00")
    expect(page.locator(".foot")).to_contain_text("Times shown in Asia/Kathmandu.")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"

    page.locator("#email").fill(f"new-{email}")
    page.locator("#email-present").fill("not my password")
    page.locator("#save-email").click()
    expect(page.locator("#email-summary")).to_have_text("That isn't your present password.")
    expect(page.locator("#email-summary")).to_be_focused()
    expect(page.locator("#email")).to_have_value(f"new-{email}")
    page.locator("#email-present").fill(PASSWORD)
    page.locator("#save-email").click()
    expect(page.locator("#settings-email .save__done")).to_have_text("Saved")

    page.locator("#password-present").fill(PASSWORD)
    page.locator("#password-new").fill(NEW_PASSWORD)
    page.locator("#save-password").click()
    expect(page.locator("#settings-password .save__done")).to_contain_text("Saved")

    page.goto("/logout")
    page.get_by_role("button", name="Sign out").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_label("Email").fill(f"new-{email}")
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    assert "1,00" in badge(page) or options.get("viewport")


def test_saving_one_section_leaves_unsaved_text_in_the_others_and_is_told_aloud(open_browser):
    page = open_browser()
    register(page)
    page.goto(SETTINGS)
    page.evaluate("window.stayed = true")
    page.locator("#email").fill("unsaved@example.com")
    page.locator("#password-new").fill("not sent yet")
    page.locator("#look-numbers").select_option("dot_comma")
    page.locator("#save-look").click()
    expect(page.locator("#live")).to_have_text("Saved.")
    assert focused(page) == "save-look"
    expect(page.locator("#email")).to_have_value("unsaved@example.com")
    expect(page.locator("#password-new")).to_have_value("not sent yet")
    expect(page.locator("#balance-badge")).to_contain_text("1,00")

    # A new password makes a new session: the forms that stayed go on with it.
    page.locator("#password-present").fill(PASSWORD)
    page.locator("#password-new").fill(NEW_PASSWORD)
    page.locator("#save-password").click()
    expect(page.locator("#live")).to_contain_text("Every other device was signed out.")
    page.locator("#email").fill(f"moved-{page.evaluate('Date.now()')}@example.com")
    page.locator("#email-present").fill(NEW_PASSWORD)
    page.locator("#save-email").click()
    expect(page.locator("#settings-email .save__done")).to_have_text("Saved")
    assert page.evaluate("window.stayed") is True
    page.locator("#account-menu summary").click()
    expect(page.locator("#account-email")).to_contain_text("moved-")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")


def test_other_devices_are_signed_out_at_once(open_browser):
    phone, laptop = open_browser(), open_browser()
    email = register(phone)
    laptop.goto("/login")
    laptop.get_by_label("Email").fill(email)
    laptop.get_by_label("Password", exact=True).fill(PASSWORD)
    laptop.get_by_role("button", name="Sign in").click()
    laptop.goto(SETTINGS)
    laptop.locator("#save-browsers").click()
    expect(laptop.locator("#settings-browsers")).to_contain_text("Signed out 1 other device.")
    phone.goto("/dashboard")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Welcome back")
    laptop.goto("/dashboard")
    expect(laptop.get_by_role("heading", level=1)).to_have_text("Dashboard")


def test_a_form_that_can_not_be_saved_says_so_and_can_be_sent_again(open_browser):
    page = open_browser(expect_complaints=True)
    register(page)
    page.goto(SETTINGS)
    page.route("**/partials/settings/look", lambda route: route.fulfill(status=500, body="broken"))
    page.locator("#save-look").click()
    expect(page.locator("#toasts")).to_contain_text("Couldn't save. Try again in a minute.")
    page.unroute("**/partials/settings/look")
    page.locator("#save-look").click()
    expect(page.locator("#settings-look .save__done")).to_have_text("Saved")

    page.evaluate("document.getElementById('csrf-look').value = 'old'")
    page.locator("#save-look").click()
    expect(page.locator("#alerts #error")).to_contain_text("This page got old")
    expect(page.locator("#look-form")).not_to_have_attribute("aria-busy", "true")


def test_keyboard_alone_changes_a_setting(open_browser):
    page = open_browser()
    register(page)
    page.goto("/dashboard")
    page.locator("#account-menu summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{SETTINGS}")
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == "theme-device":
            break
    page.keyboard.press("ArrowDown")
    assert focused(page) == "theme-light"
    page.keyboard.press("Tab")
    page.keyboard.type("German (A")
    while focused(page) != "save-look":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#settings-look .save__done")).to_have_text("Saved")
    expect(page.locator("#look-locale")).to_have_value("de_AT")
    expect(page.locator("#theme-light")).to_be_checked()


def test_a_new_account_has_the_zone_of_the_device(open_browser):
    page = open_browser(timezone_id="America/Lima")
    register(page)
    expect(page.locator(".foot")).to_contain_text("Times shown in America/Lima.")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_in_any_state(open_browser, theme, width):
    page = open_browser(
        color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True, expect_complaints=True
    )
    register(page)
    page.goto(SETTINGS)
    found = checks.axe(page)
    page.locator("#save-look").click()
    page.locator("#settings-look .save__done").wait_for()
    page.locator("#email-present").fill("not my password")
    page.locator("#save-email").click()
    page.locator("#email-summary").wait_for()
    page.locator("#account-menu summary").click()
    assert not found + checks.axe(page)


def test_nothing_scrolls_sideways_at_320_pixels(open_browser):
    page = open_browser(viewport={"width": 320, "height": 700})
    register(page)
    page.goto(SETTINGS)
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
