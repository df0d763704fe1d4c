"""Invoices of subscriptions: drawn up, finalized, paid, voided. How money is asked for is in `collecting`.

Stripe leaves the invoice of a renewal a draft for an hour; here it is finalized at once.
https://docs.stripe.com/billing/invoices/subscription and https://docs.stripe.com/api/invoices
"""

from typing import Literal

import stripe

from webapp.simulator.calls import changed
from webapp.simulator.discounts import spread, taken_off
from webapp.simulator.events import Happening
from webapp.simulator.lists import as_list
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

Reason = Literal["subscription_create", "subscription_cycle", "subscription_update"]
NOTHING_YET = (
    "amount_overpaid", "amount_paid", "amount_paid_off_stripe", "amount_shipping",
    "post_payment_credit_notes_amount", "pre_payment_credit_notes_amount",
)  # fmt: skip
OfSubscription = stripe.Invoice.Parent.SubscriptionDetails


def draw_up(
    happening: Happening, subscription: Json, lines: list[Json], reason: Reason, *,
    past: tuple[int, int] | None = None,
) -> Json:  # fmt: skip
    """Store a draft over these lines; `finalize` opens it, `announce` tells of it.

    `past` is the period that has ended: the invoice's own period looks back, those of its lines look ahead.
    What the subscription's discounts take off is taken off.
    """
    state = happening.state
    customer = state.load("customer", subscription["customer"])
    invoice_id = new_id("in")
    discounted = taken_off(state, subscription, lines)
    lines = [{**line, "invoice": invoice_id} for line in spread(lines, discounted)]
    start, end = past or (happening.now, happening.now)
    tax = subscription["automatic_tax"]
    invoice = blank(
        stripe.Invoice,
        id=invoice_id,
        object="invoice",
        account_country="US",
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax=blank(stripe.Invoice.AutomaticTax, status="complete" if tax["enabled"] else None, **_shared(tax)),
        billing_reason=reason,
        collection_method="charge_automatically",
        created=happening.now,
        currency=subscription["currency"],
        default_tax_rates=[],
        discounts=[one["discount"] for one in discounted],
        issuer=blank(stripe.Invoice.Issuer, type="self"),
        lines=as_list(lines, f"/v1/invoices/{invoice_id}/lines"),
        livemode=False,
        metadata={},
        parent=_parent(subscription),
        payment_settings=blank(stripe.Invoice.PaymentSettings),
        period_end=end,
        period_start=start,
        status="draft",
        status_transitions=blank(stripe.Invoice.StatusTransitions),
        **dict.fromkeys(NOTHING_YET, 0),
        **_buyer(customer),
        **_sums(lines, discounted, customer["balance"]),
    )
    return state.add(invoice, hidden={"subscription": subscription["id"]})


def announce(happening: Happening, invoice: Json) -> Json:
    """Tell of a draft that was drawn up."""
    happening.emit("invoice.created", invoice)
    return invoice


def finalize(happening: Happening, invoice: Json) -> Json:
    """Number a draft and open it; what the customer has in credit is used, what is given back becomes credit."""
    state = happening.state
    customer = state.load("customer", invoice["customer"])
    number = customer["next_invoice_sequence"]
    url = f"{base_url_of(happening, invoice)}/_stripe/i/{invoice['id']}"
    opened = {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{number:04}",
        "effective_at": happening.now,
        "ending_balance": min(0, invoice["total"] + invoice["starting_balance"]),
        "hosted_invoice_url": url,
        "invoice_pdf": f"{url}?pdf=1",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": happening.now},
    }
    invoice = state.save({**invoice, **opened})
    _change_balance(happening, {**customer, "next_invoice_sequence": number + 1}, invoice["ending_balance"])
    happening.emit("invoice.finalized", invoice)
    return invoice


def mark_paid(happening: Happening, invoice: Json) -> Json:
    """Nothing more is asked for: it was paid, or there was nothing to pay."""
    paid = {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": {**invoice["status_transitions"], "paid_at": happening.now},
    }
    invoice = happening.state.save({**invoice, **paid})
    happening.emit("invoice.paid", invoice)
    happening.emit("invoice.payment_succeeded", invoice)
    return invoice


def mark_void(happening: Happening, invoice: Json) -> Json:
    """Nobody will pay it; as if it had never been sent."""
    transitions = {**invoice["status_transitions"], "voided_at": happening.now}
    stopped = {"auto_advance": False, "next_payment_attempt": None}
    invoice = happening.state.save({**invoice, **stopped, "status": "void", "status_transitions": transitions})
    happening.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(happening: Happening, invoice: Json) -> Json:
    """Nobody is asked for it any more."""
    transitions = {**invoice["status_transitions"], "marked_uncollectible_at": happening.now}
    stopped = {"auto_advance": False, "next_payment_attempt": None}
    invoice = happening.state.save({**invoice, **stopped, "status": "uncollectible", "status_transitions": transitions})
    happening.emit("invoice.marked_uncollectible", invoice)
    return invoice


def subscription_of(happening: Happening, invoice: Json) -> Json:
    """The subscription that an invoice is for."""
    return happening.state.load("subscription", happening.state.hidden(invoice["id"])["subscription"])


def base_url_of(happening: Happening, invoice: Json) -> str:
    """Where our pages are, as the checkout of the subscription knew."""
    url: str = happening.state.hidden(subscription_of(happening, invoice)["id"])["base_url"]
    return url


def _buyer(customer: Json) -> Json:
    """The customer as the invoice keeps them, whatever changes later."""
    kept = ("address", "email", "name", "phone", "tax_exempt")
    return {"customer": customer["id"], "customer_tax_ids": []} | {f"customer_{name}": customer[name] for name in kept}


def _sums(lines: list[Json], discounted: list[Json], balance: int) -> Json:
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(one["amount"] for one in discounted)
    due = max(0, total + balance)
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "total_discount_amounts": discounted,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "starting_balance": balance,
        "amount_due": due,
        "amount_remaining": due,
    }


def _parent(subscription: Json) -> Json:
    details = blank(OfSubscription, metadata=subscription["metadata"], subscription=subscription["id"])
    return blank(stripe.Invoice.Parent, subscription_details=details, type="subscription_details")


def _shared(tax: Json) -> Json:
    return {"enabled": tax["enabled"], "liability": tax["liability"]}


def _change_balance(happening: Happening, customer: Json, balance: int) -> None:
    old = happening.state.load("customer", customer["id"])
    new = happening.state.save({**customer, "balance": balance})
    if old["balance"] != balance:
        happening.emit("customer.updated", new, changed(old, new))
