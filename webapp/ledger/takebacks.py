"""Take-back: what refunds and disputes of a payment take from its lot, and give back. Pure; knows no database.

It works from the facts as they are now, never from the order in which they were told, so that refund before grant,
partial and failing refunds, disputes, duplicates and any order all end the same.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webapp.ledger.drafts import Move

if TYPE_CHECKING:
    from webapp.ledger.burndown import Lot


@dataclass(frozen=True, slots=True)
class Claim:
    """What is asked back of one payment, in minor units of its currency.

    `total_minor` was paid; `returned_minor` is the money of refunds pending or succeeded and of disputes that was
    withdrawn; `disputed_minor` that of other open disputes, inquiries too. `is_floor` spares what was already spent.
    """

    total_minor: int
    returned_minor: int
    disputed_minor: int
    is_floor: bool


def share(minor: int, *, total_minor: int, granted: int) -> int:
    """The credits that belong to `minor` of the `total_minor` paid, rounded down; all of them for all of it.

    Nothing belongs to a payment of nothing.
    """
    if total_minor == 0:
        return 0
    return granted if minor >= total_minor else granted * minor // total_minor


def targets(lot: "Lot", claim: Claim) -> tuple[int, int]:
    """How many credits of the lot should be voided for the claim, and how many frozen beside them."""
    most = lot.granted - lot.voided_by_operator
    returned = share(claim.returned_minor, total_minor=claim.total_minor, granted=lot.granted)
    asked = share(claim.returned_minor + claim.disputed_minor, total_minor=claim.total_minor, granted=lot.granted)
    return min(returned, most), min(asked, most) - min(returned, most)


def taken(lot: "Lot", voided_target: int, *, is_floor: bool) -> list[Move]:
    """What is taken toward the target: frozen credits first, then available ones, then spent ones, as debt.

    Held credits wait for their hold, expired ones count as taken. Credits that paid another lot's debt count as spent.
    """
    missing = voided_target - (lot.voided - lot.voided_by_operator) - lot.expired
    used = 0 if is_floor else lot.spent + lot.owed
    moves = []
    for book, has in (("frozen", lot.frozen), ("available", lot.available), ("owed", used)):
        share_of_book = min(missing, has)
        if share_of_book > 0:
            moves.append(Move(lot.grant, lot.kind, book, "voided", share_of_book))
            missing -= share_of_book
    return moves


def given_back(lot: "Lot", voided_target: int) -> list[Move]:
    """What was taken and is not asked any more: first what the lot owes for it, then credits that can be used again."""
    now_taken = lot.voided - lot.voided_by_operator
    to_owed = min(now_taken + lot.expired - voided_target, max(0, -lot.owed), now_taken)
    to_available = now_taken - max(0, to_owed) - voided_target
    books = (("owed", to_owed), ("available", to_available))
    return [Move(lot.grant, lot.kind, "voided", book, back) for book, back in books if back > 0]


def frozen(lot: "Lot", frozen_target: int) -> list[Move]:
    """What is frozen toward the target, as far as the lot has available credits."""
    more = min(frozen_target - lot.frozen, lot.available)
    return [Move(lot.grant, lot.kind, "available", "frozen", more)] if more > 0 else []


def unfrozen(lot: "Lot", frozen_target: int) -> list[Move]:
    """What is frozen above the target."""
    less = lot.frozen - frozen_target
    return [Move(lot.grant, lot.kind, "frozen", "available", less)] if less > 0 else []
