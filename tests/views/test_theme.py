"""The theme of pages that know nobody: from a cookie that follows whoever is signed in."""

import pytest

from tests.support.browsing import sign_in
from tests.support.pages import PageClient
from webapp import create_app
from webapp.extensions import db, transact
from webapp.people.models import User

SETTINGS = "/dashboard/settings"


def choose(user, theme):
    transact(lambda session: setattr(session.get_one(User, user.id), "theme", theme))


def theme_of(page):
    """The theme on the page; the first colours a browser paints must be the same."""
    (html,) = page.root.all("html")
    (meta,) = page.root.all("meta", name="color-scheme")
    theme = html.attributes.get("data-theme")
    assert meta.attributes["content"] == (theme or "light dark")
    return theme


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sign_in_and_error_pages_keep_the_theme_after_sign_out(shopper, theme):
    choose(shopper.user, theme)
    assert theme_of(shopper.pages.open("/dashboard")) == theme
    assert theme_of(shopper.pages.open("/no-such-page", status=404)) == theme
    token = shopper.pages.open(SETTINGS).with_id("csrf-sign-out").attributes["value"]
    shopper.pages.client.post("/logout", data={"csrf_token": token})
    assert theme_of(shopper.pages.open("/login")) == theme
    assert theme_of(shopper.pages.open("/no-such-page", status=404)) == theme


def test_a_page_without_the_database_keeps_the_theme(app, shopper):
    choose(shopper.user, "dark")
    shopper.pages.open("/dashboard")

    def break_(*_given):
        raise RuntimeError

    app.view_functions["dashboard.dashboard"] = break_
    app.config["PROPAGATE_EXCEPTIONS"] = app.testing = False
    assert theme_of(shopper.pages.page_of(shopper.pages.client.get("/dashboard"), status=500)) == "dark"


def test_the_device_decides_for_those_who_never_chose(shopper, anonymous):
    assert theme_of(anonymous.open("/login")) is None
    answer = shopper.pages.open("/dashboard").response
    assert "theme" not in str(answer.headers)


def test_the_cookie_follows_a_choice_made_on_another_device_and_goes_with_it(shopper):
    choose(shopper.user, "dark")
    shopper.pages.open("/dashboard")
    assert shopper.pages.client.get_cookie("refill-theme").value == "dark"
    assert "Set-Cookie" not in shopper.pages.open("/dashboard").response.headers
    choose(shopper.user, "light")
    shopper.pages.open("/dashboard")
    assert shopper.pages.client.get_cookie("refill-theme").value == "light"
    choose(shopper.user, "device")
    shopper.pages.open("/dashboard")
    assert shopper.pages.client.get_cookie("refill-theme") is None


@pytest.mark.parametrize("kept", ["neon", "", "dark dark", '"><script>', "device"])
def test_a_made_up_cookie_is_no_theme(app, kept):
    client = app.test_client(use_cookies=False)
    answer = client.get("/login", headers={"Cookie": f"refill-theme={kept}"})
    assert theme_of(PageClient(client).page_of(answer)) is None


def test_the_cookie_is_closed_and_the_hosts_own_over_https(settings, shopper):
    choose(shopper.user, "dark")
    plain = sign_in(shopper.app, shopper.user).get("/dashboard").headers["Set-Cookie"]
    assert plain.startswith("refill-theme=dark;")
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=31536000"} <= set(plain.split("; "))
    assert "Secure" not in plain
    app = create_app(settings.model_copy(update={"base_url": "https://credits.example.com"}))
    with app.app_context():
        client = sign_in(app, shopper.user)
        (cookie,) = [
            header for header in client.get("/dashboard", base_url="https://localhost").headers.getlist("Set-Cookie")
            if "theme" in header
        ]  # fmt: skip
        db.session.remove()
        db.engine.dispose()
    assert cookie.startswith("__Host-refill-theme=dark;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
