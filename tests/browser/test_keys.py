"""API keys in the browser: made, copied, renewed and revoked; with scripts, without them, by keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.walk import register

pytestmark = pytest.mark.browser

KEYS = "/dashboard/settings/keys"


def make(page, name):
    page.goto(KEYS)
    page.get_by_label("Name").fill(name)
    page.locator("#scope-spend").check()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Your new key “{name}”")
    return page.locator("#secret").input_value()


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def test_a_key_is_made_copied_and_gone_after_loading_again(open_browser):
    page = open_browser(permissions=["clipboard-read", "clipboard-write"])
    register(page)
    secret = make(page, "Build server")
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).to_have_text("Copied")
    expect(page.locator("#live")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert page.evaluate("getSelection().toString()") == secret

    page.reload()  # the browser sends the form again
    expect(page.get_by_role("heading", level=1)).to_have_text("API keys")
    expect(page.locator("#keys-warn")).to_contain_text("That form was sent before.")
    assert page.locator("#keys tbody tr").count() == 1
    assert secret not in page.content()
    page.go_back()
    assert secret not in page.content()


def test_where_nothing_may_be_copied_the_secret_is_selected(open_browser):
    page = open_browser()
    register(page)
    secret = make(page, "CI")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).to_contain_text("Selected.")
    assert page.evaluate("getSelection().toString()") == secret


def test_a_dialog_asks_before_a_key_is_revoked_by_keyboard_alone(open_browser):
    page = open_browser()
    register(page)
    make(page, "CI")
    page.goto(KEYS)
    page.get_by_role("link", name="CI").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(KEYS + r"/\d+"))
    page.locator("#revoke-key").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_accessible_name("Revoke “CI”?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert focused(page) == "revoke-key", "the focus is back where it was"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "Keep it"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#keys-ok")).to_contain_text("Revoked “CI”.")
    expect(page.get_by_role("heading", level=2, name="No API keys yet")).to_be_visible()


@pytest.mark.parametrize("options", [{"java_script_enabled": False}, {"viewport": {"width": 390, "height": 844}}])
def test_everything_works_without_a_script_and_on_a_phone(open_browser, options):
    page = open_browser(**options)
    register(page)
    secret = make(page, "CI")
    expect(page.get_by_role("button", name="Copy")).to_be_visible(visible="viewport" in options)
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("link", name="CI").click()
    page.locator("#key-name").fill("Nightly")
    page.get_by_role("button", name="Save name").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nightly")
    expect(page.locator(".save__done")).to_have_text("Saved")
    page.locator("#overlap").select_option("At once")
    page.get_by_role("button", name="Renew key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your renewed key “Nightly”")
    assert page.locator("#secret").input_value() != secret
    page.goto(KEYS)
    page.get_by_role("link", name="Nightly").click()
    page.locator("#revoke-key").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.locator("#keys-ok")).to_contain_text("Revoked “Nightly”.")
