"""The pictures of the README: the real dashboard, served and looked at. `make pictures` draws them anew."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS, answer_as_the_cdn
from tests.browser.stage import COOKIE, Stage
from tests.browser.states_of_dashboard import running_low
from tests.support.databases import ROOT, migrate
from tests.support.site import running_site
from webapp.settings import HTMX_URL

IMAGES = ROOT / "docs/images"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1280, 900


def main() -> None:
    """Draw the dashboard in light and dark."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/refill.sqlite3"
        migrate(url)
        with running_site(url, Path(folder)) as site:
            stage = Stage.of(site)
            with stage.app.app_context():
                cookie = running_low(stage).pages.client.get_cookie(COOKIE)
            _draw(site.url, cookie.value)


def _draw(address: str, session: str) -> None:
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        for theme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme, reduced_motion="reduce"
            )
            context.route(HTMX_URL, answer_as_the_cdn)
            context.add_cookies([{"name": COOKIE, "value": session, "url": address}])
            page = context.new_page()
            page.goto(f"{address}/dashboard")
            page.screenshot(path=IMAGES / f"dashboard-{theme}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
