"""Spends: credits taken at once, from the account's lots in burn order. The hot path."""

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, locked
from webapp.ledger.burndown import allocate
from webapp.ledger.checks import check_credits
from webapp.ledger.drafts import Draft, Move, check_draft
from webapp.ledger.errors import InsufficientCredits, SpendingPaused
from webapp.ledger.expiry import expiry_before
from webapp.ledger.facts import Posted
from webapp.ledger.keys import fingerprint_of, replay
from webapp.ledger.lots import open_lots
from webapp.ledger.usage import day_of
from webapp.ledger.writing import write


def spend(
    session: Session,
    account_id: int,
    *,
    credits: int,
    key: str,
    fingerprint: str | None = None,
    description: str = "",
    details: dict[str, Any] | None = None,
    meter: str = "",
    quantity: int | None = None,
    key_id: int = 0,
    occurred_at: dt.datetime | None = None,
    actor_kind: str = "system",
    now: dt.datetime,
) -> Posted:
    """Take credits from the account's lots in burn order: all of them, or none.

    Locks the account. The same key with the same `fingerprint` (of the caller's request; made from the facts given
    here if there is none) answers the first spend again; with another it raises IdempotencyConflict. A refused spend
    leaves nothing, so its key may succeed later. Due lots are settled first and never spent. `occurred_at` (now, if
    not given) may lie in the past; with the account's time zone it decides on which day the use counts. `quantity` is
    in the meter's unit, `key_id` the API key's number.
    Raises InsufficientCredits (facts: needed, available), SpendingPaused, InvalidCredits, InvalidRequest,
    UnknownAccount.
    """
    check_credits(credits)
    draft = Draft(
        kind="spend",
        key=key,
        fingerprint="-" if fingerprint is None else fingerprint,
        occurred_at=occurred_at or now,
        description=description,
        details=details,
        meter=meter,
        quantity=quantity,
        key_id=key_id,
        actor_kind=actor_kind,
    )
    check_draft(draft, now)
    if fingerprint is None:
        made = fingerprint_of("spend", credits, occurred_at, description, details, meter, quantity)
        draft = replace(draft, fingerprint=made)
    account = locked(session, account_id)
    return replay(session, account_id, draft) or _spend(session, account, draft, credits, now)


def _spend(session: Session, account: LockedAccount, draft: Draft, credits: int, now: dt.datetime) -> Posted:
    if account.spending_paused_at is not None:
        raise SpendingPaused("Spending is paused on this account.", paused_at=account.spending_paused_at.isoformat())
    lots = open_lots(session, account.id)
    due = [lot for lot in lots if lot.is_due(now)]
    _check_available(credits, account.available - sum(lot.available for lot in due))
    shares = allocate(credits, (lot for lot in lots if not lot.is_due(now)))
    draft = replace(
        draft,
        moves=tuple(Move(lot.grant, lot.kind, "available", "spent", share) for lot, share in shares),
        used_on=day_of(draft.occurred_at, account.time_zone),
    )
    return write(session, account, [*expiry_before(draft.key, due), draft], now=now)[-1]


def _check_available(needed: int, available: int) -> None:
    if available < needed:
        raise InsufficientCredits(
            f"This needs {needed:,} credits, and {available:,} are available.", needed=needed, available=available
        )
