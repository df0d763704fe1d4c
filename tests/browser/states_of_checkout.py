"""States of the page after a checkout, of the receipt, and of the pages that stand in for Stripe's own."""

from collections.abc import Callable

from tests.browser.stage import Buyer, Stage, View, long_email
from tests.browser.states import shows
from webapp.billing.models import Purchase
from webapp.orm import utc_now
from webapp.simulator.events import OUTAGE
from webapp.simulator.refunding import COURSES
from webapp.web.pages.checkout import POLLS

CREDITS = "/dashboard/credits"
SIMULATOR = "/_stripe"
LARGEST = 2**53


# How a purchase comes to each outcome of the page, and how often the browser has asked by then.
OUTCOMES: dict[str, tuple[Callable[[Buyer], Purchase], int]] = {
    "added": (lambda buyer: buyer.granted(), 0),
    "confirming": (lambda buyer: buyer.left(), 0),
    "slow": (lambda buyer: buyer.stays("open"), POLLS),
    "unpaid": (lambda buyer: buyer.left(), POLLS),
    "processing": (lambda buyer: buyer.stays("processing"), 0),
    "checking": (lambda buyer: buyer.quarantined(), 0),
    "failed": (lambda buyer: buyer.stays("failed", settled_at=utc_now()), 0),
    "expired": (lambda buyer: buyer.stays("expired"), 0),
}


def return_to(outcome: str) -> None:
    def back(stage: Stage) -> View:
        buyer = stage.buyer()
        come_there, poll = OUTCOMES[outcome]
        return View(f"{CREDITS}/success?session_id={come_there(buyer).session_id}&poll={poll}", buyer)

    back.__name__ = f"return_from_a_checkout_{outcome}"
    shows("checkout_return.success")(back)


for outcome in OUTCOMES:
    return_to(outcome)


@shows("checkout_return.success")
def payment_of_somebody_else(stage):
    return View(f"{CREDITS}/success?session_id=cs_unknown", stage.buyer())


@shows("credits.receipt")
def receipt(stage):
    buyer = stage.buyer()
    return View(f"{CREDITS}/receipts/{buyer.granted().id}", buyer)


@shows("credits.receipt")
def receipt_with_tax_and_long_names(stage):
    buyer = stage.buyer(name="A-name-that-does-not-break-anywhere-" * 2, email=long_email())
    purchase = buyer.granted("maximum")
    buyer.change(purchase, total_minor=LARGEST, pack_name="P" * 100, credits=LARGEST)
    return View(f"{CREDITS}/receipts/{purchase.id}", buyer)


def intent_of(buyer: Buyer, purchase: Purchase) -> str:
    with buyer.stripe.store.reading() as state:
        return str(state.load("checkout.session", purchase.session_id or "")["payment_intent"])


@shows("simulator.checkout")
def checkout(stage):
    return View(f"{SIMULATOR}/c/pay/{stage.buyer().left().session_id}")


@shows("simulator.checkout")
def checkout_after_a_declined_card(stage):
    return View(f"{SIMULATOR}/c/pay/{stage.buyer().paid(outcome='declined').session_id}")


@shows("simulator.checkout")
def checkout_that_is_complete(stage):
    return View(f"{SIMULATOR}/c/pay/{stage.buyer().paid().session_id}")


@shows("simulator.confirming")
def wait_for_the_webhook(stage):
    buyer = stage.buyer()
    path = f"{SIMULATOR}/c/pay/{buyer.paid().session_id}/confirming"
    drawn = buyer.pages.client.get(path)
    del drawn.headers["Refresh"]  # it would look again while it is looked at
    return View(path, drawn=drawn)


@shows("simulator.authentication")
def question_of_the_bank(stage):
    purchase = stage.buyer().paid(outcome="requires_action")
    return View(f"{SIMULATOR}/c/pay/{purchase.session_id}/3ds")


@shows("simulator.closed")
def closed_tab(stage):
    return View(f"{SIMULATOR}/c/pay/{stage.buyer().left().session_id}/closed")


@shows("simulator.receipt")
def receipt_of_stripe(stage):
    buyer = stage.buyer()
    buyer.paid()
    with buyer.stripe.store.reading() as state:
        (row,) = state.rows("SELECT id FROM sim_object WHERE type = 'charge' ORDER BY seq DESC LIMIT 1")
    return View(f"{SIMULATOR}/receipts/{row['id']}")


@shows("simulator.control_room")
def control_room(stage):
    buyer = stage.buyer()
    buyer.left()
    buyer.paid(outcome="declined")
    buyer.paid(outcome="delayed_succeeds")
    buyer.paid()
    return View(f"{SIMULATOR}/")


@shows("simulator.control_room")
def control_room_in_an_outage(stage):
    buyer = stage.buyer()
    with buyer.stripe.store.writing() as state:
        state.rows("INSERT INTO sim_switch (name) VALUES (?)", OUTAGE)
    buyer.left()
    buyer.stripe.refund(intent_of(buyer, buyer.paid()))
    drawn = buyer.pages.client.get(f"{SIMULATOR}/")
    buyer.stripe.deliveries.end_outage()  # the site is everybody's
    return View(f"{SIMULATOR}/", drawn=drawn)


@shows("simulator.payment")
def payment_of_stripe(stage):
    buyer = stage.buyer()
    return View(f"{SIMULATOR}/payments/{intent_of(buyer, buyer.paid())}")


@shows("simulator.payment")
def payment_of_stripe_that_came_back(stage):
    buyer = stage.buyer()
    intent_id = intent_of(buyer, buyer.paid())
    for course in COURSES:
        buyer.stripe.refund(intent_id, 100, course)
    failed = buyer.stripe.refund(intent_id, 100)
    buyer.stripe.end_refund(failed["id"], "fails")
    for steps in ((), ("withdraw",), ("withdraw", "win"), ("lose",)):
        dispute = buyer.stripe.dispute(intent_id, 100)
        for step in steps:
            buyer.stripe.move_dispute(dispute["id"], step)
    buyer.stripe.dispute(intent_id, 100, is_inquiry=True)
    return View(f"{SIMULATOR}/payments/{intent_id}")


@shows("simulator.stored_object")
def object_of_stripe(stage):
    return View(f"{SIMULATOR}/objects/{stage.buyer().paid().session_id}")


@shows("simulator.event")
def event_of_stripe(stage):
    buyer = stage.buyer()
    buyer.paid()
    with buyer.stripe.store.reading() as state:
        (row,) = state.rows("SELECT id FROM sim_event ORDER BY seq DESC LIMIT 1")
    return View(f"{SIMULATOR}/events/{row['id']}")
