"""Expiry: what time ends, written down. A hold gives its credits back, what is left of a lot goes to `expired`."""

import datetime as dt

from sqlalchemy.orm import Session

from webapp.ledger.accounts import locked
from webapp.ledger.facts import EntryFacts
from webapp.ledger.lots import open_sheet
from webapp.ledger.writing import entry_of, write


def expire(session: Session, account_id: int, *, now: dt.datetime) -> list[EntryFacts]:
    """Write the entries of all that has ended by `now`: of each hold, of each lot, and of what follows from them.

    Locks the account. Credits that an open hold keeps, or that are frozen, stay until that ends. Does nothing when
    nothing is due, so that it may run as often as it likes. Each entry has a key of its own that no other can have.
    Raises UnknownAccount.
    """
    sheet = open_sheet(session, locked(session, account_id), now=now)
    sheet.settle_due(now)
    write(session, [sheet], now=now)
    return [entry_of(line, now=now) for line in sheet.lines]
