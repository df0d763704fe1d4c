"""One invoice of a subscription from its draft to its money, and what its end means for the subscription.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

from webapp.simulator.discounts import left_after
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.cards import card_of, typed_card, usual_course
from webapp.simulator.subscriptions.collecting import Course, collect, stop_collecting
from webapp.simulator.subscriptions.finding import updated
from webapp.simulator.subscriptions.invoices import (
    Reason,
    announce,
    draw_up,
    finalize,
    mark_uncollectible,
    mark_void,
    subscription_of,
)
from webapp.simulator.subscriptions.objects import ENDED


def bill(
    happening: Happening, subscription: Json, lines: list[Json], reason: Reason, course: Course | None, *,
    past: tuple[int, int] | None = None,
) -> Json:  # fmt: skip
    """Draw up an invoice, ask for its money unless collection is paused; the subscription afterwards.

    `subscription` is as it shall be from now on; one event tells of its change and of the invoice it has got.
    `course` says how the payment goes; None: as the card does.
    """
    invoice = draw_up(happening, subscription, lines, reason, past=past)
    left = left_after(happening, subscription, invoice)
    subscription = updated(happening, subscription, latest_invoice=invoice["id"], discounts=left)
    announce(happening, invoice)
    if subscription["pause_collection"]:
        _keep_from_collecting(happening, invoice, subscription["pause_collection"]["behavior"])
        return subscription
    if subscription["status"] == "unpaid":
        return subscription  # drafts pile up until somebody pays
    method = card_of(happening.state, subscription)
    collect(happening, finalize(happening, invoice), method, course or usual_course(method))
    return follow(happening, subscription["id"])


def retry_payment(
    happening: Happening, invoice_id: str, course: Course | None = None, *, last4: str | None = None
) -> Json:
    """Ask once more for an open invoice, as its page and Stripe's retries do; the invoice.

    `course` says how it goes; None: as the card does. `last4` is a card typed on the invoice's page, for this
    payment only. Nothing happens to an invoice that is not open.
    """
    invoice = happening.state.load("invoice", invoice_id)
    if invoice["status"] not in {"open", "uncollectible"}:
        return invoice
    subscription = subscription_of(happening, invoice)
    typed = typed_card(happening, subscription["customer"], last4) if last4 else None
    method = typed or card_of(happening.state, subscription)
    invoice = collect(happening, invoice, method, course or usual_course(method))
    follow(happening, subscription["id"])
    return invoice


def void_invoice(happening: Happening, invoice_id: str) -> Json:
    """Take back an invoice that nobody has paid; the invoice."""
    invoice = happening.state.load("invoice", invoice_id)
    if invoice["status"] not in {"open", "uncollectible"}:
        text = f"You can only pass in open or uncollectible invoices. This invoice is {invoice['status']}."
        raise StripeRefusal(text, code="invoice_not_editable")
    stop_collecting(happening, invoice)
    invoice = mark_void(happening, invoice)
    follow(happening, subscription_of(happening, invoice)["id"])
    return invoice


def follow(happening: Happening, subscription_id: str) -> Json:
    """Let the subscription be as its latest invoice has it: active when that is paid or void, past due when not."""
    state = happening.state
    subscription = state.load("subscription", subscription_id)
    invoice = state.load("invoice", subscription["latest_invoice"])
    if subscription["status"] in {*ENDED, "trialing", "paused"}:
        return subscription
    if invoice["status"] in {"paid", "void"}:
        return updated(happening, subscription, status="active")
    if invoice["status"] == "open" and subscription["status"] == "active" and invoice["attempted"]:
        return updated(happening, subscription, status="past_due")
    return subscription


def _keep_from_collecting(happening: Happening, invoice: Json, behavior: str) -> None:
    if behavior == "void":
        mark_void(happening, finalize(happening, invoice))
    elif behavior == "mark_uncollectible":
        mark_uncollectible(happening, finalize(happening, invoice))
