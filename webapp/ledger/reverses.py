"""Reverses: a spend or capture undone, in whole or in part, for the lots that paid it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, locked
from webapp.ledger.burndown import Lot, allocate, in_burn_order
from webapp.ledger.checks import OWN_SOURCE, check_credits, check_number
from webapp.ledger.drafts import Draft, Move, NewLot
from webapp.ledger.errors import NotReversible, ReverseAboveSpent, UnknownEntry
from webapp.ledger.facts import Posted
from webapp.ledger.fingerprints import fingerprint_of
from webapp.ledger.keys import checked, replay
from webapp.ledger.lots import open_sheet, spent_by
from webapp.ledger.models import entries
from webapp.ledger.reading import read_hold
from webapp.ledger.sheet import Sheet
from webapp.ledger.writing import answer, write

# Failed work that is returned just after its credits expired can still be used for as long.
GRACE = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Use:
    """The spend or capture to be undone: where it counts in the usage by day, and the hold that a capture closed."""

    seq: int
    kind: str
    meter: str
    key_id: int
    used_on: dt.date
    hold_seq: int | None


_USE = select(*(entries.c[name] for name in Use.__dataclass_fields__)).where(
    entries.c.account_id == bindparam("of_account"), entries.c.seq == bindparam("of_entry")
)


def reverse(
    session: Session,
    account_id: int,
    entry_seq: int,
    *,
    credits: int | None,
    key: str,
    fingerprint: str | None = None,
    description: str = "",
    details: dict[str, Any] | None = None,
    actor_kind: str = "system",
    now: dt.datetime,
) -> Posted:
    """Give `credits` of a spend or capture back to the lots that paid, in the order they were taken; None is all left.

    Locks the account. Earlier reverses of the entry count; usage is taken off the day it was counted on. What a refund
    had already taken back of those credits pays its debt. Credits of a lot that has expired go on to `expired`; if
    that was less than 24 hours ago, as many are granted anew, for 24 hours after the old expiry. Keys are those of
    `spend`.
    Raises UnknownEntry, NotReversible (facts: entry, kind), ReverseAboveSpent (facts: needed, left), InvalidCredits,
    InvalidRequest, UnknownAccount.
    """
    if credits is not None:
        check_credits(credits)
    check_number(entry_seq)
    draft = Draft(
        kind="reverse",
        key=key,
        fingerprint="-",
        occurred_at=now,
        description=description,
        details=details,
        actor_kind=actor_kind,
        reverses_seq=entry_seq,
    )
    draft = checked(draft, fingerprint, (entry_seq, credits, description, details), now=now)
    account = locked(session, account_id)
    return replay(session, account_id, draft) or _reverse(session, account, draft, entry_seq, credits, now)


def _reverse(
    session: Session, account: LockedAccount, draft: Draft, entry_seq: int, credits: int | None, now: dt.datetime
) -> Posted:
    use = _use(session, account.id, entry_seq)
    left = spent_by(session, account.id, entry_seq)
    shares = allocate(_returnable(credits, sum(spent for _, spent in left)), left)
    sheet = open_sheet(session, account, now=now, lots=[grant for grant, _ in shares])
    sheet.settle_due(now)
    draft = replace(draft, meter=use.meter, key_id=use.key_id, used_on=use.used_on)
    if account.limits and use.hold_seq is not None:
        returned = sum(share for _, share in shares)
        to_hold = _to_hold(session, account.id, use.hold_seq, sum(spent for _, spent in left), returned, now)
        draft = replace(draft, returned_to_hold=(use.hold_seq, to_hold))
    line = sheet.post(replace(draft, moves=tuple(_returned(sheet, shares))))
    _grant_anew(sheet, line.seq, now)
    sheet.finish(now)
    write(session, [sheet], now=now)
    return answer(line, now=now)


def _to_hold(session: Session, account_id: int, hold_seq: int, left: int, returned: int, now: dt.datetime) -> int:
    """How much of what is returned counted with the hold: what the capture took above it is returned first.

    `left` is what of the capture was not returned before.
    """
    hold = read_hold(session, account_id, hold_seq, now=now)
    assert hold is not None  # noqa: S101  # a capture has closed it
    above = max(0, hold.captured - hold.credits)
    above_left = max(0, above - (hold.captured - left))
    return returned - min(returned, above_left)


def _returnable(credits: int | None, left: int) -> int:
    """How many credits to return: those asked for, or all that are left. Raises ReverseAboveSpent."""
    if credits is None and left == 0:
        raise ReverseAboveSpent("All credits of this use have been returned already.", needed=1, left=0)
    if credits is not None and credits > left:
        raise ReverseAboveSpent(
            f"This would return {credits:,} credits, and {left:,} of this use are left.", needed=credits, left=left
        )
    return left if credits is None else credits


def _use(session: Session, account_id: int, entry_seq: int) -> Use:
    row = session.execute(_USE, {"of_account": account_id, "of_entry": entry_seq}).one_or_none()
    if row is None:
        raise UnknownEntry("There is no such entry.", entry=entry_seq)
    if row.kind not in {"spend", "capture"}:
        raise NotReversible("Only a spend or a capture can be returned.", entry=entry_seq, kind=row.kind)
    return Use(*row)


def _returned(sheet: Sheet, shares: list[tuple[int, int]]) -> Iterator[Move]:
    """Spent credits come back to their lots. A lot that would owe more than it has spent keeps the difference."""
    for grant, share in shares:
        lot = sheet.lots[grant]
        yield Move(grant, lot.kind, "spent", "available", share)
        above = -lot.owed - (lot.spent - share)
        if above > 0:
            yield Move(grant, lot.kind, "available", "owed", above)


def _grant_anew(sheet: Sheet, reverse_seq: int, now: dt.datetime) -> None:
    """Write down what expires at once, and grant as much where the expiry was less than 24 hours ago."""
    expired_before = {lot.grant: lot.expired for lot in sheet.lots.values()}
    sheet.expire_lots(now)
    lost = [(lot, lot.expired - expired_before[lot.grant]) for lot in in_burn_order(sheet.lots.values())]
    for lot, loss in lost:
        if loss and now < lot.expires_at + GRACE:
            sheet.post(_anew(sheet, lot, loss, reverse_seq, now))


def _anew(sheet: Sheet, lot: Lot, credits: int, reverse_seq: int, now: dt.datetime) -> Draft:
    name = f"{reverse_seq}:{lot.grant}"
    return Draft(
        kind="grant",
        key=f"regrant:{name}",
        fingerprint=fingerprint_of("regrant", reverse_seq, lot.grant, credits),
        moves=(Move(sheet.seq + 1, lot.kind, "issued", "available", credits),),
        occurred_at=now,
        source_kind=OWN_SOURCE,
        source_id=name,
        lot=NewLot(kind=lot.kind, priority=lot.priority, granted=credits, expires_at=lot.expires_at + GRACE),
    )
