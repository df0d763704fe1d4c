"""Voids: an operator cancels what is left of a grant, or of several in the order of their use."""

import datetime as dt
from dataclasses import replace

from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, locked
from webapp.ledger.burndown import Lot, allocate
from webapp.ledger.checks import check_credits, check_number
from webapp.ledger.drafts import Draft, Move
from webapp.ledger.errors import UnknownGrant, VoidAboveAvailable
from webapp.ledger.facts import Posted
from webapp.ledger.keys import checked, replay
from webapp.ledger.lots import open_sheet
from webapp.ledger.sheet import Sheet
from webapp.ledger.writing import answer, write


def void(
    session: Session,
    account_id: int,
    grant_seq: int,
    *,
    credits: int,
    key: str,
    fingerprint: str | None = None,
    description: str = "",
    actor_kind: str = "operator",
    now: dt.datetime,
) -> Posted:
    """Cancel `credits` that are available of one grant. `description` is the reason, and the line in the history.

    Locks the account. A later refund of the payment behind the grant doesn't take these credits once more. Keys are
    those of `spend`.
    Raises UnknownGrant, VoidAboveAvailable (facts: needed, available), InvalidCredits, InvalidRequest, UnknownAccount.
    """
    check_credits(credits)
    check_number(grant_seq)
    draft = Draft(
        kind="void", key=key, fingerprint="-", occurred_at=now, description=description, actor_kind=actor_kind
    )
    draft = checked(draft, fingerprint, (grant_seq, credits, description), now=now)
    account = locked(session, account_id)
    return replay(session, account_id, draft) or _void(session, account, draft, grant_seq, credits, now)


def void_in_order(
    session: Session,
    account_id: int,
    *,
    credits: int,
    key: str,
    fingerprint: str | None = None,
    description: str = "",
    actor_kind: str = "operator",
    now: dt.datetime,
) -> Posted:
    """Cancel `credits` that are available, of the lots that would pay a spend of as many, in one entry.

    As `void` else: locks the account, and what is cancelled of a lot is not taken once more by a later refund. Spending
    may be paused meanwhile. Raises VoidAboveAvailable (facts: needed, available), InvalidCredits, InvalidRequest,
    UnknownAccount.
    """
    check_credits(credits)
    draft = Draft(
        kind="void", key=key, fingerprint="-", occurred_at=now, description=description, actor_kind=actor_kind
    )
    draft = checked(draft, fingerprint, ("in order", credits, description), now=now)
    account = locked(session, account_id)
    return replay(session, account_id, draft) or _void_in_order(session, account, draft, credits, now)


def _void(
    session: Session, account: LockedAccount, draft: Draft, grant_seq: int, credits: int, now: dt.datetime
) -> Posted:
    sheet = open_sheet(session, account, now=now, lots=[grant_seq])
    sheet.settle_due(now)
    lot = sheet.lots.get(grant_seq)
    if lot is None:
        raise UnknownGrant("There is no such grant.", grant=grant_seq)
    if credits > lot.available:
        raise VoidAboveAvailable(
            f"This would cancel {credits:,} credits, and {lot.available:,} of the grant are available.",
            needed=credits,
            available=lot.available,
        )
    return _posted(session, sheet, draft, [(lot, credits)], now)


def _void_in_order(session: Session, account: LockedAccount, draft: Draft, credits: int, now: dt.datetime) -> Posted:
    sheet = open_sheet(session, account, now=now)
    sheet.settle_due(now)
    if credits > sheet.available:
        raise VoidAboveAvailable(
            f"This would cancel {credits:,} credits, and {sheet.available:,} are available.",
            needed=credits,
            available=sheet.available,
        )
    return _posted(session, sheet, draft, allocate(credits, sheet.spendable()), now)


def _posted(session: Session, sheet: Sheet, draft: Draft, shares: list[tuple[Lot, int]], now: dt.datetime) -> Posted:
    moves = tuple(Move(lot.grant, lot.kind, "available", "voided", share) for lot, share in shares)
    line = sheet.post(replace(draft, moves=moves))
    for lot, share in shares:
        lot.voided_by_operator += share
    sheet.finish(now)
    write(session, [sheet], now=now)
    return answer(line, now=now)
