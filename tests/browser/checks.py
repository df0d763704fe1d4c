"""What must be true of every page, asked in the browser. Each check answers with its faults, a sentence each."""

from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.support.databases import ROOT

AXE = (ROOT / "tests/npm/node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LARGE_TEXT_PIXELS = 32  # twice the usual

RUN_AXE = """async (rules) => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary}`);
}"""

STRUCTURE = """() => {
    const faults = [];
    const all = (selector) => [...document.querySelectorAll(selector)];
    const say = (words, elements) => elements.forEach((one) => faults.push(`${words}: ${one.outerHTML.slice(0, 120)}`));
    if (!/^\\S.*\\S · (Refill|Simulated Stripe)$/.test(document.title)) faults.push(`title: ${document.title}`);
    if (all("h1").length !== 1) faults.push(`${all("h1").length} h1`);
    const ids = all("[id]").map((one) => one.id);
    const twice = new Set(ids.filter((id, place) => ids.indexOf(id) !== place));
    if (twice.size) faults.push(`ids twice: ${[...twice]}`);
    say("style attribute", all("[style]"));
    say("inline style", all("style"));
    say("inline script", all("script:not([src])"));
    say("handler", all("*").filter((one) => one.getAttributeNames().some((name) => /^(on|hx-on)/.test(name))));
    say("form without an action", all("form:not([action])"));
    say("meter without words", all("[role=meter], meter").filter((one) => !one.getAttribute("aria-valuetext")));
    say("picture without words", all("svg:not([aria-hidden]), [role=img]").filter((one) => !one.ariaLabel));
    return faults;
}"""

# The space a finger has: 44 px for what acts, 24 px for the rest, in tables and in the simulator's tools.
# A link inside a sentence has none of its own.
TARGETS = """() => {
    const acts = ".btn, .input, .avatar, .badge-balance, .check, .choice, .nav a";
    const isSmall = (one) => {
        const box = one.getBoundingClientRect();
        if (!box.width || one.closest(".vh, .skip") || getComputedStyle(one).display === "inline") return false;
        const least = one.matches(acts) && !one.closest("td, .sim-acts") ? 44 : 24;
        return Math.min(box.width, box.height) < least - 0.5;
    };
    return [...document.querySelectorAll("a, button, input, summary, label.check, label.choice")]
        .filter((one) => !one.closest("label") || one.matches("label"))
        .filter(isSmall).map((one) => `small target: ${one.outerHTML.slice(0, 120)}`);
}"""


def structure(page: Page) -> list[str]:
    """Title, headings, ids, forms; nothing inline; words for what is drawn."""
    return list(page.evaluate(STRUCTURE))


def axe(page: Page) -> list[str]:
    """What axe finds against WCAG 2.0 to 2.2, A and AA, as the page looks now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return list(page.evaluate(RUN_AXE, RULES))


def targets(page: Page) -> list[str]:
    """Controls that are too small for a finger."""
    return list(page.evaluate(TARGETS))


def sideways(page: Page) -> list[str]:
    """Whether the page is wider than the screen, and what sticks out."""
    return list(
        page.evaluate(
            """() => {
                const root = document.documentElement;
                if (root.scrollWidth <= root.clientWidth) return [];
                const isOut = (one) => one.getBoundingClientRect().right > root.clientWidth + 1;
                const wide = [...document.querySelectorAll("body *")].filter(isOut);
                const worst = wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 100));
                return [`${root.scrollWidth} px wide: ${worst.join(" | ")}`];
            }"""
        )
    )


def enlarge_text(page: Page) -> CDPSession:
    """Set the browser's own font size to twice the usual, as people do in its settings."""
    session = page.context.new_cdp_session(page)
    sizes: dict[str, Any] = {"standard": LARGE_TEXT_PIXELS, "fixed": LARGE_TEXT_PIXELS}
    session.send("Page.setFontSizes", {"fontSizes": sizes})
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == f"{LARGE_TEXT_PIXELS}px"
    return session
