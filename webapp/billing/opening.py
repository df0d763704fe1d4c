"""What is the same for every checkout that we open, of a pack or of a plan: its session, its tries, its end.

Every writer here locks the account's row first and reads the checkout anew.
"""

import datetime as dt
import secrets
from base64 import b32encode
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.customers import forget_customer
from webapp.billing.models import OpenedCheckout
from webapp.billing.stripe_objects import CheckoutSession
from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.operations import lock_account

# Stripe takes an end between 30 minutes and 24 hours after it makes the session, and keeps our key for 24 hours:
# an hour is left for clocks that differ, and after SENDABLE the frozen end would be refused.
# https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
LIFE = dt.timedelta(hours=23)
SENDABLE = LIFE - dt.timedelta(minutes=35)

NEVER_ASKED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# What we may leave out of the parameters when Stripe refuses it: neither is needed to pay.
OPTIONAL_PARAMS = frozenset({"customer", "customer_email"})

Opened = TypeVar("Opened", bound=OpenedCheckout)


def new_id() -> str:
    """An id that nobody can guess, in letters and digits."""
    return b32encode(secrets.token_bytes(15)).decode().lower()


def opened_under(
    session: Session, kind: type[Opened], account_id: int, *, open_key: str, fingerprint: str
) -> Opened | None:
    """What a key has opened before. Raises IdempotencyConflict when that was asked for in other words."""
    opened = session.scalar(select(kind).where(kind.account_id == account_id, kind.open_key == open_key))
    if opened is not None and opened.open_fingerprint != fingerprint:
        raise IdempotencyConflict("This key has opened another purchase.")
    return opened


def stripe_key(opened: OpenedCheckout) -> str:
    """Our idempotency key for making this Checkout Session: one session for one set of parameters."""
    return f"checkout:{opened.id}:{opened.open_number}"


def is_sendable(opened: OpenedCheckout, *, now: dt.datetime) -> bool:
    """Whether Stripe would still take the frozen parameters."""
    return opened.state == "open" and now < opened.opened_at + SENDABLE


def attach_session(session: Session, opened: Opened, checkout: CheckoutSession) -> Opened:
    """Store which Checkout Session pays it. Locks the account; the same session again changes nothing."""
    held = locked(session, opened)
    attach(held, checkout)
    session.flush()
    return held


def attach(opened: OpenedCheckout, checkout: CheckoutSession) -> None:
    """Store the session on a locked row. One has one session: our idempotency key sees to that."""
    if opened.session_id is None:
        opened.session_id = checkout.id
        opened.session_url = checkout.url
    if opened.session_id != checkout.id:
        raise RuntimeError(f"checkout {opened.id} has the session {opened.session_id}, Stripe sent {checkout.id}")


def freeze_again(session: Session, opened: Opened, *, without: str, refused_number: int, email: str | None) -> Opened:
    """Freeze the parameters without the optional one that Stripe refused, under a new number. Locks the account.

    A refused customer was deleted at Stripe: it is forgotten, and the payment makes a new one with `email`. Does
    nothing if someone else has done it already (`refused_number` is not the present one).
    """
    held = locked(session, opened)
    if held.open_number != refused_number or without not in held.params or held.session_id:
        return held
    params = {name: given for name, given in held.params.items() if name != without}
    if without == "customer":
        customer_id = held.params["customer"]
        forget_customer(session, held.account_id, stripe_mode=held.stripe_mode, customer_id=customer_id)
        params |= unknown_customer(held.params["mode"], email)
    held.params = params
    held.open_number += 1
    session.flush()
    return held


def unknown_customer(mode: str, email: str | None) -> dict[str, str]:
    """The parameters that make a new customer. A subscription always has one, and must not be asked for it."""
    made = {"customer_creation": "always"} if mode == "payment" else {}
    return made | ({"customer_email": email} if email else {})


def close_unsent(session: Session, opened: Opened, *, state: str, reason: str, now: dt.datetime) -> Opened:
    """End one that has no Checkout Session, so that nobody can have paid. Locks the account."""
    held = locked(session, opened)
    if held.state == "open" and held.session_id is None:
        held.state, held.reason, held.settled_at = state, reason[:255], now
        session.flush()
    return held


def close_missing(session: Session, opened: Opened, *, now: dt.datetime) -> Opened:
    """End an open one whose Checkout Session Stripe doesn't know, once its life is over. Locks the account.

    It becomes `expired` for the reason `session_missing`; what is paid after all is still settled.
    """
    held = locked(session, opened)
    if held.state == "open" and now >= held.expires_at:
        held.state, held.reason, held.settled_at = "expired", "session_missing", now
        session.flush()
    return held


def claim_asking(session: Session, opened: Opened, *, every: dt.timedelta, now: dt.datetime) -> bool:
    """Whether the caller may ask Stripe about an unsettled one now; if so, no one else may for `every`.

    Locks the account, so that of many who come at once one asks.
    """
    held = locked(session, opened)
    if held.state not in {"open", "processing"} or held.asked_at > now - every:
        return False
    held.asked_at = now
    return True


def locked(session: Session, opened: Opened) -> Opened:
    """The same row as it is now, its account locked."""
    return locked_opened(session, type(opened), opened.account_id, opened.id)


def locked_opened(session: Session, kind: type[Opened], account_id: int, opened_id: str) -> Opened:
    """The row as it is now, its account locked. It must exist."""
    lock_account(session, account_id)
    return session.get_one(kind, (account_id, opened_id), populate_existing=True)
