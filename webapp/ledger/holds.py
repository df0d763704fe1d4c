"""Holds: credits reserved while work is in progress, then captured or released. Time ends what nobody closes."""

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, locked
from webapp.ledger.burndown import allocate, in_burn_order
from webapp.ledger.checks import check_credits, check_lasts_seconds, check_number
from webapp.ledger.drafts import Draft, HoldChange, Move
from webapp.ledger.errors import CaptureAboveHold, HoldClosed, UnknownHold
from webapp.ledger.facts import HoldFacts, Posted
from webapp.ledger.keys import checked, replay
from webapp.ledger.limits.counting import count_limits
from webapp.ledger.lots import held_by, open_sheet
from webapp.ledger.reading import read_hold
from webapp.ledger.sheet import Sheet
from webapp.ledger.spends import taken
from webapp.ledger.usage import day_of
from webapp.ledger.writing import answer, write


def hold(
    session: Session,
    account_id: int,
    *,
    credits: int,
    key: str,
    lasts_seconds: int = 15 * 60,
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
    """Reserve credits of the account's lots in burn order: all of them, or none. The entry's number is the hold's.

    Locks the account. The hold ends by `capture`, by `release`, or by itself `lasts_seconds` (1 to 86,400) from now;
    until then no one else can use its credits, even when their lot expires meanwhile. Keys and refusals are those of
    `spend`; a repeated one answers the hold as it was made.
    Raises SpendingPaused, SpendLimitReached, InsufficientCredits (facts: needed, available), InvalidCredits,
    InvalidRequest, UnknownAccount.
    """
    check_credits(credits)
    check_lasts_seconds(lasts_seconds)
    draft = Draft(
        kind="hold",
        key=key,
        fingerprint="-",
        occurred_at=occurred_at or now,
        description=description,
        details=details,
        meter=meter,
        quantity=quantity,
        key_id=key_id,
        actor_kind=actor_kind,
    )
    facts = (credits, lasts_seconds, occurred_at, description, details, meter, quantity)
    draft = checked(draft, fingerprint, facts, now=now)
    account = locked(session, account_id)
    ends_at = now + dt.timedelta(seconds=lasts_seconds)
    return replay(session, account_id, draft) or _hold(session, account, draft, credits, ends_at, now)


def capture(
    session: Session,
    account_id: int,
    hold_seq: int,
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
    may_exceed_hold: bool = False,
    now: dt.datetime,
) -> Posted:
    """Spend `credits` of an open hold, in the order of its lots, and give the rest back to the lots it came from.

    Locks the account, closes the hold. Nothing was used? `release` it. Keys are those of `spend`. `may_exceed_hold`
    takes what it lacks from the available credits, in burn order, in the same entry; if they don't cover it, nothing.
    Raises UnknownHold, HoldClosed (facts: hold, state), CaptureAboveHold (facts: needed, held), InvalidCredits,
    InvalidRequest, UnknownAccount; for what is above the hold InsufficientCredits (facts: needed, available: what is
    missing, and what there is for it), SpendingPaused and SpendLimitReached. What is within it was counted by the
    limits when it was made, and is honoured.
    """
    check_credits(credits)
    check_number(hold_seq)
    draft = Draft(
        kind="capture",
        key=key,
        fingerprint="-",
        occurred_at=occurred_at or now,
        description=description,
        details=details,
        meter=meter,
        quantity=quantity,
        key_id=key_id,
        actor_kind=actor_kind,
    )
    facts = (hold_seq, credits, occurred_at, description, details, meter, quantity)
    draft = checked(draft, fingerprint, (*facts, "may_exceed_hold") if may_exceed_hold else facts, now=now)
    account = locked(session, account_id)
    stored = replay(session, account_id, draft)
    return stored or _close(session, account, draft, hold_seq, credits, now, may_exceed_hold=may_exceed_hold)


def release(
    session: Session,
    account_id: int,
    hold_seq: int,
    *,
    key: str,
    fingerprint: str | None = None,
    description: str = "",
    details: dict[str, Any] | None = None,
    actor_kind: str = "system",
    now: dt.datetime,
) -> Posted:
    """Give all credits of an open hold back to the lots they came from: nothing was used.

    Locks the account. Credits of a lot that expired meanwhile go on to `expired`. Keys are those of `spend`.
    Raises UnknownHold, HoldClosed (facts: hold, state), InvalidRequest, UnknownAccount.
    """
    check_number(hold_seq)
    draft = Draft(
        kind="release",
        key=key,
        fingerprint="-",
        occurred_at=now,
        description=description,
        details=details,
        actor_kind=actor_kind,
    )
    draft = checked(draft, fingerprint, (hold_seq, description, details), now=now)
    account = locked(session, account_id)
    return replay(session, account_id, draft) or _close(session, account, draft, hold_seq, 0, now)


def _hold(
    session: Session, account: LockedAccount, draft: Draft, credits: int, ends_at: dt.datetime, now: dt.datetime
) -> Posted:
    sheet = open_sheet(session, account, now=now)
    sheet.settle_due(now)
    count_limits(session, sheet, now=now)
    made = HoldChange(seq=sheet.seq + 1, credits=credits, captured=0, state="open", expires_at=ends_at)
    moves = taken(sheet, credits, to_book="held", key_id=draft.key_id)
    line = sheet.post(replace(draft, moves=moves, hold=made))
    write(session, [sheet], now=now)
    return answer(line, now=now)


def _close(
    session: Session,
    account: LockedAccount,
    draft: Draft,
    hold_seq: int,
    used: int,
    now: dt.datetime,
    *,
    may_exceed_hold: bool = False,
) -> Posted:
    found = _open_hold(session, account.id, hold_seq, now)
    if used > found.credits and not may_exceed_hold:
        raise CaptureAboveHold(
            f"This needs {used:,} credits, and {found.credits:,} are on hold.", needed=used, held=found.credits
        )
    sheet = open_sheet(session, account, now=now)
    sheet.settle_due(now)
    if used > found.credits:
        count_limits(session, sheet, now=now)
    state = "captured" if draft.kind == "capture" else "released"
    closed = HoldChange(seq=hold_seq, credits=found.credits, captured=used, state=state, expires_at=found.expires_at)
    moves = _moves_of(sheet, held_by(session, account.id, hold_seq), used, draft.key_id)
    used_on = day_of(draft.occurred_at, account.time_zone) if used else None
    line = sheet.post(replace(draft, moves=moves, hold=closed, used_on=used_on))
    sheet.finish(now)
    write(session, [sheet], now=now)
    return answer(line, now=now)


def _open_hold(session: Session, account_id: int, hold_seq: int, now: dt.datetime) -> HoldFacts:
    """The hold, if it is open and its time has not passed."""
    found = read_hold(session, account_id, hold_seq, now=now)
    if found is None:
        raise UnknownHold("There is no such hold.", hold=hold_seq)
    if found.state != "open":
        raise HoldClosed(f"This hold is no longer open: it is {found.state}.", hold=hold_seq, state=found.state)
    return found


def _moves_of(sheet: Sheet, held: list[tuple[int, int]], used: int, key_id: int) -> tuple[Move, ...]:
    """What is used goes from held to spent, in the order of the hold's lots; the rest becomes available again.

    What is used above the hold comes from the available credits, as for a spend by the key. Lots stand in burn order.
    """
    above = max(0, used - sum(has for _, has in held))
    spent = dict(allocate(used - above, held))
    moves = []
    for grant, has in held:
        for book, moved in (("spent", spent.get(grant, 0)), ("available", has - spent.get(grant, 0))):
            if moved:
                moves.append(Move(grant, sheet.lots[grant].kind, "held", book, moved))
    if above:
        moves += taken(sheet, above, to_book="spent", key_id=key_id)
    places = {lot.grant: place for place, lot in enumerate(in_burn_order(sheet.lots.values()))}
    return tuple(sorted(moves, key=lambda move: places[move.grant]))
