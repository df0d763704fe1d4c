"""What an account has received and what became of it, from the books of its grants. Costs the same for any history."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_
from sqlalchemy.orm import Session

from webapp.ledger.accounts import possible_id, unknown_account
from webapp.ledger.balances import BOUGHT, account_with_lots, sheet_of_rows
from webapp.ledger.lots import NOT_USED_UP, OWES
from webapp.ledger.models import grants
from webapp.ledger.sheet import Sheet

# A lot's books sum to what was granted, and the debt is what lots owe, so these four always make the balance.
BOOKS_GONE = ("spent", "expired", "voided")


@dataclass(frozen=True, slots=True)
class Totals:
    """Credits of an account's whole life: `received` − `used` − `expired` − `taken` is always its `balance`.

    `taken` was taken back; `used` was spent and not returned. `held` and `frozen` credits are in the balance, and a
    `debt` lowers it. `purchased` is what was ever bought, taken back or not.
    """

    received: int
    used: int
    expired: int
    taken: int
    balance: int
    held: int
    frozen: int
    debt: int
    purchased: int


_STATEMENT = account_with_lots(
    or_(NOT_USED_UP, OWES),
    granted=grants.c.granted,
    purchased=BOUGHT,
    **{f"total_{book}": grants.c[book] for book in BOOKS_GONE},
)


def totals(session: Session, account_id: int, *, now: dt.datetime) -> Totals:
    """The account's totals, as if the entries of all that has ended were written. One query.

    Raises UnknownAccount.
    """
    rows = session.execute(_STATEMENT, {"of_accounts": [possible_id(account_id)], "now": now}).mappings().all()
    if not rows:
        raise unknown_account(account_id)
    sheet = sheet_of_rows(rows)
    before = _gone(sheet)
    sheet.settle_due(now)
    after = _gone(sheet)
    used, expired, taken = (rows[0][f"total_{book}"] + after[book] - before[book] for book in BOOKS_GONE)
    return Totals(
        received=rows[0]["granted"],
        used=used,
        expired=expired,
        taken=taken,
        balance=sheet.balance,
        held=sheet.held,
        frozen=sheet.frozen,
        debt=sheet.debt,
        purchased=rows[0]["purchased"],
    )


def _gone(sheet: Sheet) -> dict[str, int]:
    return {book: sum(getattr(lot, book) for lot in sheet.lots.values()) for book in BOOKS_GONE}
