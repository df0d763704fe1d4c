"""Refunding from the console: what is left, what it takes of the credits, once, whatever Stripe does meanwhile."""

import pytest

from tests.api.books import spend
from tests.views.both_databases import database_url
from tests.views.console import Desk
from tests.views.test_operator_acts import acts, cells
from webapp.billing.money_back.models import RefundOrder
from webapp.extensions import db, end_reading
from webapp.ledger.queries import balance
from webapp.orm import utc_now

__all__ = ["database_url"]

CREATE = ("POST", "/v1/refunds")


@pytest.fixture
def desk(app, shopper):
    return Desk.of(app, "billing", shopper.user.account_id)


def of(desk):
    end_reading()
    return balance(db.session(), desk.account_id, now=utc_now())


def orders():
    end_reading()
    return [order.state for order in db.session.query(RefundOrder)]


def test_all_of_a_purchase_is_refunded_as_it_was_shown(desk, shopper):
    purchase = shopper.granted()
    spend(desk.account_id, 320)  # the 20 welcome credits first
    link = desk.open("purchases").links()[f"Refund {purchase.reference}"]
    act = link.removeprefix(desk.path() + "/")
    assert "At most $35.00" in desk.open(act).text
    shown = desk.asked(act, reason="Ticket 4711")
    assert shown.heading == "Refund a purchase: −$35.00"
    assert "Credits taken 1,000" in shown.text
    expected = {"Balance": ("700", "−300"), "Available": ("700", "0"), "Owed": ("0", "300")}
    expected["Money given back"] = ("$0.00", "$35.00")
    assert cells(shown) == expected
    assert (of(desk).balance, orders(), acts()) == (700, [], [])
    answer = desk.pages.submit(shown, "check-form", step="do")
    done = desk.pages.open(answer.headers["Location"])
    assert done.with_id("act-ok").text == "Done."
    assert cells(done) == expected
    assert "At Stripe Made: re_sim_" in done.text
    assert (of(desk).balance, of(desk).debt, orders()) == (-300, 300, ["made"])
    (row,) = acts()
    assert (row.act, row.reason, row.facts["amount_minor"], row.facts["reference"]) == (
        "refund",
        "Ticket 4711",
        3500,
        purchase.reference,
    )
    page = desk.open("purchases")
    assert "Refunded −$35.00" in page.with_id(f"purchase-{purchase.id}").text
    assert f"Refund {purchase.reference}" not in page.links()
    again = desk.pages.submit(shown, "check-form", step="do")
    assert again.headers["Location"] == answer.headers["Location"]
    assert "This form was sent before." in desk.pages.open(again.headers["Location"]).text
    assert len(orders()) == len(acts()) == 1


def test_a_part_is_refunded_and_takes_its_share(desk, shopper):
    purchase = shopper.granted()
    act = f"refund?purchase={purchase.id}"
    done = desk.does(act, amount="17,50")
    assert cells(done)["Available"] == ("1,020", "520")
    assert "At most $17.50" in desk.open(act).text
    desk.does(act)
    assert of(desk).balance == 20
    assert [row.facts["amount_minor"] for row in acts()] == [1750, 1750]


BAD = {
    "0": "more than nothing",
    "35.01": "at most what is left",
    "-1": "Enter money like 5.00",
    "1.005": "Enter money like 5.00",
    "1,000.00": "Enter money like 5.00",
    "$5": "Enter money like 5.00",
    "9" * 12: "at most what is left",
    "9" * 30: "Enter money like 5.00",
    "NaN": "Enter money like 5.00",
}


def test_what_cant_be_refunded_is_refused_at_its_field(desk, shopper):
    purchase = shopper.granted()
    form = desk.open(f"refund?purchase={purchase.id}")
    for amount, words in BAD.items():
        for step in ("check", "do"):
            answer = desk.pages.submit(form, "do-form", amount=amount, reason="x", step=step)
            page = desk.pages.page_of(answer, status=422)
            assert words in page.with_id("do-amount-error").text, amount
    for typed, words in (({"reason": " "}, "Say why"), ({"key": ""}, "can't be sent twice safely")):
        answer = desk.pages.submit(form, "do-form", **{"amount": "", "reason": "x", "step": "do", **typed})
        assert words in desk.pages.page_of(answer, status=422).with_id("do-faults").text
    assert (orders(), acts(), of(desk).balance) == ([], [], 1020)


def test_only_the_accounts_own_paid_purchases_have_a_form(desk, shopper, stranger):
    theirs = stranger.granted("small")
    desk.open(f"refund?purchase={theirs.id}", status=404)
    desk.open("refund?purchase=", status=404)
    desk.open("refund?purchase=%00", status=404)
    left = shopper.left("small")
    answer = desk.pages.submit(desk.open(f"refund?purchase={left.id}"), "do-form", reason="x", step="do")
    assert "Nobody has paid for this purchase" in desk.pages.page_of(answer, status=422).text
    form = desk.open(f"refund?purchase={shopper.granted().id}")
    answer = desk.pages.submit(form, "do-form", purchase=theirs.id, reason="x", step="do")
    assert answer.status_code == 404
    assert (orders(), acts()) == ([], [])


def test_one_that_stripe_did_not_confirm_is_written_down_and_made_once_in_the_end(app, desk, shopper):
    purchase = shopper.granted()
    shown = desk.asked(f"refund?purchase={purchase.id}")
    stripe = app.extensions["simulator"]
    stripe.faults.refuse_connection(*CREATE, times=10)
    answer = desk.pages.submit(shown, "check-form", step="do")
    told = desk.pages.open(answer.headers["Location"])
    assert "We couldn't reach Stripe, so the refund is not confirmed." in told.with_id("act-warn").text
    assert "Not confirmed yet; it is sent again by itself" in told.text
    assert (orders(), len(acts()), of(desk).balance) == (["asked"], 1, 1020)
    other = desk.asked(f"refund?purchase={purchase.id}", amount="1", status=422)
    assert "Another refund of this purchase was ordered" in other.text
    stripe.faults.clear()
    again = desk.pages.submit(shown, "check-form", step="do")
    assert again.headers["Location"] == answer.headers["Location"]
    assert "At Stripe Made" in desk.pages.open(again.headers["Location"]).text
    assert (orders(), len(acts()), of(desk).balance) == (["made"], 1, 20)


def test_a_form_that_refunded_cant_refund_another_amount_or_do_another_act(desk, shopper):
    purchase = shopper.granted()
    shown = desk.asked(f"refund?purchase={purchase.id}", amount="10")
    desk.pages.submit(shown, "check-form", step="do")
    changed = desk.pages.submit(shown, "check-form", step="do", amount="5")
    assert desk.pages.page_of(changed, status=409).heading == "This form was used already"
    key = shown.with_id("check-form").all("input", name="key")[0].attributes["value"]
    grant = desk.pages.submit(desk.asked("grant", credits="5"), "check-form", step="do", key=key)
    assert grant.status_code == 409
    used = desk.asked("grant", credits="5")
    desk.pages.submit(used, "check-form", step="do")
    key = used.with_id("check-form").all("input", name="key")[0].attributes["value"]
    refund = desk.pages.submit(desk.asked(f"refund?purchase={purchase.id}"), "check-form", step="do", key=key)
    assert refund.status_code == 409
    assert [row.act for row in acts()] == ["refund", "grant"]
    assert orders() == ["made"]
