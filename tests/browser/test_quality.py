"""The pages in the states of the table: axe in themes and widths, reflow, large text, sizes, the console."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

import tests.browser.states_of_alerts
import tests.browser.states_of_api
import tests.browser.states_of_billing
import tests.browser.states_of_dashboard
import tests.browser.states_of_history
import tests.browser.states_of_money_back
import tests.browser.states_of_operator
import tests.browser.states_of_operator_money
import tests.browser.states_of_portal
import tests.browser.states_of_settings
import tests.browser.states_of_subscriptions
import tests.browser.states_of_usage  # noqa: F401  # they enter their states into the table
from tests.browser import checks, states_of_checkout, states_of_credits, states_of_people
from tests.browser.conftest import answer_as_the_cdn
from tests.browser.stage import Stage
from tests.browser.states import STATES
from tests.support.databases import ROOT
from tests.support.site import Site
from webapp.billing.models import PURCHASE_STATES
from webapp.settings import HTMX_URL
from webapp.web.pages.checkout import Outcome

pytestmark = pytest.mark.browser

MOST_BYTES = 40 * 1024
TALL = 900

# What a GET may answer that is no page of its own; the partials stand in the pages around them.
NO_PAGES = re.compile(
    r"api\.|api_docs\.document$|partials\.|legacy\.|health\.|(\w+\.)?static$|dashboard\.home$|keys\.back$|"
    r"history\.export$|refunds\.back$|operator\.op_|settings\.(?!settings$)"
)
LONG_LISTS = {"simulator.control_room"}  # a tool of developers: forty lines of everything


@pytest.fixture(scope="module")
def stage(site: Site) -> Stage:
    return Stage.of(site)


@pytest.fixture
def page(launch: Callable[..., Browser], site: Site) -> Iterator[Page]:
    """A fresh browser on a desk: light, without motion."""
    context = launch(memory=False).new_context(viewport={"width": 1280, "height": TALL}, reduced_motion="reduce")
    context.set_default_timeout(8000)
    context.route(HTMX_URL, answer_as_the_cdn)
    yield context.new_page()
    context.close()


# Every look is a theme and a width. The gate looks at each state in one of the four, by turns along the table.
LOOKS = ((1280, "light"), (390, "dark"), (1280, "dark"), (390, "light"))


@pytest.fixture
def looked_at(request: pytest.FixtureRequest, name: str) -> Iterable[tuple[int, str]]:
    """In which looks the state is looked at: all of them with --all-cases."""
    place = list(STATES).index(name) % len(LOOKS)
    return LOOKS if request.config.getoption("--all-cases") else LOOKS[place : place + 1]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All states with --all-cases; in the gate of each page the first, and of the others every fifth."""
    if metafunc.function is not test_page_is_sound_in_this_state:
        return
    first = {state.endpoint: name for name, state in reversed(STATES.items())}
    sample = [
        name for place, (name, state) in enumerate(STATES.items()) if first[state.endpoint] == name or place % 5 == 0
    ]
    metafunc.parametrize("name", STATES if metafunc.config.getoption("--all-cases") else sample)


def test_page_is_sound_in_this_state(name, stage, site, page, looked_at):
    said = complaints(page)
    with stage.app.app_context():
        view = STATES[name].make(stage)
    answer = view.open(page, site)
    faults = checks.structure(page)
    if STATES[name].endpoint not in LONG_LISTS and len(answer.body()) >= MOST_BYTES:
        faults.append(f"{len(answer.body())} bytes of HTML")
    faults += looks(page, looked_at)
    faults += reflows(page)
    assert not faults + [words for words in said if not view.is_disturbed]


def complaints(page: Page) -> list[str]:
    """What the console will say. That a page is itself answered by 4xx or 5xx is no complaint."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        is_own_status = message.text.startswith("Failed to load resource") and message.location["url"] == page.url
        if message.type in {"error", "warning"} and not is_own_status:
            said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def looks(page: Page, looked_at: Iterable[tuple[int, str]]) -> list[str]:
    """Faults of each look, and on a phone controls too small for a finger."""
    faults = []
    for width, theme in looked_at:
        page.set_viewport_size({"width": width, "height": TALL})
        page.emulate_media(color_scheme=theme)
        faults += [f"{width} {theme}: {fault}" for fault in checks.axe(page)]
    page.set_viewport_size({"width": 390, "height": TALL})
    return faults + [f"390: {fault}" for fault in checks.targets(page)]


def reflows(page: Page) -> list[str]:
    """Faults of the narrowest screen, and of letters twice as large on a desk and on a phone."""
    page.set_viewport_size({"width": 320, "height": TALL})
    faults = [f"320: {fault}" for fault in checks.sideways(page)]
    checks.enlarge_text(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": TALL})
        faults += [f"{width}, large text: {fault}" for fault in checks.sideways(page)]
    return faults


def test_every_page_has_its_states(stage):
    shown = {state.endpoint for state in STATES.values()}
    pages = {
        rule.endpoint
        for rule in stage.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not NO_PAGES.match(rule.endpoint)
    }
    assert pages - shown == set(), "a page without a row in the table of states"
    assert {name for name in shown - pages if not name.startswith("error ")} == set(), "a row without a page"


def test_every_outcome_and_every_state_of_a_purchase_has_its_state():
    assert set(states_of_checkout.OUTCOMES) == set(get_args(Outcome))
    assert set(states_of_credits.NOTICES) == set(PURCHASE_STATES)


def test_every_error_people_meet_has_its_state():
    met = {state.endpoint for state in STATES.values() if state.make.__module__ == states_of_people.__name__}
    assert met >= {f"error {status}" for status in (400, 403, 404, 405, 429, 500, 503)}


def test_what_is_sent_is_small():
    static = ROOT / "webapp/static"
    assert (static / "app.js").stat().st_size < 6 * 1024
    assert (static / "keys.js").stat().st_size < 1024
    for page in (ROOT / "webapp/templates").rglob("*.html"):
        sheets = {"app.css", *re.findall(r"asset\('([a-z]+\.css)'\)", page.read_text())}
        assert sum((static / name).stat().st_size for name in sheets) < MOST_BYTES, page


@pytest.fixture
def full_page(stage: Stage, site: Site, page: Page) -> Page:
    """The credits page with everything on it."""
    with stage.app.app_context():
        STATES["credits with purchases in every state"].make(stage).open(page, site)
    return page


def test_nothing_moves_for_those_who_asked_for_no_motion(full_page):
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
        const { transitionDuration, animationName, animationDuration } = getComputedStyle(one);
        const turns = animationName !== "none" && parseFloat(animationDuration) < 2;
        return turns || transitionDuration.split(", ").some((part) => parseFloat(part));
    }).map((one) => one.outerHTML.slice(0, 120))"""
    assert full_page.evaluate(moving) == []
    full_page.emulate_media(reduced_motion="no-preference")
    assert full_page.evaluate(moving), "the check saw nothing that could have moved"


def test_borders_tell_what_colours_told_where_the_system_sets_the_colours(full_page):
    full_page.emulate_media(forced_colors="active")
    bare = """() => [".btn", ".chip", ".pack--star", ".pack__badge", ".tag", ".banner", ".input", ".avatar", ".callout"]
        .filter((name) => {
            const found = document.querySelector(name);
            const style = found && getComputedStyle(found);
            return !style || style.borderTopStyle === "none" || parseFloat(style.borderTopWidth) < 1;
        })"""
    assert full_page.evaluate(bare) == []
    current = "getComputedStyle(document.querySelector('.nav [aria-current=page]')).outlineStyle"
    assert full_page.evaluate(current) == "solid"
    dots = "[...document.querySelectorAll('.legend .dot')].map((one) => getComputedStyle(one).backgroundColor)"
    assert len(set(full_page.evaluate(dots))) == 2, "the sources keep their colours"


def test_a_long_name_gives_way_to_the_balance_on_a_phone(full_page):
    full_page.set_viewport_size({"width": 390, "height": TALL})
    width = "document.querySelector('#balance-badge').getBoundingClientRect().width"
    before = full_page.evaluate(width)
    full_page.locator(".bar .brand__name").evaluate("(name) => { name.textContent = 'A name of some length' }")
    assert full_page.evaluate(width) == before


@pytest.mark.parametrize("name", ["receipt with tax and long names", "receipt of what was refunded in part"])
def test_receipt_prints_on_one_sheet_without_the_shell(stage, site, page, name):
    with stage.app.app_context():
        STATES[name].make(stage).open(page, site)
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
    page.emulate_media(media="print", color_scheme="dark")
    for shell in (".bar", ".ribbon", ".foot", "#toasts", ".back", "#alerts .banner"):
        assert not page.locator(shell).first.is_visible(), shell
    assert page.get_by_role("heading", name="Receipt").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = "getComputedStyle(document.querySelector('.kv dd')).color"
    assert page.evaluate(ink) == "rgb(18, 24, 38)", "dark letters on white paper, whatever the theme"


def test_axe_and_the_other_checks_can_find_something(page: Page):
    context: BrowserContext = page.context
    context.route("http://broken.example/", lambda route: route.fulfill(body=BROKEN, content_type="text/html"))
    page.goto("http://broken.example/")
    found = "\n".join([*checks.axe(page), *checks.structure(page), *checks.targets(page), *checks.sideways(page)])
    for fault in ("color-contrast", "html-has-lang", "label", "title:", "2 h1", "ids twice: a", "style attribute"):
        assert fault in found
    for fault in ("inline style", "inline script", "without an action", "meter", "picture", "small target", "px wide"):
        assert fault in found


BROKEN = """<!doctype html><title>No brand</title><style>p { color: #ddd }</style><script>1</script>
<h1 id="a">One</h1><h1 id="a">Two</h1><p onclick="1">Pale</p><form><input></form><div role="meter"></div>
<svg width="9" height="9"></svg><button class="btn">Buy</button><div style="width: 3000px">Wide</div>"""
