"""From a Checkout Session as it is at Stripe to the state of its purchase, and the one grant of what was paid.

Called by the webhook, the return page and the sweep, in any order, as often as they like: the state only moves
forward, and the ledger holds one grant for one purchase. https://docs.stripe.com/checkout/fulfillment
"""

import datetime as dt

import structlog
from sqlalchemy.orm import Session

from webapp.billing.checkout import locked_purchase
from webapp.billing.compare import differences
from webapp.billing.customers import remember_customer
from webapp.billing.models import Purchase
from webapp.billing.money_back.settling import claim_again
from webapp.billing.stripe_objects import CheckoutSession
from webapp.ledger.operations import grant, note_change

# A state never goes back, so an answer of Stripe's that is older than another's can't undo anything. Money that
# arrives after all is granted from any state but the last two.
ORDER = {"open": 0, "processing": 1, "failed": 2, "expired": 2, "quarantined": 3, "paid": 3}
FINAL = frozenset({"paid", "quarantined"})

log = structlog.get_logger("refill")


def fulfil(session: Session, purchase: Purchase, checkout: CheckoutSession, *, now: dt.datetime) -> Purchase:
    """Bring a purchase to what its session says: grant what is paid, once; close what expired or failed.

    Locks the account. `checkout` must have been read from Stripe at our API version, never taken from an event.
    Money for anything but what the purchase asked for quarantines it, with what differs; a quarantined purchase
    stays so until an operator acts, and a paid one is never changed. Without money nothing is compared or granted.
    """
    purchase = locked_purchase(session, purchase.account_id, purchase.id)
    if purchase.state not in FINAL:
        _follow(session, purchase, checkout, now=now)
        session.flush()
    elif checkout.is_paid and purchase.session_id != checkout.id:
        log.error("a settled purchase is paid again by another session", purchase=purchase.id, session=checkout.id)
    return purchase


def grant_purchase(session: Session, purchase: Purchase, *, actor_kind: str, now: dt.datetime) -> None:
    """Grant a purchase its credits, once, and call it paid. The account is locked."""
    posted = grant(
        session,
        purchase.account_id,
        kind="purchased",
        credits=purchase.credits,
        key=f"purchase:{purchase.id}",
        source_kind="purchase",
        source_id=purchase.id,
        description=f"{purchase.pack_name} pack",
        actor_kind=actor_kind,
        now=now,
    )
    purchase.grant_seq = posted.entry.seq
    _move(purchase, "paid", reason="", now=now)
    log.info("purchase paid", purchase=purchase.id, account_id=purchase.account_id, credits=purchase.credits)


def _follow(session: Session, purchase: Purchase, checkout: CheckoutSession, *, now: dt.datetime) -> None:
    if checkout.is_paid:
        _settle_money(session, purchase, checkout, now=now)
    elif purchase.session_id not in {None, checkout.id}:
        log.warning("unpaid session is not the purchase's", purchase=purchase.id, session=checkout.id)
    elif checkout.has_failed:
        _close(purchase, "failed", checkout, reason=checkout.failure_code or "declined", now=now)
        note_change(session, purchase.account_id)
    elif checkout.status == "expired":
        _close(purchase, "expired", checkout, now=now)
    elif checkout.status == "complete":
        _close(purchase, "processing", checkout, now=now)


def _settle_money(session: Session, purchase: Purchase, checkout: CheckoutSession, *, now: dt.datetime) -> None:
    if found := differences(purchase, checkout):
        _quarantine(session, purchase, checkout, found, now=now)
        return
    _note_payment(purchase, checkout)
    claim_again(session, purchase, now=now)
    grant_purchase(session, purchase, actor_kind="stripe", now=now)
    if checkout.customer_id:
        remember_customer(
            session, purchase.account_id, stripe_mode=purchase.stripe_mode, customer_id=checkout.customer_id, now=now
        )


def _quarantine(
    session: Session,
    purchase: Purchase,
    checkout: CheckoutSession,
    found: dict[str, dict[str, object]],
    *,
    now: dt.datetime,
) -> None:
    purchase.differences = found
    _move(purchase, "quarantined", reason=next(iter(found)), now=now)
    _note_payment(purchase, checkout)
    claim_again(session, purchase, now=now)
    log.error("purchase quarantined: paid, but not for what it asked", purchase=purchase.id, differs=list(found))


def _close(purchase: Purchase, state: str, checkout: CheckoutSession, *, reason: str = "", now: dt.datetime) -> None:
    if ORDER[state] <= ORDER[purchase.state]:
        return
    _move(purchase, state, reason=reason, now=None if state == "processing" else now)
    _note_payment(purchase, checkout)


def _move(purchase: Purchase, state: str, *, reason: str, now: dt.datetime | None) -> None:
    purchase.state, purchase.reason, purchase.settled_at = state, reason[:255], now


def _note_payment(purchase: Purchase, checkout: CheckoutSession) -> None:
    """What later refunds and questions need, whatever became of the purchase."""
    if purchase.session_id is None:
        purchase.session_id, purchase.session_url = checkout.id, checkout.url
    purchase.payment_intent_id = checkout.payment_intent_id
    if checkout.total_minor is not None and checkout.total_minor >= 0:
        purchase.total_minor = checkout.total_minor
