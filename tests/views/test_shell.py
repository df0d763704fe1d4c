"""What stands around every page (pages 4.0)."""

import datetime as dt
import re
from pathlib import Path

import pytest

from tests.api.books import grant, spend
from webapp import create_app
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.models import User

PAGES = ("/dashboard", "/dashboard/credits", "/billing")


@pytest.mark.parametrize("path", PAGES)
def test_navigation_names_only_pages_that_exist_and_says_where_one_is(shopper, path):
    page = shopper.pages.open(path)
    (nav,) = page.root.all("nav")
    links = nav.all("a")
    assert [link.text for link in links] == ["Dashboard", "Credits", "Usage", "History", "Billing"]
    assert [link.attributes["href"] for link in links if link.attributes.get("aria-current") == "page"] == [path]
    for href in page.links().values():
        if href.startswith("/"):
            assert shopper.pages.client.get(href.partition("#")[0]).status_code == 200, href


def test_badge_tells_the_balance_and_its_worth(shopper):
    badge = shopper.pages.open("/dashboard").with_id("balance-badge")
    assert badge.text == "20 credits $1.00"
    assert badge.attributes["aria-label"] == "Balance: 20 credits $1.00"
    assert badge.attributes["href"] == "/dashboard/credits"
    assert "aria-live" not in badge.attributes


def test_badge_says_low_in_a_word_below_a_fifth_of_the_smallest_pack(shopper):
    spend(shopper.user.account_id, 1)
    badge = shopper.pages.open("/dashboard").with_id("balance-badge")
    assert badge.text == "19 credits low $0.95"
    assert badge.attributes["aria-label"] == "Balance: 19 credits low $0.95"


def test_out_of_credits_is_an_alert_on_every_page_until_there_are_some(shopper):
    assert shopper.pages.open("/dashboard").with_id("alerts").text == ""
    spend(shopper.user.account_id, 20)
    for path in PAGES:
        alerts = shopper.pages.open(path).with_id("alerts")
        assert alerts.text.startswith("You're out of credits Usage is paused.")
        assert alerts.all("a")[0].attributes["href"] == "/dashboard/credits"
    grant(shopper.user.account_id, 5)
    assert shopper.pages.open("/dashboard").with_id("alerts").text == ""


def test_account_without_any_credits_ever_is_not_out_of_them(stranger):
    page = stranger.pages.open("/dashboard")
    assert page.with_id("alerts").text == ""
    assert "Nothing here yet" in page.text
    assert "0 credits" in page.with_id("balance-card").text


def test_delayed_payment_that_failed_is_an_alert_for_three_days(shopper):
    purchase = shopper.paid(outcome="delayed_succeeds")
    assert shopper.come_back(purchase).heading == "Your bank needs a little longer"
    shopper.settle("fails")
    assert shopper.come_back(purchase).heading == "The payment didn't go through"
    alert = shopper.pages.open("/dashboard").with_id("alert-failed")
    assert alert.text == (
        "The payment didn't go through Popular pack: you have not been charged and no credits were added. Try again"
    )
    shopper.left("small")
    assert shopper.pages.open("/dashboard").has_id("alert-failed"), "another checkout that was left hides nothing"
    shopper.change(purchase, settled_at=utc_now() - dt.timedelta(days=3))
    assert not shopper.pages.open("/dashboard").has_id("alert-failed")


def test_page_about_a_failed_payment_has_no_alert_that_says_it_again(shopper):
    purchase = shopper.left()
    shopper.change(purchase, state="failed", settled_at=utc_now())
    notice = shopper.pages.open(f"/dashboard/credits?checkout=success&purchase={purchase.id}")
    for page in (shopper.come_back(purchase), notice):
        assert page.text.count("The payment didn't go through") == 1
        assert page.links()["Try again"].endswith("#pack-popular")


def test_payment_that_arrives_ends_the_alert_about_one_that_failed(shopper):
    shopper.come_back(shopper.paid(outcome="delayed_succeeds"))
    shopper.settle("fails")
    shopper.come_back(shopper.newest())
    assert shopper.pages.open("/dashboard").has_id("alert-failed")
    shopper.granted("small")
    assert shopper.pages.open("/dashboard").with_id("alerts").text == ""


def test_checkout_that_stripe_never_opened_is_no_alert(shopper):
    shopper.stripe.faults.answer("POST", "/v1/checkout/sessions", status=400)
    assert shopper.buy().status_code == 503
    assert shopper.newest().state == "failed"
    assert shopper.pages.open("/dashboard").with_id("alerts").text == ""


def test_account_menu_names_the_person_and_signs_out_by_a_form(shopper):
    page = shopper.pages.open("/dashboard")
    menu = page.with_id("account-menu")
    assert "Account menu, Some One" in menu.text
    assert "someone@example.com" in menu.text
    (form,) = menu.all("form")
    assert (form.attributes["action"], form.attributes["method"]) == ("/logout", "post")
    assert menu.all("span", **{"aria-hidden": "true"})[0].text == "SO"


def test_footer_names_the_zone_of_the_account(shopper):
    (footer,) = shopper.pages.open("/dashboard").root.all("footer")
    assert footer.text == "Times shown in UTC. How credits work API reference"


def test_footer_links_terms_and_help_if_there_are_any(settings, shopper):
    app = create_app(settings.model_copy(update={"terms_url": "https://t.example/", "help_url": "https://h.example/"}))
    with app.app_context():
        links = type(shopper).of(app, shopper.user).pages.open("/dashboard").links()
    assert (links["Terms"], links["Help"]) == ("https://t.example/", "https://h.example/")


@pytest.mark.parametrize("path", ["/login", "/register", "/no-such-page"])
def test_footer_of_a_bare_page_has_the_same_links_and_nothing_for_the_signed_in(settings, anonymous, path):
    status = 404 if path == "/no-such-page" else 200
    assert not anonymous.open(path, status=status).root.all("footer"), "no links are set"
    app = create_app(settings.model_copy(update={"terms_url": "https://t.example/", "help_url": "https://h.example/"}))
    with app.app_context():
        (footer,) = type(anonymous)(app.test_client()).open(path, status=status).root.all("footer")
    links = [(link.text, link.attributes["href"]) for link in footer.all("a")]
    assert links == [("Terms", "https://t.example/"), ("Help", "https://h.example/")]
    assert "Times shown" not in footer.text


@pytest.mark.parametrize("path", ["/login", "/register", "/no-such-page", *PAGES])
def test_ribbon_says_test_mode_on_every_page_while_payments_are_simulated(shopper, anonymous, path):
    pages = anonymous if path in {"/login", "/register"} else shopper.pages
    page = pages.open(path, status=404 if path == "/no-such-page" else 200)
    (ribbon,) = page.root.all("aside")
    assert ribbon.text.startswith("Test mode. No Stripe keys are set")


def test_no_ribbon_and_no_buy_button_while_payments_are_off(settings, shopper):
    app = create_app(settings.model_copy(update={"stripe_mode": "off"}))
    with app.app_context():
        page = type(shopper).of(app, shopper.user).pages.open("/dashboard/credits")
    assert not page.root.all("aside")
    assert "Buying is switched off. Payments are not configured here yet." in page.with_id("pack-grid").text
    assert not page.with_id("pack-grid").all("form")
    assert "$35.00" in page.with_id("pack-popular").text


def test_brand_is_the_one_of_the_settings(settings, shopper):
    app = create_app(settings.model_copy(update={"brand_name": "Northwind & Sons"}))
    with app.app_context():
        pages = type(shopper).of(app, shopper.user).pages
        pages.brand = "Northwind & Sons"
        page = pages.open("/dashboard")
    assert page.title == "Dashboard · Northwind & Sons"
    assert page.links()["Northwind & Sons"] == "/dashboard"


@pytest.mark.parametrize(("theme", "attribute"), [("device", None), ("dark", "dark"), ("light", "light")])
def test_chosen_theme_stands_on_the_page(shopper, theme, attribute):
    def choose(session):
        session.get_one(User, shopper.user.id).theme = theme

    transact(choose)
    (html,) = shopper.pages.open("/dashboard").root.all("html")
    assert html.attributes.get("data-theme") == attribute


def test_htmx_comes_with_its_hash_and_settings_after_our_own_script(app, settings, shopper):
    page = shopper.pages.open("/dashboard")
    ours, htmx = page.root.all("script")
    assert ours.attributes["src"].startswith("/static/app.js?v=")
    assert htmx.attributes["src"] == settings.htmx_url
    assert htmx.attributes["integrity"] == settings.htmx_integrity
    (config,) = page.root.all("meta", name="htmx-config")
    told = app.json.loads(config.attributes["content"])
    assert told["includeIndicatorStyles"] is told["allowEval"] is False
    assert told["historyCacheSize"] == 0
    swaps = {rule["code"]: rule["swap"] for rule in told["responseHandling"]}
    for status in (400, 402, 403, 409, 413, 422, 429):
        assert next(swap for code, swap in swaps.items() if re.search(code, str(status))) is True, status
    for status in (204, 404, 500, 503):
        assert next(swap for code, swap in swaps.items() if re.search(code, str(status))) is False, status


def test_static_files_of_a_known_version_are_kept_and_every_icon_exists(app, shopper):
    page = shopper.pages.open("/dashboard/credits")
    uses = {use.attributes["href"] for use in page.root.all("use")}
    sheets = [link.attributes["href"] for link in page.root.all("link")]
    for address in {*(use.partition("#")[0] for use in uses), *sheets}:
        with shopper.pages.client.get(address) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with shopper.pages.client.get("/static/app.css") as answer:
        assert "immutable" not in answer.headers["Cache-Control"]
    templates = Path(app.root_path, "templates").rglob("*.html")
    written = "".join(path.read_text() for path in templates) + "".join(
        path.read_text() for path in Path(app.root_path, "web/pages").glob("*.py")
    )
    sprite = Path(app.static_folder, "icons.svg").read_text()
    names = set(re.findall(r'id="i-([a-z-]+)"', sprite))
    assert {use.partition("#i-")[2] for use in uses} <= names
    assert set(re.findall(r"""icon\(["']([a-z-]+)["']\)""", written)) <= names
    assert {name for name in names if f'"{name}"' not in written and f"'{name}'" not in written} == set()
