"""Pressing Buy: where it leads, and that it leads there once (pages 4.3 and 3.7)."""

import pytest
from sqlalchemy import func, select

from tests.views.shopper import CHECKOUT, CREDITS
from webapp.billing.models import Purchase
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.people.models import User

SESSIONS = "/v1/checkout/sessions"


def purchases_stored() -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Purchase))


def test_buy_opens_a_purchase_and_leads_to_its_checkout(shopper):
    answer = shopper.buy()
    purchase = shopper.newest()
    assert (answer.status_code, answer.location) == (303, purchase.session_url)
    assert (purchase.pack_slug, purchase.credits, purchase.amount_minor) == ("popular", 1000, 3500)
    assert purchase.state == "open"


def test_same_form_sent_again_leads_to_the_same_place(shopper):
    page = shopper.pages.open(CREDITS)
    places = {shopper.buy(page=page).location for _ in range(3)}
    assert places == {shopper.newest().session_url}
    assert purchases_stored() == 1


def test_two_forms_are_two_purchases(shopper):
    first, second = shopper.buy(), shopper.buy()
    assert first.location != second.location
    assert purchases_stored() == 2


def test_form_of_a_purchase_that_was_paid_leads_to_what_became_of_it(shopper):
    page = shopper.pages.open(CREDITS)
    shopper.buy(page=page)
    purchase = shopper.newest()
    shopper.stripe.pay(purchase.session_id)
    shopper.come_back(purchase)
    answer = shopper.buy(page=page)
    assert (answer.status_code, answer.location) == (303, f"{CREDITS}?checkout=left&purchase={purchase.id}")
    assert "1,000 credits added" in shopper.pages.open(answer.location).with_id("notice").text


def test_form_of_a_purchase_whose_life_is_over_leads_to_what_became_of_it(shopper):
    page = shopper.pages.open(CREDITS)
    shopper.buy(page=page)
    purchase = shopper.newest()
    shopper.stripe.pay(purchase.session_id)
    shopper.change(purchase, expires_at=utc_now())
    answer = shopper.buy(page=page)
    assert answer.location == f"{CREDITS}?checkout=left&purchase={purchase.id}"
    assert "1,000 credits added" in shopper.pages.open(answer.location).with_id("notice").text, "it was paid after all"


@pytest.mark.parametrize("terms", ["0" * 16, "", "ü"])
def test_changed_terms_ask_again_with_the_present_price(shopper, terms):
    answer = shopper.buy(terms=terms)
    assert (answer.status_code, answer.location) == (303, CREDITS)
    page = shopper.pages.open(CREDITS)
    assert page.with_id("notice").text.startswith("The price changed to $35.00. Please check and buy again.")
    assert "You have not been charged." in page.with_id("notice").text
    assert shopper.pages.open(CREDITS).with_id("notice").text == "", "told once"
    assert purchases_stored() == 0


@pytest.mark.parametrize("forged", [{"amount_minor": "1"}, {"credits": "99999"}, {"account_id": "1"}, {"price": "x"}])
def test_extra_fields_change_nothing(shopper, forged):
    assert shopper.buy(**forged).status_code == 303
    purchase = shopper.newest()
    assert (purchase.account_id, purchase.credits, purchase.amount_minor) == (shopper.user.account_id, 1000, 3500)


def test_locked_pack_is_refused_with_a_page_that_leads_on(shopper):
    page = shopper.pages.page_of(shopper.buy(pack="plus-extra"), status=403)
    assert page.heading == "This is part of Plus"
    assert "This pack is part of Plus. You have not been charged." in page.text
    assert page.with_id("error").all("a")[0].attributes["href"] == "/billing#plan-plus"
    assert purchases_stored() == 0


@pytest.mark.parametrize("slug", ["", "nothing", "POPULAR", "x" * 5000])
def test_unknown_pack_is_not_found(shopper, slug):
    page = shopper.pages.page_of(shopper.buy(pack=slug), status=404)
    assert page.with_id("error").all("a")[0].attributes["href"] == CREDITS
    assert purchases_stored() == 0


@pytest.mark.parametrize("key", ["", "short", "with space in the key", "x" * 65, "ключ-ключ-ключ-ключ"])
def test_form_without_a_proper_key_is_refused(shopper, key):
    page = shopper.pages.page_of(shopper.buy(key=key), status=400)
    assert "Nothing was saved or charged." in page.text
    assert purchases_stored() == 0


def test_key_of_one_pack_opens_no_other(shopper):
    page = shopper.pages.open(CREDITS)
    key = page.with_id("buy-popular").all("input", name="key")[0].attributes["value"]
    shopper.buy(page=page)
    assert shopper.pages.page_of(shopper.buy("small", page=page, key=key), status=422).with_id("error")
    assert purchases_stored() == 1


def test_form_without_csrf_token_says_the_page_got_old(shopper):
    answer = shopper.pages.client.post(CHECKOUT, data={"pack": "popular", "key": "k" * 20})
    page = shopper.pages.page_of(answer, status=400)
    assert page.heading == "This page got old"
    assert "Nothing was saved or charged." in page.text
    assert purchases_stored() == 0


def test_stripe_out_of_reach_charges_nobody_and_the_same_form_works_later(shopper):
    page = shopper.pages.open(CREDITS)
    shopper.stripe.faults.refuse_connection("POST", SESSIONS, times=10)
    answer = shopper.buy(page=page)
    drawn = shopper.pages.page_of(answer, status=503)
    assert drawn.heading == "Stripe can't be reached"
    assert "We couldn't reach Stripe. You have not been charged. Try again in a minute." in drawn.text
    assert answer.headers["Retry-After"]
    shopper.stripe.faults.clear()
    assert shopper.buy(page=page).location == shopper.newest().session_url
    assert purchases_stored() == 1


def test_eleventh_purchase_in_a_minute_is_asked_to_wait(shopper):
    page = shopper.pages.open(CREDITS)
    for number in range(10):
        assert shopper.buy(page=page, key=f"key-number-{number:08}").status_code == 303
    answer = shopper.buy(page=page, key="key-number-last-one")
    drawn = shopper.pages.page_of(answer, status=429)
    assert drawn.heading == "Slow down a little"
    assert "You have not been charged." in drawn.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert purchases_stored() == 10


def test_anonymous_buyer_signs_in_first(shopper, anonymous):
    came_from = {"Referer": f"http://localhost{CREDITS}?minutes=9"}
    answer = anonymous.client.post(CHECKOUT, data={"pack": "popular", "key": "k" * 20}, headers=came_from)
    assert (answer.status_code, answer.location) == (303, "/login?next=/dashboard/credits?minutes%3D9")
    token = anonymous.open("/login").root.all("input", name="csrf_token")[0].attributes["value"]
    answer = anonymous.client.post(CHECKOUT, data={"pack": "popular", "key": "k" * 20, "csrf_token": token})
    assert answer.status_code == 303
    assert answer.location.startswith("/login")
    assert purchases_stored() == 0


def test_unused_name_of_a_user_is_no_way_to_buy_for_them(shopper, stranger):
    stranger.buy(user_id=str(shopper.user.id))
    with db.engine.connect() as connection:
        owner = connection.scalar(select(Purchase.user_id))
        assert owner == connection.scalar(select(User.id).where(User.email == "other@example.com"))
