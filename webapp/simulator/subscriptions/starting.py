"""A subscription begins: its checkout was paid, or its trial begins.

Checkout makes the subscription and its first invoice only after the payment.
https://docs.stripe.com/changelog/basil/2025-03-31/checkout-legacy-subscription-upgrade
"""

from webapp.simulator.discounts import begin_discount, left_after
from webapp.simulator.events import Happening
from webapp.simulator.sessions import lines_of
from webapp.simulator.shapes import new_id
from webapp.simulator.store import Json
from webapp.simulator.subscriptions.cards import attach
from webapp.simulator.subscriptions.collecting import Paid, settle_with
from webapp.simulator.subscriptions.invoices import announce, draw_up, finalize, mark_paid
from webapp.simulator.subscriptions.lines import lines_of_period
from webapp.simulator.subscriptions.objects import new_item, new_subscription, period_of
from webapp.simulator.subscriptions.periods import period_end


def start(happening: Happening, session: Json, method: Json | None, paid: Paid | None, *, base_url: str) -> Json:
    """Make the subscription and the first invoice of a session; the session that names both.

    Without `paid` nothing was due: a trial, or a discount of everything.
    """
    state = happening.state
    if method is not None:
        method = attach(happening, method, session["customer"])
    subscription = begin_discount(happening, session, _made(happening, session))
    state.add(subscription, hidden={"base_url": base_url}, due_at=period_of(subscription)[1])
    lines = lines_of_period(state, subscription)
    invoice = draw_up(happening, subscription, lines, "subscription_create")
    named = {
        "latest_invoice": invoice["id"],
        "default_payment_method": method and method["id"],
        "discounts": left_after(happening, subscription, invoice),
    }
    happening.emit("customer.subscription.created", state.save({**subscription, **named}))
    invoice = finalize(happening, announce(happening, invoice))
    if paid is None:
        mark_paid(happening, invoice)
    else:
        settle_with(happening, invoice, paid)
    return {**session, "subscription": subscription["id"], "invoice": invoice["id"]}


def _made(happening: Happening, session: Json) -> Json:
    now, subscription_id = happening.now, new_id("sub")
    given = happening.state.hidden(session["id"])["subscription_data"]
    lines = lines_of(happening.state, session["id"])
    days = given.get("trial_period_days", 0)
    end = now + days * 24 * 3600 if days else period_end(now, lines[0]["price"]["recurring"], now)
    items = [new_item(subscription_id, line["price"], line["quantity"], start=now, end=end, now=now) for line in lines]
    return new_subscription(session, given, items, now=now)
