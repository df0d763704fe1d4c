"""Whether a payment at Stripe and a purchase of ours say the same. Asks nobody: facts in, findings out."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.checkout import locked_purchase
from webapp.billing.fulfil import FINAL, fulfil
from webapp.billing.gateway import Span
from webapp.billing.models import Purchase
from webapp.billing.reconcile.findings import REPORTED, Finding, Kind, about, of_checkout, of_purchase
from webapp.billing.stripe_objects import CheckoutSession

UNSETTLED = ("open", "processing")
MOST_UNSETTLED = 1000


def purchase_of(session: Session, checkout: CheckoutSession, *, stripe_mode: str) -> Purchase | None:
    """The purchase of a checkout: by its session, else by what we wrote into it."""
    ours = select(Purchase).where(Purchase.stripe_mode == stripe_mode)
    found = session.scalar(ours.where(Purchase.session_id == checkout.id))
    if found is None and checkout.client_reference_id:
        found = session.scalar(ours.where(Purchase.id == checkout.client_reference_id))
    return found


def needs_asking(purchase: Purchase, checkout: CheckoutSession) -> bool:
    """Whether a checkout that its buyer went through may move its purchase on."""
    if purchase.state in FINAL:
        return False
    return checkout.is_paid or purchase.state in UNSETTLED


def settled(session: Session, purchase: Purchase, checkout: CheckoutSession, *, now: dt.datetime) -> list[Finding]:
    """Settle a purchase by its checkout, and tell if that was news. Locks the account."""
    before = of_purchase(locked_purchase(session, purchase.account_id, purchase.id))
    after = fulfil(session, purchase, checkout, now=now)
    return moved(before, after, checkout_id=checkout.id, expected=of_checkout(checkout))


def moved(
    before: Mapping[str, Any], after: Purchase, *, checkout_id: str, expected: Mapping[str, Any]
) -> list[Finding]:
    """A finding if the purchase has another state than before. Money that we hadn't heard of was missing here."""
    if after.state == before["state"]:
        return []
    kind: Kind = "missing" if after.state in FINAL else "differs"
    return [Finding(kind, "checkout", checkout_id, expected, before, after.state, **about(after))]


def unlike(purchase: Purchase, checkout: CheckoutSession) -> list[Finding]:
    """What a paid purchase says otherwise than Stripe. Only told: credits once granted aren't changed by themselves.

    What differs in a quarantined purchase is known, and waits for a person there.
    """
    if purchase.state != "paid":
        return []
    if purchase.session_id != checkout.id:
        return [_told("extra", purchase, checkout)] if checkout.is_paid else []
    if not checkout.is_paid:
        return [_told("extra", purchase, checkout)]
    seen = (checkout.total_minor, checkout.currency, checkout.payment_intent_id)
    kept = (purchase.total_minor, purchase.currency, purchase.payment_intent_id)
    return [] if seen == kept else [_told("differs", purchase, checkout)]


def unknown(checkout: CheckoutSession, *, base_url: str) -> list[Finding]:
    """A paid checkout that we made and have no purchase of: a database that was set back would show this.

    Ours are known by their way back; another application may sell through the same account.
    """
    is_ours = checkout.metadata.get("type") == "credit_purchase" and (checkout.success_url or "").startswith(base_url)
    if not (is_ours and checkout.is_paid):
        return []
    facts = {**of_checkout(checkout), "metadata": dict(checkout.metadata)}
    return [Finding("missing", "checkout", checkout.id, facts, {}, REPORTED, needs_person=True)]


def gone(purchase: Purchase) -> list[Finding]:
    """A paid purchase whose checkout Stripe doesn't know."""
    checkout_id = str(purchase.session_id)
    return [
        Finding(
            "extra", "checkout", checkout_id, {}, of_purchase(purchase), REPORTED, needs_person=True, **about(purchase)
        )
    ]


def paid_unseen(session: Session, stripe_mode: str, opened: Span, seen: Collection[str]) -> list[Purchase]:
    """The paid purchases opened in a span whose checkouts were not in Stripe's list."""
    paid = select(Purchase).where(
        Purchase.stripe_mode == stripe_mode,
        Purchase.state == "paid",
        Purchase.opened_at >= opened.since,
        Purchase.opened_at < opened.until,
    )
    return [purchase for purchase in session.scalars(paid) if purchase.session_id not in seen]


def unsettled_before(session: Session, stripe_mode: str, moment: dt.datetime) -> list[Purchase]:
    """Unsettled purchases too old for Stripe's list of this run, the longest unasked first."""
    found = select(Purchase).where(
        Purchase.stripe_mode == stripe_mode, Purchase.state.in_(UNSETTLED), Purchase.opened_at < moment
    )
    return list(session.scalars(found.order_by(Purchase.asked_at).limit(MOST_UNSETTLED)))


def _told(kind: Kind, purchase: Purchase, checkout: CheckoutSession) -> Finding:
    return Finding(
        kind,
        "checkout",
        checkout.id,
        of_checkout(checkout),
        of_purchase(purchase),
        REPORTED,
        needs_person=True,
        **about(purchase),
    )
