"""Asking for a refund: the link at the purchase, the sums, the request's states, and what can't be sent."""

import dataclasses

import pytest

from tests.api.books import spend
from tests.views.shopper import CREDITS
from webapp.billing.money_back.requests import decline_request
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.web.refund_requests import approve

REFUNDS = f"{CREDITS}/refunds"


@pytest.fixture
def bought(shopper):
    """1,000 credits for $35.00, which may be asked back for two weeks."""
    return promised(shopper, shopper.granted("popular"))


def promised(shopper, purchase):
    shopper.change(purchase, refund_days=14)
    return purchase


def with_policy(parts, *, days):
    return dataclasses.replace(parts, catalog=dataclasses.replace(parts.catalog, refund_days=days))


def page_of(shopper, purchase):
    return shopper.pages.open(f"{REFUNDS}/{purchase.id}")


def ask(shopper, purchase, **typed):
    response = shopper.pages.submit(page_of(shopper, purchase), "ask-refund", **typed)
    assert (response.status_code, response.location) == (303, f"{REFUNDS}/{purchase.id}")
    return page_of(shopper, purchase)


def rows(shopper):
    table = shopper.pages.open(CREDITS).with_id("purchases")
    return [[cell.text for cell in row if cell.tag in {"th", "td"}] for row in table.all("tr")][1:]


def request_id(shopper, bought):
    from webapp.billing.money_back.requests import newest_requests
    from webapp.extensions import db

    return newest_requests(db.session(), shopper.user.account_id, [bought.id])[bought.id].id


def test_without_a_policy_nobody_is_offered_a_refund(shopper):
    purchase = shopper.granted("popular")
    page = shopper.pages.open(CREDITS)
    assert "Refund" not in page.with_id("purchases").text
    assert "refund of unused credits" not in page.with_id("pack-grid").text
    shopper.pages.open(f"{REFUNDS}/{purchase.id}", status=404)


def test_a_policy_is_told_beside_the_packs_and_kept_by_the_purchase(app, shopper):
    app.extensions["refill"] = with_policy(app.extensions["refill"], days=14)
    words = "You can ask for a refund of unused credits for 14 days"
    assert words in shopper.pages.open(CREDITS).with_id("pack-grid").text
    purchase = shopper.granted("popular")
    app.extensions["refill"] = with_policy(app.extensions["refill"], days=0)
    assert words not in shopper.pages.open(CREDITS).with_id("pack-grid").text
    assert page_of(shopper, purchase).with_id("ask-refund-now").text == "Ask for $35.00"


def test_the_page_tells_the_sums_before_anything_is_asked(shopper, bought):
    spend(shopper.user.account_id, 120)
    assert "Ask for a refund" in shopper.pages.open(CREDITS).with_id("purchases").text
    page = page_of(shopper, bought)
    assert page.heading == "Ask for a refund"
    told = page.root.all("dl")[0].text
    assert told == ("You paid $35.00 Credits of this pack 1,000 Unused 900 Taken back 900 You get back $31.50")
    assert page.with_id("ask-refund-now").text == "Ask for $31.50"
    assert "what you use is not refunded" in page.text


def test_a_request_is_shown_until_it_is_withdrawn(shopper, bought):
    page = ask(shopper, bought, reason="  Bought \n twice ")
    assert "You asked for $35.00 for 1,000 credits" in page.with_id("asked").text
    assert not page.has_id("ask-refund")
    first, asked = rows(shopper)
    assert "Ask for a refund" not in first[-1]
    assert [asked[0], asked[1], *asked[3:5]] == ["Refund asked for: Popular pack", "Asked", "$35.00", "1,000"]
    assert asked[5].startswith("See or withdraw")
    shopper.pages.submit(page, "withdraw-refund")
    assert "You took your request for $35.00 for 1,000 credits back." in page_of(shopper, bought).text
    assert len(rows(shopper)) == 1
    assert shopper.pages.submit(page, "withdraw-refund").status_code == 303


def test_the_same_form_twice_is_one_request(shopper, bought):
    page = page_of(shopper, bought)
    for _ in range(2):
        assert shopper.pages.submit(page, "ask-refund").status_code == 303
    assert [row[1] for row in rows(shopper)] == ["Paid", "Asked"]


def test_another_sum_than_the_shown_one_is_shown_first(shopper, bought):
    page = page_of(shopper, bought)
    spend(shopper.user.account_id, 60)
    shopper.pages.submit(page, "ask-refund")
    page = page_of(shopper, bought)
    assert "The sum has changed since you saw it." in page.text
    assert not page.has_id("asked")
    assert page.with_id("quote").text == "$33.60"


def test_what_was_used_after_asking_must_be_confirmed(shopper, bought):
    ask(shopper, bought)
    spend(shopper.user.account_id, 60)
    page = page_of(shopper, bought)
    assert "We can't refund the old sum" in page.text
    assert page.with_id("ask-refund-now").text == "Ask for $33.60 instead"
    page = ask(shopper, bought)
    assert "You asked for $33.60 for 960 credits" in page.with_id("asked").text
    spend(shopper.user.account_id, 960)
    page = page_of(shopper, bought)
    assert page.with_id("not-offered").text == "You have used these credits, so there is nothing to refund."
    assert page.has_id("withdraw-refund")


def test_a_decision_is_told_with_its_words(shopper, bought):
    ask(shopper, bought)
    account_id, decided = shopper.user.account_id, {"by_user_id": shopper.user.id, "now": utc_now()}
    first = request_id(shopper, bought)
    transact(lambda session: decline_request(session, account_id, first, answer="Too late.", **decided))
    page = page_of(shopper, bought)
    assert "was declined" in page.with_id("asked").text
    assert "We said: Too late." in page.with_id("asked").text
    assert rows(shopper)[1][1] == "Declined"
    ask(shopper, bought)
    approve(account_id, request_id(shopper, bought), answer="Sure.", **decided)
    page = page_of(shopper, bought)
    assert "was approved, and the money was sent back. We said: Sure." in page.with_id("asked").text
    assert not page.has_id("not-offered")
    assert [row[1] for row in rows(shopper)] == ["Refunded", "Refunded"]


def test_credits_without_a_part_of_the_money_stay(shopper, bought):
    shopper.change(bought, total_minor=7)
    page = page_of(shopper, bought)
    assert page.with_id("quote").text == "$0.07"
    spend(shopper.user.account_id, 100)
    assert "What is left over, 63 credits, stays with you." in page_of(shopper, bought).text


@pytest.mark.parametrize(
    "typed",
    [
        {"key": ""},
        {"key": "x" * 65},
        {"key": "<script>alert(1)</script>"},
        {"credits": "-1"},
        {"credits": "1.5"},
        {"credits": ""},
        {"amount_minor": "99999999999999999999"},
        {"amount_minor": "３５００"},
    ],
)
def test_what_no_page_of_ours_sends_is_refused(shopper, bought, typed):
    assert shopper.pages.submit(page_of(shopper, bought), "ask-refund", **typed).status_code == 400
    assert len(rows(shopper)) == 1


def test_more_money_than_the_quote_is_never_taken_at_its_word(shopper, bought):
    for typed in ({"amount_minor": "3501"}, {"credits": "1"}, {"amount_minor": "0"}, {"credits": "0"}):
        ask(shopper, bought, **typed)
    assert len(rows(shopper)) == 1


def test_others_find_neither_page_nor_form(shopper, stranger, bought):
    stranger.pages.open(f"{REFUNDS}/{bought.id}", status=404)
    form = shopper.pages.submit
    page = page_of(shopper, bought)
    fields = {
        node.attributes["name"]: node.attributes.get("value", "") for node in page.with_id("ask-refund").all("input")
    }
    own = stranger.pages.open(CREDITS).root.all("input", name="csrf_token")[0].attributes["value"]
    for path in (f"{REFUNDS}/{bought.id}", f"{REFUNDS}/{bought.id}/withdraw"):
        assert stranger.pages.client.post(path, data=fields | {"csrf_token": own}).status_code == 404
    assert form(page, "ask-refund", csrf_token="").status_code == 400
    assert len(rows(shopper)) == 1
