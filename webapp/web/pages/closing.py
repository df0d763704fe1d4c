"""Closing the account: what becomes of its credits, and the refunds that can be asked for with it."""

import secrets
from collections.abc import Iterable
from typing import Any

from webapp.billing.money_back.quoting import may_ask
from webapp.billing.money_back.requests import OPEN, newest_requests
from webapp.billing.queries import purchases_promised
from webapp.errors import Refusal
from webapp.extensions import db
from webapp.web.pages.reader import Reader
from webapp.web.pages.refunds import Offer, offer_of
from webapp.web.pages.shell import shell


def closing_page(reader: Reader, *refusals: Refusal, chosen: Iterable[str] | None = None) -> dict[str, Any]:
    """`closing/closing.html`. `chosen` are the purchases whose refund is asked for; all of them if nobody has chosen.

    A form that was refused is shown with the sums as they are now.
    """
    context = shell(reader)  # first: it settles what is due
    offers = refunds_offered(reader)
    return context | {
        "offers": offers,
        "chosen": {offer.purchase.id for offer in offers} if chosen is None else set(chosen),
        "under_way": [purchase for purchase in reader.told_purchases if purchase.state == "processing"],
        "standing": reader.plan_standing,
        "refusals": refusals,
        "key": secrets.token_urlsafe(16),
    }


def refunds_offered(reader: Reader) -> list[Offer]:
    """What may be asked back of the account's purchases now, the newest first; not what was asked for before."""
    promised = [
        purchase
        for purchase in purchases_promised(db.session(), reader.account_id)
        if may_ask(purchase, now=reader.now)
    ]
    asked = newest_requests(db.session(), reader.account_id, [purchase.id for purchase in promised])
    is_open = {purchase_id for purchase_id, request in asked.items() if request.state in OPEN}
    offers = [offer_of(reader, purchase) for purchase in promised if purchase.id not in is_open]
    return [offer for offer in offers if offer.quote]
