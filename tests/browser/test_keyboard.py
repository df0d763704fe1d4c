"""The whole way without a mouse, on a phone's width: register, sign in, buy, see the credits, sign out.

At each stop of the Tab key the focus must be seen: a ring around it, and neither bar over it.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.support.walk import PASSWORD, badge

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}}
BROWSERS = {
    "with JavaScript": {},
    "without JavaScript": {"java_script_enabled": False},
    "with the CDN blocked": {"cdn": "blocked", "expect_complaints": True},
}
MOST_STOPS = 60

# The element in focus by its id, its label or its words, and what is wrong with how it is seen.
FOCUS = """() => {
    const focused = document.activeElement;
    const ringed = focused.closest(".choice") ?? focused;
    const name = focused.id || focused.value || focused.textContent.trim().replace(/\\s+/g, " ");
    const style = getComputedStyle(ringed);
    const faults = [];
    if (style.outlineStyle !== "solid" || parseFloat(style.outlineWidth) < 2) faults.push("no ring");
    const [box] = ringed.getClientRects();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    if (!hit) faults.push("out of sight");
    else if (!ringed.contains(hit)) faults.push(`under ${hit.outerHTML.slice(0, 80)}`);
    return { name, faults };
}"""


@pytest.fixture(params=BROWSERS.values(), ids=BROWSERS.keys())
def page(request, open_browser):
    return open_browser(**PHONE, **request.param)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this id, or these words, has the focus."""
    passed = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert not focus["faults"], f"{focus['name']}: {focus['faults']} on {page.url}"
        passed.append(focus["name"])
        if focus["name"] == name:
            return
    raise AssertionError(f"Tab never came to {name}: {passed}")


def arrive(page: Page, heading: str) -> None:
    """A new page is there, with its style sheet: a ring that has yet to be drawn can't be seen."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading, timeout=15_000)
    page.wait_for_load_state()


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        tab_to(page, name)
        page.keyboard.type(text)


def press(page: Page, name: str, key: str = "Enter") -> None:
    tab_to(page, name)
    page.keyboard.press(key)


def register_and_sign_in_again(page: Page, email: str) -> None:
    page.goto("/register")
    fill(page, em=email, pw=PASSWORD)
    press(page, "Create account")
    arrive(page, "Dashboard")
    sign_out(page)
    fill(page, em=email, pw=PASSWORD)
    press(page, "1", "Space")
    press(page, "Sign in")
    arrive(page, "Dashboard")


def buy_the_popular_pack(page: Page) -> None:
    press(page, "Credits")
    arrive(page, "Credits")
    press(page, "buy-popular-now")
    page.wait_for_url("**/_stripe/c/pay/**")
    page.wait_for_load_state()
    tab_to(page, "succeeds")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUS) == {"name": "declined", "faults": []}
    page.keyboard.press("ArrowUp")
    press(page, "Pay $35.00")
    arrive(page, "1,000 credits added")


def sign_out(page: Page) -> None:
    tab_to(page, page.locator("#account-menu summary").inner_text().replace("\n", ""))
    page.keyboard.press("Enter")
    press(page, "sign-out")
    arrive(page, "Welcome back")


def test_whole_way_is_walked_by_keyboard_with_the_focus_in_sight(page, request):
    register_and_sign_in_again(page, f"keys-{list(BROWSERS).index(request.node.callspec.id)}@example.com")
    buy_the_popular_pack(page)
    press(page, "Back to credits")
    expect(page.get_by_text("Your new balance is 1,020 credits.")).to_be_visible()
    assert badge(page).startswith("1,020 credits")
    tab_to(page, "estimate-minutes")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("600")
    page.keyboard.press("Enter")
    expect(page.locator("#pack-estimate")).to_contain_text("About 1,800 credits a month.")
    page.goto("/dashboard")
    sign_out(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_every_stop_of_the_longest_page_is_seen_forth_and_back(open_browser, width):
    page = open_browser(viewport={"width": width, "height": 600})
    page.goto("/register")
    fill(page, em=f"stops-{width}@example.com", pw=PASSWORD)
    press(page, "Create account")
    arrive(page, "Dashboard")
    page.goto("/dashboard/credits")
    tab_to(page, "Skip to content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    names = []
    for key in ["Tab"] * 9 + ["Shift+Tab"] * 8:
        page.keyboard.press(key)
        focus = page.evaluate(FOCUS)
        assert not focus["faults"], f"{focus['name']}: {focus['faults']}"
        names.append(focus["name"])
    assert {"buy-starter-now", "buy-maximum-now", "estimate-minutes"} <= set(names)
