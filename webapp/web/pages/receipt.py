"""The receipt of a paid purchase: what was paid, and what has gone back since, in money and credits."""

from dataclasses import dataclass
from typing import Any

from webapp.billing.models import Purchase
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.money_back.standing import Standing, standing_of
from webapp.extensions import db
from webapp.ledger.queries import LotBooks
from webapp.web.dates import date_text
from webapp.web.display import amount, money, signed_money
from webapp.web.pages.money_back import PAID, chip_of, dispute_chip, lots_of, refund_chip
from webapp.web.pages.reader import Reader


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A refund or a dispute: what it is, and its money with what became of it."""

    what: str
    money: str
    state: str


def receipt_page(reader: Reader, purchase: Purchase) -> dict[str, Any]:
    """`credits/receipt.html`, the shell aside."""
    standing = standing_of(db.session(), purchase)
    lot = lots_of(reader, [standing]).get(purchase.id)
    moved = standing.refunded_minor + standing.withdrawn_minor
    return {
        "purchase": purchase,
        "added_minor": standing.paid_minor - purchase.amount_minor,
        "chip_shown": chip_of(standing) or PAID,
        "lines": [
            *(_refund(refund, reader) for refund in standing.refunds),
            *(_dispute(dispute, reader) for dispute in standing.disputes),
        ],
        "kept_minor": standing.kept_minor if moved else None,
        "sentences": _sentences(standing, lot, reader) if lot else [],
    }


def _refund(refund: PurchaseRefund, reader: Reader) -> ReceiptLine:
    minor = refund.amount_minor
    written = money(minor, refund.currency, reader.locale)
    if not refund.is_undone:
        written = signed_money(-minor, refund.currency, reader.locale)
    return ReceiptLine(f"Refund of {_made_on(refund, reader)}", written, refund_chip(refund)[2].lower())


def _dispute(dispute: PurchaseDispute, reader: Reader) -> ReceiptLine:
    minor = dispute.amount_minor
    written = money(minor, dispute.currency, reader.locale)
    if dispute.is_withdrawn:
        written = signed_money(-minor, dispute.currency, reader.locale)
    return ReceiptLine(f"Dispute of {_made_on(dispute, reader)}", written, dispute_chip(dispute)[2].lower())


def _made_on(item: PurchaseRefund | PurchaseDispute, reader: Reader) -> str:
    return date_text(item.made_at, reader.zone, reader.locale, reader.now)


def _sentences(standing: Standing, lot: LotBooks, reader: Reader) -> list[str]:
    """What became of the credits. What is not so isn't said."""

    def written(credits_moved: int) -> str:
        return amount(credits_moved, reader.catalog, reader.locale)

    said = []
    if lot.taken_back:
        verb = "was" if lot.taken_back == 1 else "were"
        said.append(f"{written(lot.taken_back)} of this pack {verb} taken back.")
    if lot.owed < 0:
        said.append(f"Of these, {written(-lot.owed)} had been used already and came off your other or next credits.")
    if lot.frozen:
        said.append(f"{written(lot.frozen)} on hold until the dispute is decided.")
    if lot.held and standing.refunded_minor + standing.withdrawn_minor:
        said.append(f"{written(lot.held)} on hold for work in progress.")
    return said
