"""The credits page: what can be bought, how much is needed, and what was bought."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundRequest
from webapp.billing.money_back.quoting import may_ask
from webapp.billing.money_back.requests import OPEN
from webapp.billing.money_back.standing import Standing
from webapp.billing.offers import Offer, offers
from webapp.catalog import Catalog, Pack
from webapp.extensions import db
from webapp.ledger.queries import LotBooks
from webapp.web.display import amount, meter_price, worth
from webapp.web.estimate import Estimate, UnreadableQuantity, estimate, estimate_label
from webapp.web.pages.balance_card import balance_card
from webapp.web.pages.forecast import pack_words
from webapp.web.pages.money_back import BackLine, back_lines, chip_of, lots_of
from webapp.web.pages.reader import Reader
from webapp.web.pages.refunds import request_lines, requests_of
from webapp.web.pages.shell import shell

TYPED_AT_FIRST = "300"
PROCESSING_WATCHED_FOR = dt.timedelta(minutes=2)

# How each state of a purchase is shown: the chip's kind, its icon and its words.
CHIPS = {
    "open": ("plain", "clock", "Not paid"),
    "processing": ("info", "clock", "Processing"),
    "paid": ("ok", "check", "Paid"),
    "failed": ("bad", "x", "Failed"),
    "expired": ("plain", "clock", "Expired"),
    "quarantined": ("warn", "shield", "Being checked"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One pack as it is offered to this reader. `key` makes the form's first sending the only one."""

    offer: Offer
    key: str

    @property
    def pack(self) -> Pack:
        """The pack on the card."""
        return self.offer.pack


@dataclass(frozen=True, slots=True)
class PurchaseRow:
    """One line of the list of purchases; `back` are the lines below it, of what came back of its money.

    `is_given_back`: nothing of that money is left with us.
    `may_ask`: a refund of unused credits may be asked for.
    """

    purchase: Purchase
    state: str
    chip: tuple[str, str, str]
    can_be_paid: bool
    back: list[BackLine]
    is_given_back: bool
    may_ask: bool


def credits_page(reader: Reader, *, typed: str | None) -> dict[str, Any]:
    """The whole page. `typed` is what stands in the estimator's field, None before anything was typed."""
    return (
        shell(reader)
        | balance_card(reader, is_compact=True)
        | pack_grid(reader)
        | pack_estimate(reader, typed=typed)
        | purchases(reader)
        | {"compared": compared(reader.catalog), "price_words": price_words(reader)}
    )


def pack_grid(reader: Reader) -> dict[str, Any]:
    """`credits/_pack_grid.html`: a card for each pack, and a strip for each that belongs to one plan.

    A pack that Stripe can't sell is shown to operators only, with the reason; while payments are off everybody sees
    all packs, without buttons. `pack_words` is what each of them means at the reader's pace, by slug.
    """
    shown = _offered(reader)
    return {
        "reader": reader,
        "cards": [_card(offer) for offer in shown if not offer.pack.plan_slug],
        "strips": [_card(offer) for offer in shown if offer.pack.plan_slug],
        "can_buy": reader.stripe_mode != "off",
        "pack_words": pack_words(reader),
    }


def plan_packs(reader: Reader) -> list[Card]:
    """The packs that belong to one plan, as they are offered to this reader."""
    if not any(pack.is_active and pack.plan_slug for pack in reader.catalog.packs):
        return []
    return [_card(offer) for offer in _offered(reader) if offer.pack.plan_slug]


def pack_estimate(reader: Reader, *, typed: str | None) -> dict[str, Any]:
    """`credits/_pack_estimate.html`: the answer, or why what was typed can't be read."""
    typed = TYPED_AT_FIRST if typed is None else typed
    answer: Estimate | None = None
    refusal: UnreadableQuantity | None = None
    try:
        answer = estimate(typed, reader.catalog, reader.plan, reader.locale)
    except UnreadableQuantity as error:
        refusal = error
    meter = reader.catalog.main_meter
    label = estimate_label(meter) if meter else ""
    return {"reader": reader, "typed": typed, "estimate": answer, "refusal": refusal, "label": label}


def purchases(reader: Reader) -> dict[str, Any]:
    """`credits/_purchases.html`: the newest purchases; asked for again every 5 s while a bank may still answer soon."""
    shown = [reader.standings[purchase.id] for purchase in reader.purchases]
    lots, asked = lots_of(reader, shown), requests_of(reader)
    rows = [
        _purchase_row(standing, lots.get(standing.purchase.id), asked.get(standing.purchase.id), reader)
        for standing in shown
    ]
    watched = sum(_is_fresh(purchase, reader) for purchase in reader.purchases)
    return {"reader": reader, "purchases": rows, "watched": watched}


def compared(catalog: Catalog) -> list[Pack]:
    """The packs of the table: all that are on sale to more than one plan."""
    return [pack for pack in catalog.packs if pack.is_active and not pack.plan_slug]


def price_words(reader: Reader) -> str:
    """What work costs, under the page's title: `One minute of calls costs 3 credits ($0.15)`."""
    meter = reader.catalog.main_meter
    if meter is None:
        return ""
    if meter.per != 1 or not meter.is_plain:
        return f"{meter.title}: {meter_price(meter, reader.catalog, reader.locale)}."
    what = f"One {meter.unit} of {meter.activity}" if meter.activity else f"One {meter.unit}"
    price = amount(meter.credits, reader.catalog, reader.locale)
    value = worth(meter.credits, reader.catalog.unit, reader.locale)
    return f"{what} costs {price}." if price == value else f"{what} costs {price} ({value})."


def _offered(reader: Reader) -> list[Offer]:
    found = offers(
        db.session(),
        reader.catalog,
        account_id=reader.account_id,
        plan=reader.plan,
        stripe_mode=reader.stripe_mode,
        now=reader.now,
    )
    return [offer for offer in found if _is_shown(offer, reader)]


def _card(offer: Offer) -> Card:
    return Card(offer, key=secrets.token_urlsafe(16))


def _is_shown(offer: Offer, reader: Reader) -> bool:
    return offer.state != "unavailable" or offer.code == "payments_off" or reader.is_operator


def _purchase_row(standing: Standing, lot: LotBooks | None, asked: RefundRequest | None, reader: Reader) -> PurchaseRow:
    purchase = standing.purchase
    state = reader.state_of(purchase)
    # One that was left at another Stripe mode may live on there: it was not paid, but we can't say that it expired.
    chip = CHIPS[state] if state == purchase.state else CHIPS["open"]
    if state in {"paid", "quarantined"}:
        chip = chip_of(standing) or chip
    is_open = asked is not None and asked.state in OPEN
    return PurchaseRow(
        purchase,
        state,
        chip,
        can_be_paid=reader.can_pay(purchase),
        back=[*back_lines(reader, standing, lot), *request_lines(reader, asked)],
        is_given_back=not standing.kept_minor,
        may_ask=bool(lot and lot.available) and may_ask(purchase, now=reader.now) and not is_open,
    )


def _is_fresh(purchase: Purchase, reader: Reader) -> bool:
    return reader.state_of(purchase) == "processing" and reader.now < purchase.opened_at + PROCESSING_WATCHED_FOR
