"""Refunds and disputes of a purchase in the page's words: a chip, and lines with money and credits."""

import datetime as dt
from dataclasses import dataclass

from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.billing.money_back.quoting import may_ask
from webapp.billing.money_back.standing import Standing
from webapp.extensions import db
from webapp.ledger.queries import LotBooks, lot_books
from webapp.ledger.takebacks import share
from webapp.web.display import money, short_amount, signed_amount, signed_money
from webapp.web.pages.reader import Reader

Chip = tuple[str, str, str]

PAID: Chip = ("ok", "check", "Paid")
DISPUTE_CHIPS: dict[str, Chip] = {
    "won": ("ok", "check", "Won"),
    "lost": ("bad", "x", "Lost"),
    "warning_closed": ("plain", "check", "Closed"),
    "prevented": ("plain", "check", "Closed"),
}


@dataclass(frozen=True, slots=True)
class BackLine:
    """What came back of a purchase by its refunds, or by its disputes: money and credits, as changes where they moved.

    `at` is when the last of them was made; `link` are words that lead to `href`.
    """

    what: str
    chip: Chip
    at: dt.datetime
    money: str
    credits: str
    link: str = ""
    href: str = ""


def chip_of(standing: Standing) -> Chip | None:
    """The chip of a paid purchase whose money went back or is disputed; None for any other."""
    if standing.open_disputes:
        return ("warn", "shield", "Disputed")
    if standing.is_lost:
        return ("bad", "x", "Dispute lost")
    if not standing.refunded_minor:
        return None
    if standing.is_refund_pending:
        return ("info", "clock", "Refund on its way")
    return ("plain", "undo", "Refunded" if standing.is_refunded else "Partly refunded")


def back_lines(reader: Reader, standing: Standing, lot: LotBooks | None) -> list[BackLine]:
    """What the list of purchases says below one: a line for its refunds, and one for its disputes."""
    by_refunds, by_disputes = credits_taken(standing, lot)
    lines = []
    if standing.refunds:
        lines.append(_refunds_line(reader, standing, by_refunds))
    if standing.disputes:
        lines.append(_disputes_line(reader, standing, by_disputes, lot.frozen if lot else 0))
    return lines


def credits_taken(standing: Standing, lot: LotBooks | None) -> tuple[int, int]:
    """The credits that refunds, and those that disputes have taken of the purchase's lot.

    The lot knows both as one: refunds come first, with the share that belongs to their money.
    """
    if lot is None:
        return 0, 0
    of_refunds = share(standing.refunded_minor, total_minor=standing.paid_minor, granted=lot.granted)
    by_refunds = min(lot.taken_back, of_refunds) if standing.withdrawn_minor else lot.taken_back
    return by_refunds, lot.taken_back - by_refunds


def lots_of(reader: Reader, standings: list[Standing]) -> dict[str, LotBooks]:
    """The lots of purchases of which money was asked back, or may be asked back now, by the purchase's id."""
    grants = {
        standing.purchase.grant_seq: standing.purchase.id
        for standing in standings
        if standing.purchase.grant_seq
        and (standing.refunds or standing.disputes or may_ask(standing.purchase, now=reader.now))
    }
    books = lot_books(db.session(), reader.account_id, [seq for seq in grants if seq])
    return {grants[seq]: lot for seq, lot in books.items()}


def refund_chip(refund: PurchaseRefund) -> Chip:
    """The chip of one refund."""
    if refund.is_undone:
        return ("bad", "x", "Failed")
    return ("plain", "undo", "Refunded") if refund.state == "succeeded" else ("info", "clock", "On its way")


def dispute_chip(dispute: PurchaseDispute) -> Chip:
    """The chip of one dispute."""
    return ("warn", "shield", "Open") if dispute.is_open else DISPUTE_CHIPS[dispute.state]


def _refunds_line(reader: Reader, standing: Standing, taken: int) -> BackLine:
    last = standing.refunds[-1]
    living = [refund for refund in standing.refunds if not refund.is_undone] or [last]
    pending = [refund for refund in living if refund.state != "succeeded"]
    minor = standing.refunded_minor
    written = signed_money(-minor, last.currency, reader.locale) if minor else _nothing(last, reader)
    what = "Refund" if len(living) == 1 else f"{len(living)} refunds"
    return BackLine(what, refund_chip((pending or living)[0]), last.made_at, written, _taken(taken, reader))


def _disputes_line(reader: Reader, standing: Standing, taken: int, frozen: int) -> BackLine:
    last = (standing.open_disputes or standing.disputes)[-1]
    minor = standing.withdrawn_minor
    written = signed_money(-minor, last.currency, reader.locale) if minor else _nothing(last, reader)
    on_hold = f"{short_amount(frozen, reader.catalog, reader.locale)} on hold"
    moved = on_hold if frozen else _taken(taken, reader)
    return BackLine("Dispute", dispute_chip(last), last.made_at, written, moved)


def _nothing(item: PurchaseRefund | PurchaseDispute, reader: Reader) -> str:
    """Money that was asked for and has not moved, or is where it was."""
    return money(item.amount_minor, item.currency, reader.locale)


def _taken(credits: int, reader: Reader) -> str:
    return signed_amount(-credits, reader.catalog, reader.locale) if credits else "Nothing taken"
