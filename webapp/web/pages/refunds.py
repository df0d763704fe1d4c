"""Asking for a refund of unused credits: the sums, and what became of a request."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from flask import url_for

from webapp.billing import queries
from webapp.billing.errors import RefundNotOffered, UnknownPurchase
from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundRequest
from webapp.billing.money_back.payment import paid_minor
from webapp.billing.money_back.quoting import Quote, quote, refund_ends_at
from webapp.billing.money_back.requests import MOST_WORDS, newest_requests
from webapp.extensions import db
from webapp.ledger.queries import lot_books
from webapp.web.display import money, short_amount
from webapp.web.pages.money_back import BackLine, Chip
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

DECLINED_TOLD_FOR = dt.timedelta(days=14)

REQUEST_CHIPS: dict[str, Chip] = {
    "asked": ("info", "clock", "Asked"),
    "approved": ("info", "clock", "Approved"),
    "declined": ("bad", "x", "Declined"),
    "withdrawn": ("plain", "undo", "Withdrawn"),
    "refunded": ("plain", "undo", "Refunded"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be asked for now, or the sentence why nothing can. `key` makes the form's first sending the only one."""

    purchase: Purchase
    quote: Quote | None
    refusal: str
    key: str


def refund_page(reader: Reader, purchase_id: str) -> dict[str, Any]:
    """`refunds/refund.html`. Raises UnknownPurchase, also for one of which nobody may ever ask for a refund."""
    context = shell(reader)  # first: it settles what is due
    purchase = queries.purchase(db.session(), reader.account_id, purchase_id)
    if purchase is None or refund_ends_at(purchase) is None:
        raise UnknownPurchase
    offer = offer_of(reader, purchase)
    request = newest_requests(db.session(), reader.account_id, [purchase.id]).get(purchase.id)
    is_waiting = request is not None and request.state == "asked"
    grant_seq = purchase.grant_seq or 0
    return context | {
        "purchase": purchase,
        "paid_minor": paid_minor(purchase),
        "lot": lot_books(db.session(), reader.account_id, [grant_seq])[grant_seq],
        "offer": offer,
        "ends_at": refund_ends_at(purchase),
        "asked": request,
        "asked_chip": REQUEST_CHIPS[request.state] if request else None,
        "is_waiting": is_waiting,
        "has_changed": is_waiting and not _is_as_asked(request, offer.quote),
        "may_ask": offer.quote is not None and (request is None or request.state != "approved"),
        "most_words": MOST_WORDS,
    }


def offer_of(reader: Reader, purchase: Purchase) -> Offer:
    """What this reader may ask for of a purchase."""
    found, refusal = None, ""
    try:
        found = quote(db.session(), purchase, stripe_mode=reader.stripe_mode, now=reader.now)
    except RefundNotOffered as not_offered:
        refusal = not_offered.sentence
    return Offer(purchase, found, refusal, secrets.token_urlsafe(16))


def requests_of(reader: Reader) -> dict[str, RefundRequest]:
    """The newest request of each purchase that is shown. Costs nothing where nobody may ask for refunds."""
    ids = [purchase.id for purchase in reader.purchases if purchase.refund_days]
    return newest_requests(db.session(), reader.account_id, ids)


def request_lines(reader: Reader, request: RefundRequest | None) -> list[BackLine]:
    """What the list of purchases says of a request that waits, or that was declined while others may be made."""
    if request is None or request.state in {"withdrawn", "refunded"}:
        return []
    if request.ended_at is not None and request.ended_at < reader.now - DECLINED_TOLD_FOR:
        return []
    is_declined = request.state == "declined"
    written = money(request.amount_minor, request.currency, reader.locale)
    number = short_amount(request.credits, reader.catalog, reader.locale)
    address = url_for("refunds.refund", purchase_id=request.purchase_id)
    chip, at = REQUEST_CHIPS[request.state], request.ended_at or request.asked_at
    words = "See why" if is_declined else "See or withdraw" if request.state == "asked" else "See"
    return [BackLine("Refund asked for", chip, at, written, number, words, address)]


def _is_as_asked(request: RefundRequest | None, found: Quote | None) -> bool:
    if request is None or found is None:
        return False
    return (request.credits, request.amount_minor) == (found.credits, found.amount_minor)
