"""What is bought and for how much: a price that changed, a pack of another plan, money for something else."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.databases import ROOT
from tests.support.site import free_port, running_site
from tests.support.walk import badge, come_back, open_checkout, pay, register, session_of
from webapp.simulator.store import Store

pytestmark = pytest.mark.browser

CHECKING = re.compile(r"We have your payment and are checking it\. Reference\s+P-[0-9A-Z]{6}")
CHECKOUT = re.compile("/_stripe/c/pay/")


def heading(page):
    return page.get_by_role("heading", level=1)


def test_price_that_changed_between_looking_and_buying_is_asked_about_and_opens_nothing(
    open_browser, tmp_path, sqlite_template
):
    shutil.copy(sqlite_template, tmp_path / "refill.sqlite3")
    own = tmp_path / "catalog.toml"
    own.write_text((ROOT / "catalog.toml").read_text())
    shop = {"CATALOG": str(own), "port": free_port()}
    database_url = f"sqlite:///{tmp_path}/refill.sqlite3"
    with running_site(database_url, tmp_path, **shop) as before:
        page = open_browser(base_url=before.url)
        register(page)
        page.goto("/dashboard/credits")
    own.write_text(own.read_text().replace("amount_minor = 3500", "amount_minor = 3800"))
    with running_site(database_url, tmp_path, **shop):
        page.get_by_role("button", name="Buy 1,000 credits for $35.00").click()
        notice = page.locator("#notice")
        expect(notice).to_contain_text("The price changed to $38.00. Please check and buy again.")
        expect(notice).to_contain_text("You have not been charged.")
        expect(page).to_have_url(re.compile("/dashboard/credits$"))
        expect(page.locator("#purchases")).to_contain_text("No purchases yet")
        notice.get_by_role("link", name="Show the pack").click()
        page.get_by_role("button", name="Buy 1,000 credits for $38.00").click()
        page.wait_for_url(CHECKOUT)
        expect(page.get_by_role("button", name="Pay $38.00")).to_be_visible()


def test_locked_pack_says_what_it_needs_and_a_forced_form_is_refused_with_a_page(open_browser):
    page = open_browser(expect_complaints=True)  # a 403 is an error to the console
    register(page)
    page.goto("/dashboard/credits")
    card = page.locator("#pack-plus-extra")
    expect(card).to_contain_text("200 extra credits for $5.99")
    expect(card).to_contain_text("Locked")
    expect(card).to_contain_text("This pack is part of Plus. You're on Free.")
    expect(card.get_by_role("button")).to_have_count(0)

    page.locator("#buy-popular").evaluate("form => { form.elements.pack.value = 'plus-extra'; form.submit() }")
    expect(heading(page)).to_have_text("This is part of Plus")
    expect(page.locator("#error")).to_contain_text("This pack is part of Plus. You have not been charged.")
    page.get_by_role("link", name="See Plus").click()
    expect(page.locator("#plan-plus")).to_contain_text("Subscribe")


def let_stripe_charge_less(site, session_id):
    """As if somebody had changed the price of a session at Stripe."""
    with Store(Path(site.environment["SIMULATOR_PATH"])).writing() as state:
        session = state.load("checkout.session", session_id)
        state.save({**session, "amount_subtotal": 100, "amount_total": 100})


def test_money_for_something_else_is_kept_apart_and_its_buyer_told_so_everywhere(open_browser, site):
    page = open_browser()
    register(page)
    open_checkout(page)
    session_id = session_of(page)
    let_stripe_charge_less(site, session_id)
    page.reload()
    pay(page)
    expect(heading(page)).to_have_text("Your payment is being checked")
    status = page.locator("#checkout-status")
    expect(status).to_contain_text(CHECKING)
    expect(status).to_contain_text("Not added yet")
    assert badge(page).startswith("20 credits")

    status.get_by_role("link", name="Back to credits").click()
    expect(page.locator("#notice")).to_contain_text(CHECKING)
    row = page.locator("#purchases tbody tr")
    expect(row).to_contain_text("Being checked")
    expect(row).to_contain_text(CHECKING)
    page.reload()
    expect(row).to_contain_text(CHECKING)
    come_back(page, session_id)
    expect(status).to_contain_text(CHECKING)
