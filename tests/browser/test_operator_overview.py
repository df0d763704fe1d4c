"""The operator's overview asks for its lights again while somebody looks at it, and only then."""

import pytest
from playwright.sync_api import expect

from tests.support.walk import PASSWORD, sign_in, stop_clock

pytestmark = pytest.mark.browser

PARTIAL = "/partials/operator/health"
numbers = iter(range(1000))


@pytest.fixture
def page(open_browser, site):
    """An operator on the overview; the clock of the page stands still. `page.asked` has what it asks for."""
    email = f"overseer-{next(numbers)}@example.com"
    site.flask("user", "create", email, "--password", PASSWORD, "--role", "support")
    page = open_browser()
    page.goto("/login?next=/operator")
    sign_in(page, email)
    stop_clock(page)
    page.goto("/operator")
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url) if PARTIAL in request.url else None)
    return page


def test_every_half_minute_while_it_is_seen_and_not_while_it_is_hidden(page):
    page.clock.run_for(29_000)
    assert page.asked == []
    with page.expect_response(f"**{PARTIAL}"):
        page.clock.run_for(1_100)
    page.clock.run_for(50)  # what htmx does after an answer
    expect(page.locator("#op-health h2")).to_be_visible()
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    page.clock.run_for(120_000)
    assert len(page.asked) == 1
