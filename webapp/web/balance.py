"""A balance as pages and the API show it: nothing that is due is left unsettled behind it."""

import datetime as dt

from sqlalchemy.exc import DBAPIError

from webapp.extensions import db
from webapp.ledger.operations import expire
from webapp.ledger.queries import Balance, balance, zone_and_due
from webapp.web.impatience import impatient_transaction, is_busy
from webapp.web.logs import log


def fresh_balance(account_id: int, *, now: dt.datetime) -> Balance:
    """The account's balance; writes the entries of what has ended by `now` first, in one short transaction.

    One attempt: a page is not made to wait long for a writer. When the account is busy, the balance comes from the
    stored state (what is due has stopped counting there as well, only the history is a line short) and the next reader
    or the worker settles. Raises UnknownAccount. Ends the request's read session when it writes.
    """
    found = balance(db.session(), account_id, now=now)
    if not found.is_due or not _settle(account_id, now=now):
        return found
    return balance(db.session(), account_id, now=now)


def fresh_zone(account_id: int, *, now: dt.datetime) -> str:
    """The account's time zone, after the entries of what has ended by `now` were written, as `fresh_balance` does.

    For who reads entries and no balance: it costs the same however long the account's history is.
    """
    zone, is_due = zone_and_due(db.session(), account_id, now=now)
    if is_due:
        _settle(account_id, now=now)
    return zone


def _settle(account_id: int, *, now: dt.datetime) -> bool:
    try:
        with impatient_transaction() as session:
            expire(session, account_id, now=now)
    except DBAPIError as error:
        if not is_busy(error):
            raise
        log.warning("due entries not written: the account is busy", account_id=account_id, error=type(error).__name__)
        return False
    return True
