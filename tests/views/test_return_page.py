"""Where Stripe sends the buyer back to, in every state (pages 4.4)."""

import datetime as dt
import re
from itertools import accumulate

import pytest
from sqlalchemy import func, select

from tests.api.books import spend
from tests.views.both_databases import database_url
from tests.views.shopper import CREDITS
from webapp.extensions import db
from webapp.ledger.models import Grant
from webapp.orm import utc_now
from webapp.web.pages.checkout import POLLS, delay_seconds

__all__ = ["database_url"]


def grants_stored() -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Grant).where(Grant.source_kind == "purchase"))


def status_of(page):
    return page.with_id("checkout-status")


def polled(shopper, purchase, poll=1):
    return shopper.pages.partial(f"/partials/checkout-status/{purchase.id}?poll={poll}")


def test_paid_purchase_is_granted_by_the_return_page_alone_and_once(shopper):
    purchase = shopper.paid()
    for _ in range(3):
        page = shopper.come_back(purchase)
        assert page.heading == "1,000 credits added"
        assert page.title == "1,000 credits added · Refill"
        assert status_of(page).text == (
            "1,000 credits added Thank you, Some. Popular pack $35.00 Balance before 20 credits "
            "New balance 1,020 credits That's about $51.00 (~340 min) Go to dashboard View receipt Back to credits"
        )
        assert page.with_id("balance-badge").text.startswith("1,020 credits")
        assert "hx-trigger" not in status_of(page).attributes
        assert "http-equiv" not in page.html
    assert grants_stored() == 1


def test_added_page_tells_the_balance_of_that_moment_when_it_is_opened_later(shopper):
    purchase = shopper.granted()
    spend(shopper.user.account_id, 500)
    page = shopper.come_back(purchase)
    assert "Balance before 20 credits New balance 1,020 credits" in status_of(page).text
    assert page.with_id("balance-badge").text.startswith("520 credits")


def test_links_of_the_added_page_lead_on(shopper):
    purchase = shopper.granted()
    links = {link.text: link.attributes["href"] for link in status_of(shopper.come_back(purchase)).all("a")}
    assert links == {
        "Go to dashboard": "/dashboard",
        "View receipt": f"{CREDITS}/receipts/{purchase.id}",
        "Back to credits": f"{CREDITS}?checkout=success&purchase={purchase.id}",
    }
    for href in links.values():
        shopper.pages.open(href)


def test_no_mail_is_promised_while_none_can_be_sent(shopper):
    assert "someone@example.com" not in status_of(shopper.come_back(shopper.paid())).text
    for state in ("left", "quarantined"):
        assert "mail" not in status_of(shopper.come_back(getattr(shopper, state)())).text


def test_unsettled_purchase_is_confirming_polls_and_refreshes_without_scripts(shopper):
    purchase = shopper.left()
    page = shopper.come_back(purchase)
    status = status_of(page)
    assert page.heading == "Confirming your payment"
    assert (
        "This usually takes a few seconds. You can leave this page: your credits will arrive either way." in status.text
    )
    assert "Popular pack 1,000 credits Amount $35.00 Balance now 20 credits" in status.text
    assert status.attributes["hx-get"] == f"/partials/checkout-status/{purchase.id}?poll=1"
    assert status.attributes["hx-trigger"] == "every 1s"
    again = f"{CREDITS}/success?session_id={purchase.session_id}&poll=1"
    assert status.with_id("check-again").attributes["href"] == again
    (noscript,) = page.root.all("noscript")
    (meta,) = noscript.all("meta")
    assert meta.attributes == {"http-equiv": "refresh", "content": f"5; url={again}"}


def test_polls_are_at_most_24_in_two_minutes_and_17_in_the_first():
    moments = list(accumulate(delay_seconds(poll) for poll in range(POLLS)))
    assert POLLS <= 24
    assert moments[-1] <= 120
    assert sum(moment <= 60 for moment in moments) == 17
    assert [delay_seconds(poll) for poll in (0, 4, 5, 14, 15, 22)] == [1, 1, 3, 3, 10, 10]


def test_poller_counts_slows_down_and_ends_with_a_reference(shopper):
    purchase = shopper.left()
    shopper.nobody_asks_stripe(purchase)
    for poll, seconds in ((1, 1), (5, 3), (15, 10), (POLLS - 1, 10)):
        status = status_of(polled(shopper, purchase, poll))
        assert status.attributes["hx-trigger"] == f"every {seconds}s"
        assert status.attributes["hx-get"].endswith(f"?poll={poll + 1}")
    last = polled(shopper, purchase, POLLS)
    assert "hx-trigger" not in status_of(last).attributes
    assert status_of(last).text.startswith(
        "This is taking longer than usual Your payment is safe with Stripe. Your credits will show here"
    )
    assert f"Reference {purchase.reference}" in status_of(last).text
    assert last.with_id("live").text == "This is taking longer than usual."


def ask_again(shopper, purchase):
    """Let the next poll ask Stripe."""
    shopper.change(purchase, asked_at=utc_now() - dt.timedelta(seconds=6))


def test_session_that_nobody_paid_is_told_to_be_unpaid_when_the_waiting_has_ended(shopper):
    purchase = shopper.left()
    assert polled(shopper, purchase, POLLS - 1).with_id("status-t").text == "Confirming your payment"
    ask_again(shopper, purchase)
    last = polled(shopper, purchase, POLLS)
    assert status_of(last).text == (
        "Not paid yet You have not been charged and no credits were added. "
        f"Popular pack $35.00 Reference {purchase.reference} Continue paying Back to credits"
    )
    assert last.links()["Continue paying"] == purchase.session_url
    assert "hx-trigger" not in status_of(last).attributes
    assert last.with_id("live").text == "Not paid yet."
    ask_again(shopper, purchase)
    assert shopper.come_back(purchase, poll=POLLS).heading == "Not paid yet"


def test_unpaid_session_whose_life_is_over_leads_back_to_its_pack(shopper):
    purchase = shopper.left()
    shopper.change(purchase, expires_at=utc_now() - dt.timedelta(seconds=1))
    links = polled(shopper, purchase, POLLS).links()
    assert "Continue paying" not in links
    assert links["Start again"] == f"{CREDITS}#pack-popular"


def test_nothing_is_said_about_charges_while_stripe_can_not_be_asked(shopper):
    purchase = shopper.paid()
    shopper.stripe.faults.refuse_connection("GET", "/v1/checkout/sessions/{id}", times=5)
    status = status_of(polled(shopper, purchase, POLLS))
    assert status.text.startswith("This is taking longer than usual Your payment is safe with Stripe.")
    assert "not been charged" not in status.text
    shopper.stripe.faults.clear()
    ask_again(shopper, purchase)
    assert status_of(polled(shopper, purchase, POLLS)).text.startswith("1,000 credits added")


def test_unsettled_purchase_of_another_stripe_mode_is_not_waited_for(shopper):
    purchase = shopper.left()
    for state in ("open", "processing"):
        shopper.change(purchase, stripe_mode="test", state=state)
        page = shopper.come_back(purchase)
        assert page.heading == "That checkout has expired"
        assert purchase.session_url not in page.html


@pytest.mark.parametrize("poll", ["-5", "999999999999999999999", "many", ""])
def test_forged_counts_only_change_the_own_waiting(shopper, poll):
    assert shopper.come_back(shopper.left(), poll=poll).heading in {
        "Confirming your payment",
        "Not paid yet",
    }


def test_last_answer_stops_the_poller_tells_the_page_and_speaks(shopper):
    purchase = shopper.paid()
    first = polled(shopper, purchase)
    assert first.response.headers["HX-Trigger"] == "creditsChanged"
    assert "hx-trigger" not in status_of(first).attributes
    assert "hx-get" not in status_of(first).attributes
    assert status_of(first).attributes["data-title"] == "1,000 credits added · Refill"
    assert first.with_id("live").attributes["hx-swap-oob"] == "innerHTML"
    assert first.with_id("live").text == "1,000 credits added. Balance 1,020 credits."
    assert grants_stored() == 1


def test_open_answer_announces_nothing(shopper):
    page = polled(shopper, shopper.left())
    assert "HX-Trigger" not in page.response.headers
    assert not page.has_id("live")


ENDS = {
    "processing": (
        "Your bank needs a little longer",
        "Bank payments can take up to 5 working days. Your 1,000 credits arrive when yours is through.",
    ),
    "checking": (
        "Your payment is being checked",
        "We have your payment and are checking it. Reference P-",
    ),
    "failed": (
        "The payment didn't go through",
        "Your bank declined it. You have not been charged and no credits were added.",
    ),
    "expired": ("That checkout has expired", "You have not been charged and no credits were added. Start again."),
}


def ended(shopper, outcome):
    if outcome == "checking":
        return shopper.quarantined()
    if outcome == "expired":
        purchase = shopper.left()
        shopper.change(purchase, state="expired", settled_at=utc_now())
        return purchase
    purchase = shopper.paid(outcome="delayed_succeeds")
    shopper.come_back(purchase)
    if outcome == "failed":
        shopper.settle("fails")
    return purchase


@pytest.mark.parametrize("outcome", ENDS)
def test_every_end_without_credits_says_what_it_means_for_money_and_stops(shopper, outcome):
    purchase = ended(shopper, outcome)
    heading, words = ENDS[outcome]
    page = shopper.come_back(purchase)
    assert page.heading == heading
    assert page.title == f"{heading} · Refill"
    assert words in status_of(page).text
    assert status_of(page).all("a"), "a way on"
    assert page.with_id("balance-badge").text.startswith("20 credits")
    last = polled(shopper, purchase)
    for drawn in (page, last):
        assert "hx-trigger" not in status_of(drawn).attributes
    assert last.with_id("live").text == f"{heading}."
    assert "http-equiv" not in page.html
    assert grants_stored() == 0


def test_delayed_payment_that_arrives_is_added(shopper):
    purchase = shopper.paid(outcome="delayed_succeeds")
    assert shopper.come_back(purchase).heading == "Your bank needs a little longer"
    shopper.settle("succeeds")
    assert shopper.come_back(purchase).heading == "1,000 credits added"


def test_stripe_out_of_reach_leaves_the_page_confirming(shopper):
    purchase = shopper.paid()
    shopper.stripe.faults.refuse_connection("GET", "/v1/checkout/sessions/{id}", times=5)
    assert shopper.come_back(purchase).heading == "Confirming your payment"
    shopper.stripe.faults.clear()
    shopper.change(purchase, asked_at=utc_now() - dt.timedelta(seconds=6))
    assert status_of(polled(shopper, purchase)).text.startswith("1,000 credits added")


@pytest.mark.parametrize("state", ["left", "granted"])
def test_session_of_somebody_else_is_as_missing_as_none(shopper, stranger, state):
    purchase = getattr(shopper, state)()
    for path in (
        f"{CREDITS}/success?session_id={purchase.session_id}",
        f"{CREDITS}/success?session_id=cs_test_nobody",
        f"{CREDITS}/success?session_id=",
        f"{CREDITS}/success",
    ):
        page = stranger.pages.open(path, status=404)
        assert page.heading == "We can't find that page"
        assert "credits added" not in page.text
    own, none = (
        stranger.pages.partial(f"/partials/checkout-status/{name}", status=404) for name in (purchase.id, "nobody")
    )
    assert own.html == none.html
    assert own.response.headers["HX-Retarget"] == "#alerts"


def test_anonymous_comes_back_to_the_return_page_after_signing_in(shopper, anonymous):
    purchase = shopper.left()
    answer = anonymous.client.get(f"{CREDITS}/success?session_id={purchase.session_id}")
    assert answer.status_code == 303
    assert re.fullmatch(rf"/login\?next=.*success.*{purchase.session_id}", answer.location)


def test_return_page_is_limited_to_twenty_a_minute(shopper):
    purchase = shopper.left()
    for _ in range(20):
        shopper.come_back(purchase)
    page = shopper.pages.open(f"{CREDITS}/success?session_id={purchase.session_id}", status=429)
    assert page.heading == "Slow down a little"
    assert polled(shopper, purchase).has_id("checkout-status"), "the poller has its own count"
