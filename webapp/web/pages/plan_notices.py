"""What the billing page says once to somebody who comes from the checkout of a plan.

The words come from our record, which is brought to what Stripe says first.
"""

from flask import url_for

from webapp.billing.subscriptions.models import PlanCheckout
from webapp.billing.subscriptions.queries import last_plan_checkout, subscription_of
from webapp.billing.subscriptions.standing import counts
from webapp.extensions import db
from webapp.web.display import amount
from webapp.web.pages.notices import Notice
from webapp.web.pages.plan_watch import Watch
from webapp.web.pages.plan_words import plan_name
from webapp.web.pages.reader import Reader
from webapp.web.plans import settle_plan_and_tell


def notice_of_cancel(reader: Reader) -> Notice | None:
    """The notice for `?checkout=cancelled`: what became of the checkout opened last. Ask before anything is read."""
    left = last_plan_checkout(db.session(), reader.account_id, stripe_mode=reader.stripe_mode)
    if left is None or left.session_id is None or left.state == "complete":
        return None
    left, is_answered = settle_plan_and_tell(reader.account_id, left.session_id, now=reader.now)
    if left.state != "open":
        return _of_state(reader, left)
    text = "If you didn't pay, no money was taken. If you did, your plan is about to begin."
    if is_answered:
        text = f"No money was taken. {plan_name(reader, left.plan_slug)} is still here if you want it."
    return Notice("info", "info", "Checkout cancelled", text)


def notice_of_checkout(reader: Reader, watch: Watch) -> Notice | None:
    """The notice for `?session_id=…`; none while Stripe hasn't said what became of it: the card tells that."""
    return None if watch.checkout is None or watch.is_confirming else _of_state(reader, watch.checkout)


def begun_words(reader: Reader, checkout: PlanCheckout) -> tuple[str, str] | None:
    """“You're on Plus” and what was added, while the subscription that came of the checkout counts."""
    row = subscription_of(db.session(), reader.account_id, checkout.subscription_id or "")
    if row is None or not counts(row):
        return None
    given = reader.allowance
    title = f"You're on {plan_name(reader, row.plan_slug)}"
    if given is None or given.source != row.item_id or not given.given_credits:
        return title, "Your credits arrive when the payment is through."
    added = amount(given.given_credits, reader.catalog, reader.locale)
    balance = amount(reader.shown_credits, reader.catalog, reader.locale)
    return title, f"{added} added. Your new balance is {balance}."


def _of_state(reader: Reader, checkout: PlanCheckout) -> Notice | None:
    if checkout.state == "complete":
        begun = begun_words(reader, checkout)
        return Notice("ok", "check", *begun) if begun else None
    again = ("See the plans", f"{url_for('billing.billing')}#plans")
    if checkout.state == "expired":
        return Notice("info", "clock", "That checkout has expired", "You have not been charged.", (again,))
    return Notice("bad", "x", "Stripe couldn't open that checkout", "You have not been charged.", (again,))
