"""Every page in both themes and two widths: axe, sideways scroll, sizes."""

from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.walk import open_checkout, pay, register

pytestmark = pytest.mark.browser

AXE = (ROOT / "tests/npm/node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PUBLIC = ("/login", "/register", "/no-such-page")
PRIVATE = ("/dashboard", "/dashboard/credits", "/dashboard/credits?minutes=300", "/_stripe/")


def faults(page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [f"{page.url}: {rule['id']}: {rule['nodes'][0]['html'][:120]}" for rule in found["violations"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(open_browser, theme, width):
    page = open_browser(
        color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True, expect_complaints=True
    )
    found = []
    for path in PUBLIC:
        page.goto(path)
        found += faults(page)
    register(page)
    found += _after_buying(page)
    for path in PRIVATE:
        page.goto(path)
        found += faults(page)
    assert not found


def _after_buying(page) -> list[str]:
    open_checkout(page)
    found = faults(page)
    pay(page, "delayed_succeeds")
    page.get_by_role("heading", name="Your bank needs a little longer").wait_for()
    found += faults(page)
    open_checkout(page)
    pay(page)
    page.get_by_role("heading", name="1,000 credits added").wait_for(timeout=15_000)
    found += faults(page)
    page.get_by_role("link", name="View receipt").click()
    return found + faults(page)


def test_nothing_scrolls_sideways_at_320_pixels(open_browser):
    page = open_browser(viewport={"width": 320, "height": 700})
    register(page)
    open_checkout(page)
    wide = [page.url] if _is_wide(page) else []
    pay(page)
    for path in ("/dashboard", "/dashboard/credits", "/dashboard/credits?minutes=300", "/login"):
        page.goto(path)
        wide += [path] if _is_wide(page) else []
    assert not wide


def _is_wide(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_what_is_sent_is_small():
    static = ROOT / "webapp/static"
    assert (static / "app.js").stat().st_size < 6 * 1024
    assert sum(path.stat().st_size for path in Path(static).glob("*.css")) < 40 * 1024


def test_keyboard_alone_buys_a_pack(open_browser):
    page = open_browser()
    register(page)
    page.goto("/dashboard/credits")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "buy-popular-now":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/_stripe/c/pay/**")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip().startswith("Pay "):
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="1,000 credits added").wait_for(timeout=15_000)
