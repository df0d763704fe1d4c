"""Acts on one payment: settling one that was quarantined, after a person has looked. In the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from webapp.billing.checkout import locked_purchase
from webapp.billing.models import Purchase
from webapp.billing.quarantine import settle_quarantined, was_granted_by_hand
from webapp.operators.acts import Act, Asked, Facts, credits_of, perform
from webapp.operators.errors import InvalidChoice, NothingToDo


def settle(session: Session, asked: Asked, *, purchase_id: str) -> Act:
    """Grant a quarantined purchase what it was opened for: somebody has looked at what differs, and says why.

    Locks the account. Raises InvalidChoice where the account has no such purchase, NothingToDo where it doesn't wait
    or where its credits were granted by hand, and what `perform` raises.
    """
    purchase = _own(session, asked, purchase_id)
    facts = {"purchase": purchase.id, "reference": purchase.reference, "credits": purchase.credits}

    def change() -> Sequence[int]:
        held = locked_purchase(session, asked.account_id, purchase_id)
        if held.state != "quarantined":
            raise NothingToDo("This payment doesn't wait for anybody (any more).")
        if was_granted_by_hand(session, held):
            raise NothingToDo("The credits of this payment were granted by hand before: see the account's ledger.")
        settle_quarantined(session, held, now=asked.now)
        return [int(held.grant_seq or 0)]

    return perform(session, asked, "settle", facts, look=lambda: _look(session, asked, purchase_id), change=change)


def _own(session: Session, asked: Asked, purchase_id: str) -> Purchase:
    found = session.get(Purchase, (asked.account_id, purchase_id))
    if found is None:
        raise InvalidChoice("The account has no such purchase.", field="purchase")
    return found


def _look(session: Session, asked: Asked, purchase_id: str) -> Facts:
    purchase = locked_purchase(session, asked.account_id, purchase_id)
    return credits_of(session, asked.account_id, now=asked.now) | {"payment": purchase.state}
