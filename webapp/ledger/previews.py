"""What a take-back would do, worked out on a sheet that is never written: the same functions, so the same end."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, or_
from sqlalchemy.orm import Session

from webapp.ledger import takebacks
from webapp.ledger.accounts import possible_id, unknown_account
from webapp.ledger.balances import account_with_lots, sheet_of_rows
from webapp.ledger.burndown import Lot
from webapp.ledger.lots import NOT_USED_UP, OWES
from webapp.ledger.models import grants
from webapp.ledger.sheet import Sheet
from webapp.ledger.takebacks import Claim

_OF_SOURCE = and_(*(grants.c[name] == bindparam(f"of_{name}") for name in ("source_kind", "source_id")))
_ALL_THAT_MATTER = account_with_lots(or_(NOT_USED_UP, OWES, _OF_SOURCE))


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's numbers at one moment, in credits. `balance` = available + held + frozen − debt."""

    available: int
    held: int
    frozen: int
    debt: int
    balance: int


@dataclass(frozen=True, slots=True)
class TakebackPreview:
    """What a claim would change, in credits.

    `taken` leaves the lot now, out of what is frozen, available or, as debt, already spent. `waits` is held and taken
    when its hold ends without using it. `let_go` was spent and is not asked back. A claim that asks less than the one
    before takes less than nothing.
    """

    before: Standing
    after: Standing
    taken: int
    waits: int
    let_go: int


def preview_takeback(
    session: Session,
    account_id: int,
    *,
    source_kind: str,
    source_id: str,
    total_minor: int,
    returned_minor: int,
    disputed_minor: int,
    is_floor: bool = False,
    now: dt.datetime,
) -> TakebackPreview:
    """What `settle_takeback` would do with these facts now. Reads in one query, locks and writes nothing.

    Raises UnknownAccount.
    """
    source = {"of_source_kind": source_kind, "of_source_id": source_id}
    given = {"of_accounts": [possible_id(account_id)], "now": now, **source}
    rows = session.execute(_ALL_THAT_MATTER, given).mappings().all()
    if not rows:
        raise unknown_account(account_id)
    sheet = sheet_of_rows(rows)
    sheet.settle_due(now)
    claim = Claim(total_minor, returned_minor, disputed_minor, is_floor)
    lot = next((lot for lot in sheet.lots.values() if lot.source == (source_kind, source_id)), None)
    before, voided_before = _standing(sheet), lot.voided if lot else 0
    if lot is None:
        return TakebackPreview(before, before, 0, 0, 0)
    lot.claim = claim
    sheet.finish(now)
    waits, let_go = _not_taken(lot, claim)
    return TakebackPreview(before, _standing(sheet), lot.voided - voided_before, waits, let_go)


def _standing(sheet: Sheet) -> Standing:
    return Standing(sheet.available, sheet.held, sheet.frozen, sheet.debt, sheet.balance)


def _not_taken(lot: Lot, claim: Claim) -> tuple[int, int]:
    """What the claim asks for and can't have: credits on hold, and spent ones that are let go."""
    voided_target, _ = takebacks.targets(lot, claim)
    missing = max(0, voided_target - (lot.voided - lot.voided_by_operator) - lot.expired)
    waits = min(missing, lot.held)
    return waits, missing - waits
