"""What an account has at an instant. Lots and holds stop counting when they expire, before any entry says so."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from webapp.ledger.accounts import LockedAccount, possible_id, unknown_account
from webapp.ledger.burndown import Lot, in_burn_order
from webapp.ledger.checks import OWN_SOURCE
from webapp.ledger.lots import LOT_COLUMNS, NOT_USED_UP, OWES, lots_of, with_claims_and_due_holds
from webapp.ledger.models import accounts, grants
from webapp.ledger.sheet import Sheet, sheet_of
from webapp.orm import NEVER

# The three that people tell apart: a gift is a bonus, an adjustment burns with what was bought.
KINDS_SHOWN = {
    "allowance": "allowance",
    "bonus": "bonus",
    "gift": "bonus",
    "purchased": "purchased",
    "adjustment": "purchased",
}


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What is left of a grant: `credits` of the `granted` ones can be spent until `expires_at` (None: for ever)."""

    grant: int
    kind: str
    credits: int
    granted: int
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has, in credits.

    `balance` = available + held + frozen − debt. `kinds` splits `available` into allowance, bonus (gifts too) and
    purchased (adjustments too); `lots` are those with credits, in burn order. `total_purchased` is what was ever
    bought, taken back or not; `total_used` what was spent and not returned. `is_due` says that the entries of expired
    lots or holds have yet to be written; those don't count here any more. `limits` is how many spend limits it has.
    """

    account_id: int
    available: int
    held: int
    frozen: int
    debt: int
    balance: int
    kinds: dict[str, int]
    lots: tuple[LotFacts, ...]
    total_purchased: int
    total_used: int
    is_due: bool
    time_zone: str
    limits: int


ACCOUNT_COLUMNS = tuple(accounts.c[name].label(f"account_{name}") for name in LockedAccount.__dataclass_fields__)
# What a reverse grants anew was bought before.
BOUGHT = case((and_(grants.c.kind == "purchased", grants.c.source_kind != OWN_SOURCE), grants.c.granted), else_=0)


def account_with_lots(condition: Any, **summed: ColumnElement[int]) -> Select[Any]:
    """The account, sums over all its grants by their names, and a row for each of its lots that meet the condition.

    One statement, so that a spend between two of them can't make the parts disagree with their sum. The grants are
    walked through once, not for each lot.
    """
    of_accounts: BindParameter[int] = bindparam("of_accounts", expanding=True)
    sums = [cast(func.sum(column), BigInteger).label(name) for name, column in summed.items()]
    totals = (
        select(grants.c.account_id, *sums)
        .where(grants.c.account_id.in_(of_accounts))
        .group_by(grants.c.account_id)
        .subquery("totals")
    )
    lots = accounts.outerjoin(totals, totals.c.account_id == accounts.c.id)
    lots = lots.outerjoin(grants, and_(grants.c.account_id == accounts.c.id, condition))
    return (
        select(*ACCOUNT_COLUMNS, *(func.coalesce(totals.c[name], 0).label(name) for name in summed), *LOT_COLUMNS)
        .select_from(with_claims_and_due_holds(lots))
        .where(accounts.c.id.in_(of_accounts))
    )


_TOTALS = {"total_purchased": BOUGHT, "total_used": grants.c.spent}
_BALANCE = account_with_lots(NOT_USED_UP, **_TOTALS)
_BALANCE_WITH_DEBTS = account_with_lots(or_(NOT_USED_UP, OWES), **_TOTALS)


def balance(session: Session, account_id: int, *, now: dt.datetime) -> Balance:
    """What the account has now, as if the entries of all that has ended were written. One query.

    A second one where time has ended something beside a claim. Raises UnknownAccount.
    """
    given = {"of_accounts": [possible_id(account_id)], "now": now}
    rows = session.execute(_BALANCE, given).mappings().all()
    if not rows:
        raise unknown_account(account_id)
    sheet = sheet_of_rows(rows)
    if any(lot.claim for lot in sheet.lots.values()):
        rows = session.execute(_BALANCE_WITH_DEBTS, given).mappings().all()
        sheet = sheet_of_rows(rows)
    sheet.settle_due(now)
    return balance_on(sheet, total_purchased=rows[0]["total_purchased"], total_used=rows[0]["total_used"])


def balance_on(sheet: Sheet, *, total_purchased: int, total_used: int) -> Balance:
    """The balance of an account on whose sheet everything due is settled; `is_due` if that took an entry."""
    lots = [lot for lot in in_burn_order(sheet.lots.values()) if lot.available]
    return Balance(
        account_id=sheet.account.id,
        available=sheet.available,
        held=sheet.held,
        frozen=sheet.frozen,
        debt=sheet.debt,
        balance=sheet.balance,
        kinds=_by_kind(lots),
        lots=tuple(_lot_facts(lot) for lot in lots),
        total_purchased=total_purchased,
        total_used=total_used,
        is_due=bool(sheet.lines),
        time_zone=sheet.account.time_zone,
        limits=sheet.account.limits,
    )


def sheet_of_rows(rows: Sequence[RowMapping]) -> Sheet:
    """The sheet of the account that rows of `account_with_lots` tell of, nothing settled on it yet."""
    account = LockedAccount(*(rows[0][f"account_{name}"] for name in LockedAccount.__dataclass_fields__))
    return sheet_of(account, *lots_of(rows))


def _by_kind(lots: Iterable[Lot]) -> dict[str, int]:
    kinds = dict.fromkeys(KINDS_SHOWN.values(), 0)
    for lot in lots:
        kinds[KINDS_SHOWN[lot.kind]] += lot.available
    return kinds


def _lot_facts(lot: Lot) -> LotFacts:
    expires_at = None if lot.expires_at == NEVER else lot.expires_at
    return LotFacts(lot.grant, lot.kind, lot.available, lot.granted, expires_at)
