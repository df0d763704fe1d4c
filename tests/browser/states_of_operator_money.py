"""States of the console's pages of money: health, purchases, events, comparisons with Stripe."""

import datetime as dt
import itertools
import json

from sqlalchemy.orm import Session

from tests.browser.stage import Buyer, View, long_email
from tests.browser.states import shows
from tests.browser.states_of_operator import operator
from webapp.billing.models import WebhookEvent
from webapp.billing.reconcile.findings import Finding, keep_findings
from webapp.billing.reconcile.records import begin, note
from webapp.extensions import transact
from webapp.orm import utc_now

PURCHASES, EVENTS, RUNS = "/operator/purchases", "/operator/events", "/operator/reconciliations"
DIFFERENCES = {
    "subtotal": {"expected": 2000, "found": 1900},
    "metadata.pack": {"expected": "small", "found": "a-slug-as-long-as-they-come" * 3},
    "line_items": {"expected": 1, "found": None},
}
EVENT = {"id": "evt_sim_other", "object": "event", "type": "payout.paid", "created": 1, "livemode": False}
EVENT |= {"data": {"object": {"id": "po_1", "object": "payout"}}}
numbers = itertools.count(1)


def checked(buyer: Buyer) -> str:
    """A purchase that waits for a person, with a payment that can be given back; its id."""
    stripes = {"session_id": f"cs_test_sim_{'a' * 50}{next(numbers)}", "payment_intent_id": f"pi_sim_{next(numbers)}"}
    facts = {"differences": DIFFERENCES, "reason": "subtotal", "total_minor": 1900, "settled_at": utc_now()}
    return buyer.stays("quarantined", **facts, **stripes).id


def event(state: str, **facts: object) -> str:
    """An event of this state; its id."""
    event_id = f"evt_sim_{next(numbers)}"
    body = {"id": event_id, "object": "event", "type": "checkout.session.completed", "client_secret": "x"}
    body |= {"data": {"object": {"id": "cs_test_sim_1", "lines": ["a line of JSON that goes on " * 9] * 20}}}
    now = utc_now()
    row = {
        "type": body["type"],
        "stripe_mode": "simulated",
        "object_id": f"cs_test_sim_{'a' * 60}",
        "body": json.dumps(body),
    }
    row |= {"created_at": now, "received_at": now, "reason": "StripeUnreachable" if state == "failed" else "paid"}
    stored = WebhookEvent(id=event_id, state=state, api_version="2026-10-28.endive", **row | facts)
    transact(lambda session: session.add(stored))
    return event_id


def compared(*findings: Finding, state: str = "finished", reason: str = "") -> int:
    """A comparison that found these; its number."""

    def work(session: Session) -> int:
        now = utc_now()
        run = begin(session, "simulated", started_by="worker", since=now - dt.timedelta(days=1), now=now)
        keep_findings(session, findings, reconciliation_id=run.id, now=now)
        counts = {"checkouts": 1200, "refunds": 3, "events": 48_000, "findings": len(findings)}
        note(session, run.id, counts, reached=None, now=now, state=state, reason=reason)
        return run.id

    return transact(work)


def difference(kind: str = "differs", *, needs_person: bool = True) -> Finding:
    """A difference of a payment; each time another one."""
    facts = {"payment_status": "paid", "total_minor": 3500, "currency": "usd", "payment_intent": f"pi_sim_{'a' * 60}"}
    found = {"state": "paid", "total_minor": 3400, "currency": "usd", "payment_intent": None}
    return Finding(
        kind,  # type: ignore[arg-type]
        "checkout",
        f"cs_test_sim_{'a' * 50}{next(numbers)}",
        {} if kind == "extra" else facts,
        {} if kind == "missing" else found,
        "reported",
        needs_person=needs_person,
    )


@shows("operator.overview")
def operator_overview_with_things_to_do(stage):
    checked(stage.buyer())
    event("failed", received_at=utc_now() - dt.timedelta(hours=3))
    compared(difference())
    return View("/operator", operator(stage, "support"))


@shows("operator.purchases")
def operator_purchases_of_all(stage):
    buyer = stage.buyer(email=long_email())
    checked(buyer)
    for state in ("open", "processing", "failed", "expired"):
        buyer.stays(state)
    return View(PURCHASES, operator(stage))


@shows("operator.purchases")
def operator_purchases_nothing_refunded(stage):
    return View(f"{PURCHASES}?show=refunded", operator(stage))


@shows("operator.purchases")
def operator_purchases_nothing_found(stage):
    return View(f"{PURCHASES}?q=P-NOTHING", operator(stage))


@shows("operator.purchases")
def operator_purchases_found_while_typing(stage):
    purchase = stage.buyer().stays("processing")
    return View(
        PURCHASES,
        operator(stage),
        act=lambda page: (
            page.fill("#purchases-q", purchase.reference),
            page.wait_for_url(f"**q={purchase.reference}"),
        ),
    )


@shows("operator.purchase")
def operator_purchase_that_waits_for_a_person(stage):
    return View(f"{PURCHASES}/{checked(stage.buyer(email=long_email()))}", operator(stage))


@shows("operator.purchase")
def operator_purchase_that_is_paid(stage):
    buyer = stage.buyer()
    buyer.granted()
    return View(f"{PURCHASES}/{buyer.newest().id}", operator(stage, "support"))


@shows("operator.settle")
def operator_settling_a_payment(stage):
    buyer = stage.buyer()
    purchase_id = checked(buyer)
    return View(f"/operator/people/{buyer.user.account_id}/settle?purchase={purchase_id}", operator(stage))


@shows("operator.events")
def operator_events_of_every_state(stage):
    for state in ("handled", "ignored", "failed", "parked"):
        event(state)
    event("handled", came_by="reconcile")
    return View(EVENTS, operator(stage))


@shows("operator.events")
def operator_events_nothing_found(stage):
    return View(f"{EVENTS}?q=evt_nothing", operator(stage))


@shows("operator.event")
def operator_event_that_failed(stage):
    return View(f"{EVENTS}/{event('failed')}", operator(stage))


@shows("operator.event")
def operator_event_unfolded(stage):
    path = f"{EVENTS}/{event('handled', came_by='reconcile', handled_at=utc_now(), purchase_id='a' * 24, account_id=1)}"
    return View(path, operator(stage), act=lambda page: page.locator("details summary", has_text="sent").click())


@shows("operator.event")
def operator_event_that_was_taken_in_again(stage):
    by, path = operator(stage), f"{EVENTS}/{event('ignored', body=json.dumps(EVENT))}"
    answer = by.pages.submit(by.pages.open(path), "replay-form")
    return View(path, by, by.pages.client.get(answer.headers["Location"]))


@shows("operator.reconciliations")
def operator_comparisons_with_something_that_waits(stage):
    compared(difference("extra"), difference("missing"), difference())
    compared(state="stopped", reason="StripeUnreachable")
    return View(RUNS, operator(stage))


@shows("operator.reconciliation")
def operator_comparison_that_found_much(stage):
    found = [difference(kind, needs_person=False) for kind in ("missing", "extra", "differs") for _ in range(15)]
    return View(f"{RUNS}/{compared(*found)}", operator(stage))


@shows("operator.reconciliation")
def operator_comparison_that_found_nothing(stage):
    return View(f"{RUNS}/{compared(state='stopped', reason='time')}", operator(stage, "support"))


@shows("operator.finding")
def operator_difference_that_waits(stage):
    found = difference()
    compared(found)
    return View(f"/operator/findings/{found.fingerprint}", operator(stage))


@shows("operator.finding")
def operator_difference_closed_without_a_reason(stage):
    found, by = difference(), operator(stage)
    compared(found)
    path = f"/operator/findings/{found.fingerprint}"
    return View(path, by, by.pages.submit(by.pages.open(path), "close-form", reason=" "))


@shows("operator.finding")
def operator_difference_closed(stage):
    found, by = difference("extra"), operator(stage)
    compared(found)
    path = f"/operator/findings/{found.fingerprint}"
    by.pages.submit(by.pages.open(path), "close-form", reason="x" * 300)
    return View(path, by)
