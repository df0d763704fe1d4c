"""Grants: credits given to an account, once for each source."""

import datetime as dt
from dataclasses import replace

from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, locked
from webapp.ledger.checks import check_credits, check_expires_at, check_grant_kind, check_source
from webapp.ledger.claims import claim_on
from webapp.ledger.drafts import Draft, Move, NewLot
from webapp.ledger.errors import InvalidCredits, InvalidRequest
from webapp.ledger.facts import Posted
from webapp.ledger.keys import checked, replay, replay_of_source
from webapp.ledger.lots import open_sheet
from webapp.ledger.models import MAX_BALANCE_CREDITS, PRIORITIES
from webapp.ledger.sheet import Sheet
from webapp.ledger.writing import answer, write
from webapp.orm import NEVER


def grant(
    session: Session,
    account_id: int,
    *,
    kind: str,
    credits: int,
    key: str,
    source_kind: str,
    source_id: str,
    fingerprint: str | None = None,
    description: str = "",
    expires_at: dt.datetime | None = None,
    actor_kind: str = "system",
    now: dt.datetime,
) -> Posted:
    """Add credits to the account as a new lot, at most once for each source.

    Locks the account. The same key, or another key for the same source, with the same kind, credits and expiry
    answers the first grant again; with others it raises IdempotencyConflict. With a `fingerprint` of the caller's
    request that alone is compared. `expires_at` None is never. Due lots and holds are settled first; what refunds
    already ask back of the source is taken in entries that follow, and what the account owes is paid.
    Raises InvalidCredits (also when the balance would pass 2^53), InvalidRequest, UnknownAccount.
    """
    check_credits(credits)
    check_grant_kind(kind)
    check_source(source_kind, source_id)
    check_expires_at(expires_at)
    lot = NewLot(kind=kind, priority=PRIORITIES[kind], granted=credits, expires_at=expires_at or NEVER)
    draft = Draft(
        kind="grant",
        key=key,
        fingerprint="-",
        occurred_at=now,
        description=description,
        source_kind=source_kind,
        source_id=source_id,
        actor_kind=actor_kind,
        lot=lot,
    )
    draft = checked(draft, fingerprint, (kind, credits, lot.expires_at, source_kind, source_id), now=now)
    account = locked(session, account_id)
    stored = replay(session, account_id, draft) or replay_of_source(session, account_id, draft)
    return stored or _grant(session, account, draft, lot, now)


def _grant(session: Session, account: LockedAccount, draft: Draft, lot: NewLot, now: dt.datetime) -> Posted:
    claim = claim_on(session, account.id, draft.source_kind, draft.source_id)
    sheet = open_sheet(session, account, now=now, lots=None if claim is None else [])
    sheet.settle_due(now)
    _check_lot(sheet, lot, now)
    line = sheet.post(replace(draft, moves=(Move(sheet.seq + 1, lot.kind, "issued", "available", lot.granted),)))
    sheet.lots[line.seq].claim = claim
    sheet.finish(now)
    write(session, [sheet], now=now)
    return answer(line, now=now)


def _check_lot(sheet: Sheet, lot: NewLot, now: dt.datetime) -> None:
    if lot.expires_at <= now:
        raise InvalidRequest("Credits can only be granted with an expiry in the future.")
    if sheet.available + sheet.held + sheet.frozen + lot.granted > MAX_BALANCE_CREDITS:
        raise InvalidCredits(f"A balance can't be more than {MAX_BALANCE_CREDITS:,}.", largest=MAX_BALANCE_CREDITS)
