"""Error pages and their partial form (pages 4.11)."""

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.pages import PageClient
from webapp import create_app
from webapp.extensions import db


@pytest.fixture
def broken(settings, shopper):
    """An application with two views that break, and the shopper's browser in it."""
    app = create_app(settings)

    @app.get("/broken")
    def page():
        raise RuntimeError("secret details")

    @app.get("/partials/broken")
    def partial():
        raise RuntimeError("secret details")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        yield type(shopper).of(app, shopper.user)


def test_unknown_page_is_drawn_in_the_shell_for_the_signed_in(shopper):
    page = shopper.pages.open("/no-such-page", status=404)
    assert page.heading == "We can't find that page"
    assert page.title == "We can't find that page · Refill"
    assert page.has_id("balance-badge")
    assert page.with_id("error").all("a")[0].attributes["href"] == "/dashboard"


def test_unknown_page_is_drawn_bare_for_strangers(anonymous):
    page = anonymous.open("/no-such-page", status=404)
    assert page.heading == "We can't find that page"
    assert not page.has_id("balance-badge")


def test_wrong_method_says_so(shopper):
    page = shopper.pages.page_of(shopper.pages.client.put("/dashboard"), status=405)
    assert page.heading == "We can't do that here"


def test_broken_page_says_the_balance_is_safe_and_gives_a_reference(broken):
    page = broken.pages.open("/broken", status=500)
    assert page.heading == "Something broke on our side"
    assert "Your balance is safe." in page.text
    assert f"Reference: {page.response.headers['X-Request-ID']}" in page.text
    assert "secret details" not in page.html


def test_page_and_partial_say_the_same(broken):
    page = broken.pages.open("/broken", status=500).with_id("error")
    partial = broken.pages.partial("/partials/broken", status=500)
    assert partial.response.headers["HX-Retarget"] == "#alerts"
    assert partial.response.headers["HX-Reswap"] == "innerHTML"
    banner = partial.with_id("error")
    assert banner.attributes["role"] == "alert"
    for words in ("Something broke on our side", "Your balance is safe."):
        assert words in page.text
        assert words in banner.text


def test_error_page_needs_no_database(app, shopper):
    def unplug(*_):
        raise OperationalError("SELECT", {}, Exception("no database"))

    from sqlalchemy import event

    app.config["PROPAGATE_EXCEPTIONS"] = False
    event.listen(db.engine, "before_cursor_execute", unplug)
    try:
        for path, status in (("/dashboard", 500), ("/dashboard/credits", 500), ("/no-such-page", 404)):
            page = shopper.pages.open(path, status=status)
            assert not page.has_id("balance-badge")
            assert page.with_id("error").all("a")
    finally:
        event.remove(db.engine, "before_cursor_execute", unplug)


def test_too_large_a_form_is_refused(shopper):
    answer = shopper.pages.client.post("/dashboard/credits/checkout", data={"pack": "x" * (1 << 21)})
    assert answer.status_code in {400, 413}
    assert isinstance(shopper.pages, PageClient)
    assert shopper.pages.page_of(answer, status=answer.status_code).with_id("error")
