"""Chromium on the real pages: with scripts, without them, and with the CDN out of reach."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.support.databases import ROOT
from tests.support.site import Site, running_site
from webapp.settings import HTMX_URL

HTMX_FILE = ROOT / "tests/npm/node_modules/htmx.org/dist/htmx.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {urlsplit(HTMX_URL).hostname} ~NOTFOUND",  # the same with and without a network
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """One server for the browser tests of this process. After them all the ledger must be clean."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template, folder / "refill.sqlite3")
    with running_site(f"sqlite:///{folder}/refill.sqlite3", folder, TRUSTED_PROXIES="1") as site:
        yield site
        site.flask("credits", "verify")


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """Start Chromium once for each way of starting it: Playwright's own flags forbid pages kept in memory."""
    path = next(
        filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))),
        None,
    )
    assert path, "Chromium is missing: tests/support/prepare.sh installs it"
    with sync_playwright() as playwright:

        @cache
        def launch(*, memory: bool) -> Browser:
            left_out = ["--disable-back-forward-cache"] if memory else None
            started = playwright.chromium.launch(executable_path=path, args=list(FLAGS), ignore_default_args=left_out)
            browsers.append(started)
            return started

        browsers: list[Browser] = []
        yield launch
        for browser in browsers:
            browser.close()


def answer_as_the_cdn(route: Route) -> None:
    """The CDN can't be reached from tests: its address gives the npm package's own file, whose hash is the true one."""
    route.fulfill(
        body=HTMX_FILE.read_bytes(),
        headers={"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript; charset=utf-8"},
    )


addresses = itertools.count()
OpenBrowser = Callable[..., Page]


@pytest.fixture
def open_browser(launch: Callable[..., Browser], site: Site) -> Iterator[OpenBrowser]:
    """Open a fresh browser: `cdn` is "served", "unreachable" or a body to tamper with. Its console must stay clean.

    Whatever is served here is served by a route, and with routes a browser has no HTTP cache: "unreachable" has one.
    With `memory` it may keep pages that were left in memory, as people's browsers do.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(*, cdn: str = "served", expect_complaints: bool = False, memory: bool = False, **options: object) -> Page:
        context = launch(memory=memory).new_context(**{"base_url": site.url} | options)  # type: ignore[arg-type]
        context.set_default_timeout(8000)
        # Each browser has an address of its own: sign-ups are limited by address.
        context.set_extra_http_headers({"X-Forwarded-For": f"127.0.1.{next(addresses) % 250 + 1}"})
        contexts.append(context)
        if cdn == "served":
            context.route(HTMX_URL, answer_as_the_cdn)
        elif cdn != "unreachable":
            headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
            context.route(HTMX_URL, lambda route: route.fulfill(body=cdn, headers=headers))
        page = context.new_page()
        if not expect_complaints:
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints, complaints
