"""Banners about money: what came back of a payment, what is disputed, what waits for a person, what a plan needs."""

import datetime as dt
from dataclasses import dataclass

from flask import url_for

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.money_back.standing import Standing
from webapp.extensions import parts
from webapp.web.dates import date_text
from webapp.web.display import money
from webapp.web.pages.plan_words import plan_words
from webapp.web.pages.reader import Reader

REFUND_TOLD_FOR = dt.timedelta(days=3)
INQUIRY = "warning_"  # so begin the states of disputes that move no money


@dataclass(frozen=True, slots=True)
class Dismissal:
    """The cross of a banner that can be put away: the stored alert's id, and the label that says for how long."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A banner on top of every page. `actions` are labels with their addresses.

    `manage` is a label with the part of Stripe's customer portal that it leads to. Without `dismissal` it stays.
    """

    id: str
    kind: str
    icon: str
    title: str
    text: str
    actions: tuple[tuple[str, str], ...]
    manage: tuple[str, str] | None = None
    dismissal: Dismissal | None = None


def dispute_alert(reader: Reader) -> Alert | None:
    """The newest open dispute: why credits are on hold or gone, and what ends it."""
    open_ones = [(item, dispute) for item in reader.standings.values() for dispute in item.open_disputes]
    if not open_ones:
        return None
    standing, dispute = max(open_ones, key=lambda pair: (pair[1].made_at, pair[1].id))
    purchase = standing.purchase
    written = money(dispute.amount_minor, dispute.currency, reader.locale)
    title = f"A payment is disputed: {purchase.pack_name} pack, {written}"
    text = f"{_what_holds(dispute)} If you didn't mean to dispute it, ask your bank to withdraw the dispute."
    if len(open_ones) > 1:
        text = f"{text} {len(open_ones)} payments are disputed in all."
    return Alert("alert-dispute", "bad", "shield", title, text, _ways_on(purchase))


def quarantine_alert(reader: Reader) -> Alert | None:
    """The newest payment that waits for a person, unless all its money has gone back."""
    waiting = (item for item in reader.standings.values() if item.purchase.state == "quarantined" and _has_money(item))
    standing = next(waiting, None)
    if standing is None:
        return None
    purchase = standing.purchase
    text = f"{purchase.pack_name} pack: we have your payment and are checking it. Reference {purchase.reference}."
    return Alert("alert-checking", "warn", "shield", "Your payment is being checked", text, _help())


def plan_alert(reader: Reader) -> Alert | None:
    """What keeps a subscription from going on, with the way to where that is put right."""
    standing = reader.plan_standing
    if standing.subscription is None or not standing.is_subscribed:
        return None
    words = plan_words(reader, standing.subscription)
    if not words.title:
        return None
    act, text = words.act, " ".join(words.lines)
    billing = ("See billing", url_for("billing.billing"))
    ways = ((act.words, act.href), billing) if act and act.href else (billing,)
    manage = (act.words, act.flow or "") if act and not act.href else None
    return Alert("alert-plan", words.kind, "warn", words.title, text, ways, manage)


def refund_alert(reader: Reader) -> Alert | None:
    """The newest refund of the last days, or that one has failed."""
    since = reader.now - REFUND_TOLD_FOR
    found = [
        (item, refund) for item in reader.standings.values() for refund in item.refunds if refund.changed_at > since
    ]
    if not found:
        return None
    standing, refund = max(found, key=lambda pair: (pair[1].changed_at, pair[1].id))
    title = f"{_refund_words(refund)}: {money(refund.amount_minor, refund.currency, reader.locale)}"
    text = f"{standing.purchase.pack_name} pack, {_made_on(refund, reader)}. {_refund_end(refund)}"
    kind, icon = ("warn", "warn") if refund.is_undone else ("info", "undo")
    return Alert("alert-refund", kind, icon, title, text, _receipt(standing.purchase))


def _what_holds(dispute: PurchaseDispute) -> str:
    if dispute.is_withdrawn:
        return "The bank has taken the money back for now, so the credits it paid for are taken back too."
    if dispute.state.startswith(INQUIRY):
        return "The bank asks about it. The credits it paid for are on hold until that is answered."
    return "The credits it paid for are on hold until the bank has decided."


def _refund_words(refund: PurchaseRefund) -> str:
    if refund.is_undone:
        return "A refund has failed"
    return "Refunded" if refund.state == "succeeded" else "A refund is on its way"


def _refund_end(refund: PurchaseRefund) -> str:
    if refund.is_undone:
        return "The money has not reached you, so its credits are yours again."
    return "It takes back the credits it paid for; what you have already used is taken from your next credits."


def _made_on(refund: PurchaseRefund, reader: Reader) -> str:
    return date_text(refund.made_at, reader.zone, reader.locale, reader.now)


def _has_money(standing: Standing) -> bool:
    return standing.kept_minor > 0


def _ways_on(purchase: Purchase) -> tuple[tuple[str, str], ...]:
    return (*_receipt(purchase), *_help())


def _receipt(purchase: Purchase) -> tuple[tuple[str, str], ...]:
    if purchase.state != "paid":
        return (("Your purchases", f"{url_for('credits.credits')}#purchases"),)
    return (("Receipt", url_for("credits.receipt", purchase_id=purchase.id)),)


def _help() -> tuple[tuple[str, str], ...]:
    help_url = parts().settings.help_url
    return (("Get help", help_url),) if help_url else ()
