"""Sending an opened checkout to Stripe, and asking about it: the same for packs and plans.

Short transactions around calls to Stripe, and never a call inside one.
"""

import datetime as dt

import structlog

from webapp.billing.errors import BillingRefusal, CheckoutExpired, StripeRefused, StripeUnreachable
from webapp.billing.gateway import Gateway
from webapp.billing.models import OpenedCheckout
from webapp.billing.opening import (
    OPTIONAL_PARAMS,
    Opened,
    attach_session,
    claim_asking,
    close_missing,
    close_unsent,
    freeze_again,
    is_sendable,
    stripe_key,
)
from webapp.billing.stripe_objects import CheckoutSession
from webapp.crashes import point
from webapp.extensions import db, end_reading, transact
from webapp.orm import utc_now

# The return page polls faster than this; Stripe is asked no oftener.
ASK_EVERY = dt.timedelta(seconds=5)

log = structlog.get_logger("refill")


def ask(gateway: Gateway, opened: Opened, *, now: dt.datetime) -> tuple[Opened, CheckoutSession | None]:
    """Ask Stripe about an unsettled checkout, unless someone did in the last 5 s: it, and its session as it is now.

    One that has no session yet (we ended between the call and storing it) is sent again, with the same key and the
    same parameters: Stripe gives the session it made. Past its life it has expired, and so has an open one whose
    session Stripe doesn't know; before, that one stays open. Without anything to settle the session is None. Raises
    what the gateway raises.
    """
    if not transact(lambda session: claim_asking(session, opened, every=ASK_EVERY, now=now)):
        return stored(opened), None
    point("ask.claimed")
    if opened.session_id is None:
        try:
            opened = send_checkout(gateway, opened, email=None, now=now)
        except CheckoutExpired:
            return stored(opened), None
    end_reading()
    try:
        checkout = gateway.checkout(str(opened.session_id))
    except StripeRefused as refusal:
        if opened.state != "open" or not refusal.is_missing:
            raise
        return _missing(opened, now=no_earlier_than(now)), None
    point("ask.answered")
    return opened, checkout


def send_checkout(gateway: Gateway, opened: Opened, *, email: str | None, now: dt.datetime) -> Opened:
    """Make the Checkout Session of a checkout that has none, with its frozen parameters, and store it.

    A customer or an e-mail address that Stripe refuses is left out, once each. Raises CheckoutExpired past the life
    of the parameters, StripeUnreachable (nothing changed), StripeRefused (it has failed).
    """
    for _ in range(len(OPTIONAL_PARAMS) + 1):
        if opened.session_id is not None:  # someone else has sent the same meanwhile
            return opened
        now = no_earlier_than(now)
        if not is_sendable(opened, now=now):
            raise _unsendable(opened, now=now)
        end_reading()
        try:
            checkout = gateway.create_checkout(opened.params, idempotency_key=stripe_key(opened))
        except StripeUnreachable:
            opened = stored(opened)
            if opened.session_id is None:
                raise
            continue
        except StripeRefused as refusal:
            if refusal.param not in OPTIONAL_PARAMS or refusal.param not in opened.params:
                raise _failed(opened, refusal, now=no_earlier_than(now)) from None
            opened = _without(opened, refusal.param, email)
            continue
        point("checkout.made")
        return _attached(opened, checkout)
    raise AssertionError("unreachable: each round leaves one optional parameter out")


def stored(opened: Opened) -> Opened:
    """The same row as it is stored now. Ends the request's read session."""
    end_reading()
    found = db.session().get_one(type(opened), (opened.account_id, opened.id))
    end_reading()
    return found


def no_earlier_than(now: dt.datetime) -> dt.datetime:
    """The present instant, for what is written after a call to Stripe: the call may have taken ten seconds.

    `now` itself where that is later, so that time never runs back within one piece of work.
    """
    return max(now, utc_now())


def is_unsettled(opened: OpenedCheckout, gateway: Gateway) -> bool:
    """Whether asking this Stripe may tell something new."""
    return opened.state in {"open", "processing"} and opened.stripe_mode == gateway.mode


def _attached(opened: Opened, checkout: CheckoutSession) -> Opened:
    return transact(lambda session: attach_session(session, opened, checkout))


def _without(opened: Opened, param: str, email: str | None) -> Opened:
    log.warning("checkout is sent again without a parameter", checkout=opened.id, param=param)
    number = opened.open_number
    return transact(lambda session: freeze_again(session, opened, without=param, refused_number=number, email=email))


def _unsendable(opened: OpenedCheckout, *, now: dt.datetime) -> BillingRefusal:
    if opened.state == "failed":
        return StripeRefused(opened.reason)
    transact(lambda session: close_unsent(session, opened, state="expired", reason="", now=now))
    return CheckoutExpired()


def _missing(opened: Opened, *, now: dt.datetime) -> Opened:
    """Stripe doesn't know the session: deleted test data, or another account's key."""
    log.info("session is missing at stripe", checkout=opened.id, session=opened.session_id)
    return transact(lambda session: close_missing(session, opened, now=now))


def _failed(opened: OpenedCheckout, refusal: StripeRefused, *, now: dt.datetime) -> StripeRefused:
    """No session can come of these parameters, so the checkout has failed; nobody could pay."""
    log.error("checkout refused", checkout=opened.id, code=refusal.stripe_code, param=refusal.param)
    reason = refusal.stripe_code or "refused"
    transact(lambda session: close_unsent(session, opened, state="failed", reason=reason, now=now))
    return refusal
