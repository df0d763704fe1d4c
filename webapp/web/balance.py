"""A balance as pages and the API show it: nothing that is due is left unsettled behind it."""

import datetime as dt

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.extensions import db, transaction
from webapp.ledger.operations import expire
from webapp.ledger.queries import Balance, balance
from webapp.orm import is_transient
from webapp.web.logs import log

# A page is not made to wait long for a writer: the stored state is right too, only its history is a line short.
LOCK_TIMEOUT_SECONDS = 1
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL, when lock_timeout has passed


def fresh_balance(account_id: int, *, now: dt.datetime) -> Balance:
    """The account's balance; writes the entries of lots that expired by `now` first, in one short transaction.

    One attempt: when the account is busy, the balance comes from the stored state (due lots have stopped counting
    there as well) and the next reader or the worker settles. Raises UnknownAccount. Ends the request's read session
    when it writes.
    """
    found = balance(db.session(), account_id, now=now)
    if not found.is_due or not _settle(account_id, now=now):
        return found
    return balance(db.session(), account_id, now=now)


def _settle(account_id: int, *, now: dt.datetime) -> bool:
    try:
        with transaction() as session:
            _wait_shortly(session)
            expire(session, account_id, now=now)
    except DBAPIError as error:
        if not _is_busy(error):
            raise
        log.warning("due lots not settled: the account is busy", account_id=account_id, error=type(error).__name__)
        return False
    return True


def _wait_shortly(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))


def _is_busy(error: DBAPIError) -> bool:
    return is_transient(error) or getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE
