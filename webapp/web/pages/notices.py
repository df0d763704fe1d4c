"""What the credits page says to somebody who comes back from a checkout.

The words come from our record only, which is brought to what Stripe says first: the address tells nothing but that
somebody has come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for

from webapp.billing.models import Purchase
from webapp.billing.money_back.standing import standing_of
from webapp.billing.offers import open_purchases
from webapp.billing.queries import purchase
from webapp.extensions import db
from webapp.web.checkout import settle_and_tell
from webapp.web.display import amount, money
from webapp.web.pages.reader import Reader


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner that is shown once. `actions` are labels with their addresses."""

    kind: str
    icon: str
    title: str
    text: str
    actions: tuple[tuple[str, str], ...] = ()


def notice_of_return(reader: Reader, query: Mapping[str, str]) -> Notice | None:
    """The notice for `?checkout=cancelled|success|left&purchase=…`: what became of the reader's own purchase, or none.

    Settles it first if it is unsettled, so ask before the balance is read. `left` is for the Back button: without a
    purchase it means the newest that can still be paid. A forged parameter shows nothing that is not so.
    """
    came = query.get("checkout", "")
    found = _meant(reader, query) if came in {"cancelled", "success", "left"} else None
    if found is None:
        return None
    found, is_answered = settle_and_tell(reader.account_id, found.id, now=reader.now)
    if reader.state_of(found) == "open":
        return None if came == "success" else _left(reader, found, came, is_answered=is_answered)
    return _of_state(reader, found)


def notice_of_new_terms(reader: Reader, slug: str) -> Notice | None:
    """The notice for a buyer whose page showed other terms than the present ones."""
    pack = reader.catalog.pack(slug)
    if pack is None:
        return None
    price = money(pack.amount_minor, pack.currency, reader.locale)
    title = f"The price changed to {price}. Please check and buy again."
    text = f"{pack.name}: {amount(pack.credits, reader.catalog, reader.locale)}. You have not been charged."
    return Notice("warn", "info", title, text, (("Show the pack", f"#pack-{pack.slug}"),))


def _meant(reader: Reader, query: Mapping[str, str]) -> Purchase | None:
    if "purchase" in query or query["checkout"] != "left":
        return purchase(db.session(), reader.account_id, query.get("purchase", ""))
    return next(iter(open_purchases(db.session(), reader.account_id, reader.stripe_mode, now=reader.now)), None)


def _left(reader: Reader, left: Purchase, came: str, *, is_answered: bool) -> Notice:
    """Only Stripe knows that nothing was paid: a webhook may be on its way, or the buyer is paying in another tab."""
    actions = (("Continue paying", left.session_url),) if left.session_url and reader.can_pay(left) else ()
    title = "Checkout cancelled" if came == "cancelled" else "You left checkout"
    text = "If you didn't pay, no money was taken. If you did, your credits are on their way."
    if is_answered:
        text = "No money was taken. Your pack is still here if you want it."
    return Notice("info", "info", title, text, actions)


def _of_state(reader: Reader, settled: Purchase) -> Notice:
    state = reader.state_of(settled)
    bought = amount(settled.credits, reader.catalog, reader.locale)
    if state == "paid" and standing_of(db.session(), settled).is_refunded:
        receipt = ("Receipt", url_for("credits.receipt", purchase_id=settled.id))
        text = f"{settled.pack_name} pack: your money goes back, and its credits are taken back."
        return Notice("info", "undo", "This purchase is refunded", text, (receipt,))
    if state == "paid":
        balance = amount(reader.shown_credits, reader.catalog, reader.locale)
        receipt = ("Receipt", url_for("credits.receipt", purchase_id=settled.id))
        return Notice("ok", "check", f"{bought} added", f"Your new balance is {balance}.", (receipt,))
    if state == "processing":
        text = f"Your {bought} arrive when the payment is through."
        return Notice("info", "clock", "Your bank needs a little longer", text)
    if state == "quarantined":
        text = f"We have your payment and are checking it. Reference {settled.reference}."
        return Notice("warn", "shield", "Your payment is being checked", text)
    if state == "expired":
        again = ("Start again", f"#pack-{settled.pack_slug}")
        return Notice("info", "clock", "That checkout has expired", "You have not been charged.", (again,))
    text = f"{settled.pack_name} pack: you have not been charged and no credits were added."
    again = ("Try again", f"#pack-{settled.pack_slug}")
    return Notice("bad", "x", "The payment didn't go through", text, (again,))
