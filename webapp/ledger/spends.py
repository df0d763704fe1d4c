"""Spends: credits taken at once, from the account's lots in burn order. The hot path."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, locked, refuse_paused
from webapp.ledger.burndown import allocate
from webapp.ledger.checks import check_credits
from webapp.ledger.drafts import Draft, Move
from webapp.ledger.errors import InsufficientCredits
from webapp.ledger.facts import Posted
from webapp.ledger.fast import Asked, spent_plainly
from webapp.ledger.keys import checked, replay
from webapp.ledger.limits.checking import count_taken, refuse_above_limits
from webapp.ledger.limits.counting import count_limits
from webapp.ledger.lots import open_sheet
from webapp.ledger.sheet import Line, Sheet
from webapp.ledger.usage import day_of
from webapp.ledger.writing import answer, write


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLine:
    """One spend, as `spend` takes it: also a line of a batch."""

    account_id: int
    credits: int
    key: str
    fingerprint: str | None = None
    description: str = ""
    details: dict[str, Any] | None = None
    meter: str = ""
    quantity: int | None = None
    key_id: int = 0
    occurred_at: dt.datetime | None = None
    actor_kind: str = "system"


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
    leaves nothing, so its key may succeed later. Due lots and holds are settled first. `occurred_at` (now, if not
    given) may lie in the past; with the account's time zone it decides on which day the use counts. `quantity` is in
    the meter's unit, `key_id` the API key's number.
    Raises SpendingPaused, SpendLimitReached, InsufficientCredits (facts: needed, available), InvalidCredits,
    InvalidRequest, UnknownAccount.
    """
    line = SpendLine(
        account_id=account_id,
        credits=credits,
        key=key,
        fingerprint=fingerprint,
        description=description,
        details=details,
        meter=meter,
        quantity=quantity,
        key_id=key_id,
        occurred_at=occurred_at,
        actor_kind=actor_kind,
    )
    draft = spend_draft(line, now=now)
    if posted := spent_plainly(session, [Asked(0, account_id, credits, draft)], now=now):
        return posted[0]
    account = locked(session, account_id)
    return replay(session, account_id, draft) or _spend(session, account, draft, credits, now)


def spend_draft(line: SpendLine, *, now: dt.datetime) -> Draft:
    """The entry that the spend asks for, checked; its moves come later. Raises InvalidCredits or InvalidRequest."""
    check_credits(line.credits)
    draft = Draft(
        kind="spend",
        key=line.key,
        fingerprint="-",
        occurred_at=line.occurred_at or now,
        description=line.description,
        details=line.details,
        meter=line.meter,
        quantity=line.quantity,
        key_id=line.key_id,
        actor_kind=line.actor_kind,
    )
    facts = (line.credits, line.occurred_at, line.description, line.details, line.meter, line.quantity)
    return checked(draft, line.fingerprint, facts, now=now)


def _spend(session: Session, account: LockedAccount, draft: Draft, credits: int, now: dt.datetime) -> Posted:
    sheet = open_sheet(session, account, now=now)
    sheet.settle_due(now)
    count_limits(session, sheet, now=now)
    line = post_spend(sheet, draft, credits)
    write(session, [sheet], now=now)
    return answer(line, now=now)


def post_spend(sheet: Sheet, draft: Draft, credits: int) -> Line:
    """Put a spend on a sheet whose due lots are settled and whose limits are counted.

    Raises SpendingPaused, SpendLimitReached or InsufficientCredits.
    """
    moves = taken(sheet, credits, to_book="spent", key_id=draft.key_id)
    return sheet.post(replace(draft, moves=moves, used_on=day_of(draft.occurred_at, sheet.account.time_zone)))


def taken(sheet: Sheet, credits: int, *, to_book: str, key_id: int) -> tuple[Move, ...]:
    """The moves of available credits, in burn order, to `spent` or `held`, for an API key (0: none).

    Raises SpendingPaused, SpendLimitReached, and InsufficientCredits (facts: needed, available): in this order, for
    more credits would not help where spending is paused or a limit is reached.
    """
    refuse_paused(sheet.account)
    refuse_above_limits(sheet.limits, sheet.account.id, credits, key_id=key_id)
    if sheet.available < credits:
        raise InsufficientCredits(sheet.account.id, needed=credits, available=sheet.available)
    count_taken(sheet.limits, credits, key_id=key_id)
    shares = allocate(credits, sheet.spendable())
    return tuple(Move(lot.grant, lot.kind, "available", to_book, share) for lot, share in shares)
