"""States in which money came back: purchases, receipts and banners of refunds and disputes, requests, closing."""

import dataclasses

from tests.api.books import spend
from tests.browser.stage import Buyer, View, long_email
from tests.browser.states import shows
from tests.browser.states_of_operator import operator
from tests.support.money_back import dispute_of, refund_of, tell
from tests.support.people import PASSWORD
from webapp.billing.money_back.requests import Wish, ask_refund, decline_request
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.web.refund_requests import approve

DASHBOARD = "/dashboard"
CREDITS = "/dashboard/credits"
HISTORY = "/dashboard/history"
CLOSE = "/dashboard/settings/close"
OPERATOR_REQUESTS = "/operator/refunds"


def with_everything_back(stage, **person: str) -> Buyer:
    """Five purchases: refunded, refunded in part, disputed, lost, and one whose refund failed."""
    buyer = stage.buyer(**person)
    whole, part, disputed, lost, failed = (
        buyer.granted(pack) for pack in ("popular", "maximum", "small", "starter", "power")
    )
    spend(buyer.user.account_id, 1_050)
    tell(whole, refund_of(whole))
    tell(part, refund_of(part, 10_000), refund_of(part, 2_500, "pending"))
    taken = dispute_of(lost, is_withdrawn=True)
    tell(lost, taken)
    tell(lost, dataclasses.replace(taken, state="lost"))
    undone = refund_of(failed, state="pending")
    tell(failed, undone)
    tell(failed, dataclasses.replace(undone, state="failed"))
    tell(disputed, dispute_of(disputed))
    return buyer


def owing(stage) -> Buyer:
    """Somebody whose disputed credits were used: the two worst banners."""
    buyer = stage.buyer()
    bought = buyer.granted("popular")
    spend(buyer.user.account_id, 1_020)
    tell(bought, dispute_of(bought, is_withdrawn=True))
    return buyer


def promised(buyer: Buyer, pack: str = "popular"):
    """A purchase of which a refund may be asked for."""
    buyer.change(buyer.granted(pack), refund_days=14)
    return buyer.newest()


def asked(buyer: Buyer, purchase, **terms: int):
    """A request of all the purchase's credits, with a reason that has nowhere to break."""
    shown = {"credits": purchase.credits, "amount_minor": purchase.amount_minor} | terms
    wish = Wish(purchase.id, reason="w" * 300, form_key=f"form:{purchase.id}", **shown)
    who = (buyer.user.account_id, buyer.user.id)
    return transact(lambda session: ask_refund(session, *who, wish, stripe_mode="simulated", now=utc_now()))


def refunds(purchase) -> str:
    return f"{CREDITS}/refunds/{purchase.id}"


@shows("dashboard.dashboard")
def dashboard_after_refunds_and_disputes(stage):
    return View(DASHBOARD, with_everything_back(stage))


@shows("dashboard.dashboard")
def dashboard_of_somebody_who_owes_for_a_dispute(stage):
    return View(DASHBOARD, owing(stage))


@shows("credits.credits")
def credits_after_refunds_and_disputes(stage):
    return View(CREDITS, with_everything_back(stage))


@shows("credits.credits")
def credits_with_requests_for_refunds(stage):
    buyer = stage.buyer()
    waiting, declined, free = (promised(buyer, pack) for pack in ("popular", "maximum", "small"))
    asked(buyer, waiting)
    request = asked(buyer, declined)
    no = {"by_user_id": buyer.user.id, "answer": "Too late", "now": utc_now()}
    transact(lambda session: decline_request(session, buyer.user.account_id, request.id, **no))
    assert free.refund_days
    return View(CREDITS, buyer)


@shows("history.history")
def history_of_refunds_and_disputes(stage):
    return View(HISTORY, with_everything_back(stage))


@shows("credits.receipt")
def receipt_of_what_was_refunded_in_part(stage):
    buyer = stage.buyer(name="A-name-that-does-not-break-anywhere-" * 2, email=long_email())
    bought = buyer.granted("maximum")
    spend(buyer.user.account_id, 9_000)
    tell(bought, refund_of(bought, 10_000), refund_of(bought, 2_500, "failed"), dispute_of(bought, minor=5_000))
    return View(f"{CREDITS}/receipts/{bought.id}", buyer)


@shows("refunds.refund")
def refund_that_may_be_asked_for(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    spend(buyer.user.account_id, 123)
    buyer.hold(50)
    return View(refunds(bought), buyer)


@shows("refunds.refund")
def refund_that_was_asked_for(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    asked(buyer, bought)
    return View(refunds(bought), buyer)


@shows("refunds.refund")
def refund_of_which_credits_were_used_since(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    asked(buyer, bought)
    spend(buyer.user.account_id, 120)
    return View(refunds(bought), buyer)


@shows("refunds.refund")
def refund_that_was_declined_at_length(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    request = asked(buyer, bought)
    no = {"by_user_id": buyer.user.id, "answer": "n" * 500, "now": utc_now()}
    transact(lambda session: decline_request(session, buyer.user.account_id, request.id, **no))
    return View(refunds(bought), buyer)


@shows("refunds.refund")
def refund_that_was_made(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    request = asked(buyer, bought)
    approve(buyer.user.account_id, request.id, by_user_id=buyer.user.id, answer="Sorry", now=utc_now())
    return View(refunds(bought), buyer)


@shows("refunds.refund")
def refund_of_which_the_sum_changed(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    page = buyer.pages.open(refunds(bought))
    assert buyer.pages.submit(page, "ask-refund", credits="1").status_code == 303
    return View(refunds(bought), buyer)


@shows("refunds.refund")
def refund_that_can_not_be_asked_for_any_more(stage):
    buyer = stage.buyer()
    bought = promised(buyer)
    spend(buyer.user.account_id, 1_020)
    return View(refunds(bought), buyer)


@shows("closing.closing")
def closing_an_account(stage):
    buyer = stage.buyer()
    for pack in ("popular", "maximum"):
        promised(buyer, pack)
    buyer.hold(10)
    buyer.stays("processing", "small")
    return View(CLOSE, buyer)


@shows("closing.closing")
def closing_an_account_with_nothing_to_refund(stage):
    return View(CLOSE, stage.buyer())


@shows("closing.closing")
def closing_an_account_with_a_wrong_password(stage):
    buyer = stage.buyer()
    answer = buyer.pages.submit(buyer.pages.open(CLOSE), "close-form", present="wrong")
    assert answer.status_code == 422
    return View(CLOSE, buyer, answer)


@shows("closing.closing")
def closed_account(stage):
    buyer = stage.buyer(email=long_email())
    answer = buyer.pages.submit(buyer.pages.open(CLOSE), "close-form", present=PASSWORD)
    assert answer.status_code == 200
    return View(CLOSE, drawn=answer)


@shows("operator.requests")
def operator_requests_that_wait(stage):
    waiting, outdated = stage.buyer(email=long_email()), stage.buyer()
    asked(waiting, promised(waiting))
    asked(outdated, promised(outdated, "maximum"))
    spend(outdated.user.account_id, 500)
    return View(OPERATOR_REQUESTS, operator(stage, "billing"))


@shows("operator.request")
def operator_request_to_decide(stage):
    buyer = stage.buyer(email=long_email())
    request = asked(buyer, promised(buyer))
    return View(f"{OPERATOR_REQUESTS}/{buyer.user.account_id}/{request.id}", operator(stage, "billing"))


@shows("operator.request")
def operator_request_that_is_outdated(stage):
    buyer = stage.buyer()
    request = asked(buyer, promised(buyer))
    spend(buyer.user.account_id, 120)
    return View(f"{OPERATOR_REQUESTS}/{buyer.user.account_id}/{request.id}", operator(stage, "billing"))


@shows("operator.request")
def operator_request_that_is_refused_without_a_reason(stage):
    buyer, by = stage.buyer(), operator(stage, "billing")
    request = asked(buyer, promised(buyer))
    path = f"{OPERATOR_REQUESTS}/{buyer.user.account_id}/{request.id}"
    return View(path, by, by.pages.submit(by.pages.open(path), "decide-form", decision="approve", reason=" "))


@shows("operator.request")
def operator_request_that_was_decided(stage):
    buyer, by = stage.buyer(), operator(stage, "support")
    request = asked(buyer, promised(buyer))
    approve(buyer.user.account_id, request.id, by_user_id=by.user.id, answer="Sorry", now=utc_now())
    return View(f"{OPERATOR_REQUESTS}/{buyer.user.account_id}/{request.id}", by)
