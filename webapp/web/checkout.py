"""Buying, at the edge: short transactions around calls to Stripe, and never a call inside one.

Used by the pages, the API, the webhook's sweep. `docs/stripe.md` tells the whole way of a purchase.
"""

import datetime as dt
from typing import Protocol

import structlog
from sqlalchemy import select

from webapp.billing import queries
from webapp.billing.checkout import (
    OPTIONAL_PARAMS,
    Buyer,
    Shop,
    attach_session,
    claim_asking,
    close_missing,
    close_unsent,
    freeze_again,
    is_sendable,
    open_purchase,
    stripe_key,
)
from webapp.billing.errors import (
    BillingRefusal,
    CheckoutExpired,
    PaymentsOff,
    StripeRefused,
    StripeUnreachable,
    UnknownPurchase,
)
from webapp.billing.fulfil import fulfil
from webapp.billing.gateway import Gateway
from webapp.billing.models import Purchase
from webapp.crashes import point
from webapp.extensions import db, end_reading, parts, transact
from webapp.orm import utc_now

# The return page polls faster than this; Stripe is asked no oftener.
ASK_EVERY = dt.timedelta(seconds=5)

log = structlog.get_logger("refill")


class SignedIn(Protocol):
    """Who is asking, from the login or the key."""

    id: int
    account_id: int
    email: str


def start_purchase(
    *,
    user: SignedIn,
    pack_slug: str,
    terms: str | None,
    open_key: str,
    fingerprint: str | None = None,
    now: dt.datetime,
) -> Purchase:
    """Open a purchase and its Checkout Session; send the buyer to its `session_url` while its state is open.

    The same `open_key` gives the same purchase, whatever became of it since. Raises what `open_purchase` raises,
    PaymentsOff, CheckoutExpired, StripeRefused, and StripeUnreachable: then the purchase stays open and the same key
    sends Stripe the same again. Nobody has been charged in any of these.
    """
    settings, catalog, gateway = parts().settings, parts().catalog, parts().gateway
    if gateway is None:
        raise PaymentsOff
    # Before there are subscriptions everybody is on the plan that costs nothing.
    buyer = Buyer(user.account_id, user.id, user.email, catalog.default_plan)
    shop = Shop(catalog, gateway.mode, settings.base_url)
    purchase = transact(
        lambda session: open_purchase(
            session, shop, buyer, pack_slug=pack_slug, terms=terms, open_key=open_key, fingerprint=fingerprint, now=now
        )
    )
    if purchase.session_id is None:
        point("checkout.opened")
        purchase = send_checkout(gateway, purchase, email=buyer.email, now=now)
    return purchase


def is_sent(account_id: int, open_key: str) -> bool:
    """Whether this key's purchase has its Checkout Session already, so that its answer now is a repeat.

    Ends the request's read session.
    """
    end_reading()
    sent = select(Purchase.session_id).where(Purchase.account_id == account_id, Purchase.open_key == open_key)
    session_id = db.session.scalar(sent)
    end_reading()
    return session_id is not None


def settle_purchase(account_id: int, purchase_id: str, *, now: dt.datetime) -> Purchase:
    """Bring a purchase to what Stripe says of it, if it is unsettled and nobody asked in the last 5 s; give it back.

    When Stripe can't be asked the stored purchase is given: it is settled later, by the next one who asks.
    Raises UnknownPurchase unless it is the account's own. Ends the request's read session.
    """
    purchase, _ = settle_and_tell(account_id, purchase_id, now=now)
    return purchase


def settle_and_tell(account_id: int, purchase_id: str, *, now: dt.datetime) -> tuple[Purchase, bool]:
    """Settle as `settle_purchase` does; tell too whether the purchase's state is what Stripe answered just now.

    Not when Stripe was out of reach, nor when somebody else asked in the last 5 s: what they heard isn't recorded.
    """
    gateway = parts().gateway
    purchase = own_purchase(account_id, purchase_id)
    if gateway is None or not is_unsettled(purchase, gateway):
        return purchase, False
    try:
        asked = ask_about(gateway, purchase, now=now)
    except (StripeUnreachable, StripeRefused) as error:
        log.warning("purchase not settled yet", purchase=purchase.id, error=str(error))
        return own_purchase(account_id, purchase_id), False
    return asked, asked.asked_at == now


def ask_about(gateway: Gateway, purchase: Purchase, *, now: dt.datetime) -> Purchase:
    """Ask Stripe about an unsettled purchase, unless someone did in the last 5 s, and store what follows.

    One that has no session yet (we ended between the call and storing it) is sent again, with the same key and the
    same parameters: Stripe gives the session it made. Past its life it has expired, and so has an open one whose
    session Stripe doesn't know; before, that one stays open. Raises what the gateway raises.
    """
    key = (purchase.account_id, purchase.id)
    if not transact(lambda session: claim_asking(session, *key, every=ASK_EVERY, now=now)):
        return own_purchase(*key)
    point("ask.claimed")
    if purchase.session_id is None:
        try:
            purchase = send_checkout(gateway, purchase, email=None, now=now)
        except CheckoutExpired:
            return own_purchase(*key)
    end_reading()
    try:
        checkout = gateway.checkout(str(purchase.session_id))
    except StripeRefused as refusal:
        if purchase.state != "open" or not refusal.is_missing:
            raise
        return _missing(purchase, now=no_earlier_than(now))
    point("ask.answered")
    told_at = no_earlier_than(now)
    return transact(lambda session: fulfil(session, session.get_one(Purchase, key), checkout, now=told_at))


def send_checkout(gateway: Gateway, purchase: Purchase, *, email: str | None, now: dt.datetime) -> Purchase:
    """Make the Checkout Session of a purchase that has none, with its frozen parameters, and store it.

    A customer or an e-mail address that Stripe refuses is left out, once each. Raises CheckoutExpired past the life
    of the parameters, StripeUnreachable (nothing changed), StripeRefused (the purchase has failed).
    """
    key = (purchase.account_id, purchase.id)
    for _ in range(len(OPTIONAL_PARAMS) + 1):
        if purchase.session_id is not None:  # someone else has sent the same meanwhile
            return purchase
        now = no_earlier_than(now)
        if not is_sendable(purchase, now=now):
            raise _unsendable(purchase, now=now)
        end_reading()
        try:
            checkout = gateway.create_checkout(purchase.params, idempotency_key=stripe_key(purchase))
        except StripeUnreachable:
            purchase = own_purchase(*key)
            if purchase.session_id is None:
                raise
            continue
        except StripeRefused as refusal:
            if refusal.param not in OPTIONAL_PARAMS or refusal.param not in purchase.params:
                raise _failed(purchase, refusal, now=no_earlier_than(now)) from None
            purchase = _without(purchase, refusal.param, email)
            continue
        point("checkout.made")
        return transact(lambda session, checkout=checkout: attach_session(session, *key, checkout))  # type: ignore[misc]  # mypy can't infer a lambda with a default
    raise AssertionError("unreachable: each round leaves one optional parameter out")


def own_purchase(account_id: int, purchase_id: str) -> Purchase:
    """The account's purchase as it is stored now. Ends the request's read session. Raises UnknownPurchase."""
    end_reading()
    found = queries.purchase(db.session(), account_id, purchase_id)
    end_reading()
    if found is None:
        raise UnknownPurchase
    return found


def no_earlier_than(now: dt.datetime) -> dt.datetime:
    """The present instant, for what is written after a call to Stripe: the call may have taken ten seconds.

    `now` itself where that is later, so that time never runs back within one piece of work.
    """
    return max(now, utc_now())


def is_unsettled(purchase: Purchase, gateway: Gateway) -> bool:
    """Whether asking this Stripe may tell something new."""
    return purchase.state in {"open", "processing"} and purchase.stripe_mode == gateway.mode


def _without(purchase: Purchase, param: str, email: str | None) -> Purchase:
    log.warning("checkout is sent again without a parameter", purchase=purchase.id, param=param)
    key, number = (purchase.account_id, purchase.id), purchase.open_number
    return transact(lambda session: freeze_again(session, *key, without=param, refused_number=number, email=email))


def _unsendable(purchase: Purchase, *, now: dt.datetime) -> BillingRefusal:
    if purchase.state == "failed":
        return StripeRefused(purchase.reason)
    key = (purchase.account_id, purchase.id)
    transact(lambda session: close_unsent(session, *key, state="expired", reason="", now=now))
    return CheckoutExpired()


def _missing(purchase: Purchase, *, now: dt.datetime) -> Purchase:
    """Stripe doesn't know the session: deleted test data, or another account's key."""
    log.info("session is missing at stripe", purchase=purchase.id, session=purchase.session_id)
    key = (purchase.account_id, purchase.id)
    return transact(lambda session: close_missing(session, *key, now=now))


def _failed(purchase: Purchase, refusal: StripeRefused, *, now: dt.datetime) -> StripeRefused:
    """No session can come of these parameters, so the purchase has failed; nobody could pay."""
    log.error("checkout refused", purchase=purchase.id, code=refusal.stripe_code, param=refusal.param)
    key, reason = (purchase.account_id, purchase.id), refusal.stripe_code or "refused"
    transact(lambda session: close_unsent(session, *key, state="failed", reason=reason, now=now))
    return refusal
