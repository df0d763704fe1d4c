"""Closing the account: what is said before, what is asked for with it, and that nothing opens it afterwards."""

import dataclasses

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.books import spend
from tests.support.forms import sign_in_by_form
from tests.support.keys import make_key
from tests.support.people import PASSWORD
from tests.views.both_databases import database_url
from tests.views.shopper import Shopper
from webapp.billing.money_back.models import RefundRequest
from webapp.extensions import db, transact
from webapp.ledger.errors import SpendingPaused
from webapp.orm import utc_now
from webapp.people.errors import AccountClosed
from webapp.people.hosts import Wish, host_account
from webapp.people.links import make_login_link
from webapp.people.models import User
from webapp.web.plans import refresh_subscription, settle_plan, start_plan

__all__ = ["database_url"]

CLOSE = "/dashboard/settings/close"


def close(shopper, page=None, **typed):
    return shopper.pages.submit(page or shopper.pages.open(CLOSE), "close-form", **{"present": PASSWORD, **typed})


def stored(shopper):
    with Session(db.engine) as session:
        return session.get_one(User, shopper.user.id)


def requests():
    with Session(db.engine) as session:
        return list(session.scalars(select(RefundRequest)))


def test_settings_lead_to_it_and_it_says_what_becomes_of_the_credits(shopper):
    assert shopper.pages.open("/dashboard/settings").with_id("close-account").attributes["href"] == CLOSE
    page = shopper.pages.open(CLOSE)
    assert "Your 20 credits can’t be used any more. Nothing of them can be refunded." in page.text
    shopper.granted("small")
    bought = shopper.newest()
    shopper.change(bought, refund_days=14)
    page = shopper.pages.open(CLOSE)
    assert "Your 520 credits can’t be used any more. You" in page.text
    assert f"Small pack, {bought.reference}: $20.00 for 500 credits" in page.text


def test_after_closing_nothing_opens_the_account(app, shopper):
    _, key = make_key(shopper.user.account_id)
    other_browser = Shopper.of(app, shopper.user)
    answer = close(shopper)
    assert answer.status_code == 200
    assert shopper.pages.page_of(answer).heading == "Your account is closed"
    for client in (shopper.pages.client, other_browser.pages.client):
        assert client.get("/dashboard").status_code == 303
    fresh = app.test_client()
    refused = sign_in_by_form(fresh, shopper.user.email)
    assert refused.status_code == 422
    assert "This account was closed by its owner" in refused.text
    assert "closed" not in sign_in_by_form(fresh, shopper.user.email, "not the password at all").text
    assert app.test_client().get("/api/credits/balance", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    with pytest.raises(SpendingPaused):
        spend(shopper.user.account_id, 1)
    with pytest.raises(AccountClosed):
        transact(lambda session: make_login_link(session, shopper.user.account_id, now=utc_now()))
    assert stored(shopper).closed_at is not None


def test_the_refunds_that_are_ticked_are_asked_for_and_no_others(shopper):
    bought = [shopper.granted("small"), shopper.granted("popular")]
    for purchase in bought:
        shopper.change(purchase, refund_days=14)
    page = shopper.pages.open(CLOSE)
    ticked = page.with_id(f"refund-{bought[1].id}").attributes["value"]
    assert ticked == f"{bought[1].id}:1000:3500"
    page = shopper.pages.page_of(close(shopper, page, refund=ticked))
    assert "Somebody looks at your request for a refund." in page.text
    (request,) = requests()
    assert (request.purchase_id, request.credits, request.amount_minor) == (bought[1].id, 1000, 3500)
    assert (request.state, request.reason) == ("asked", "Account closed")


def test_what_changed_since_the_page_was_shown_closes_nothing(shopper):
    bought = shopper.granted("popular")
    shopper.change(bought, refund_days=14)
    page = shopper.pages.open(CLOSE)
    spend(shopper.user.account_id, 120)
    page = shopper.pages.page_of(close(shopper, page), status=422)
    assert "This refund would be another one now" in page.with_id("summary").text
    assert "$31.50 for 900 credits" in page.text
    assert stored(shopper).closed_at is None
    assert requests() == []
    assert shopper.pages.page_of(close(shopper, page)).heading == "Your account is closed"


def test_a_wrong_password_and_an_old_form_close_nothing(shopper):
    page = shopper.pages.page_of(close(shopper, present="wrong"), status=422)
    assert page.title.startswith("Error: Close account")
    assert "That isn't your present password." in page.with_id("close-present-error").text
    assert close(shopper, csrf_token="").status_code == 400
    assert close(shopper, key="").status_code == 400
    for refund in ("x", "aaaaaaaa:1:-1", "aaaaaaaa:1:1:1"):
        assert close(shopper, refund=refund).status_code == 400
    assert close(shopper, refund="aaaaaaaaaaaa:1:1").status_code == 404
    assert stored(shopper).closed_at is None


def test_nobody_closes_an_account_whose_subscription_would_go_on(app, shopper):
    simulator = app.extensions["simulator"]
    opened = start_plan(user=shopper.user, plan_slug="plus", open_key="form:1", now=utc_now())
    subscription_id = simulator.pay(opened.session_id)["subscription"]
    settle_plan(shopper.user.account_id, opened.session_id, now=utc_now())
    page = shopper.pages.open(CLOSE)
    assert "Your subscription must be cancelled first" in page.text
    refused = shopper.pages.page_of(close(shopper, page), status=422)
    assert "Your subscription would go on and be charged again." in refused.text
    assert stored(shopper).closed_at is None
    simulator.cancel(subscription_id, at_period_end=True)
    refresh_subscription(shopper.user.account_id, now=utc_now())
    page = shopper.pages.open(CLOSE)
    assert "Your Plus plan ends on" in page.text
    assert close(shopper, page).status_code == 200
    assert stored(shopper).closed_at is not None


def test_an_operator_stays(shopper):
    def promote(session):
        session.get_one(User, shopper.user.id).role = "support"

    transact(promote)
    page = shopper.pages.page_of(close(shopper), status=422)
    assert "You are an operator." in page.text
    assert stored(shopper).closed_at is None


def test_who_comes_by_links_closes_it_right_after_coming(app, shopper):
    found = host_account(Wish("guest", "guest@example.com", None), welcome_credits=0, now=utc_now())
    guest = transact(lambda session: session.scalars(select(User).where(User.account_id == found.account_id)).one())
    secret, _ = transact(lambda session: make_login_link(session, guest.account_id, now=utc_now()))
    of_guest = dataclasses.replace(shopper, user=guest, pages=type(shopper.pages)(app.test_client()))
    of_guest.pages.client.get(f"/sign-in/{secret}")
    page = of_guest.pages.open(CLOSE)
    assert not page.has_id("close-present")
    assert of_guest.pages.page_of(of_guest.pages.submit(page, "close-form")).heading == "Your account is closed"
    assert app.test_client().get(f"/sign-in/{secret}").status_code == 410
