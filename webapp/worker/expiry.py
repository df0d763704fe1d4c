"""Write the entries of lots and holds whose time is over. They stopped counting at the instant itself."""

import datetime as dt

from sqlalchemy.exc import SQLAlchemyError

from webapp.extensions import db, end_reading, transact
from webapp.ledger.operations import expire
from webapp.ledger.queries import accounts_due
from webapp.web.logs import log
from webapp.worker.sweeps import Swept

ACCOUNTS_PER_RUN = 500


def sweep_expired(now: dt.datetime) -> Swept:
    """Settle what is due of each due account in a transaction of its own; one that fails doesn't stop the others."""
    due = accounts_due(db.session(), now=now, limit=ACCOUNTS_PER_RUN)
    end_reading()
    settled = sum(_settle(account_id, now) for account_id in due)
    return Swept(settled=settled, failed=len(due) - settled)


def _settle(account_id: int, now: dt.datetime) -> bool:
    try:
        transact(lambda session: expire(session, account_id, now=now))
    except SQLAlchemyError as error:
        log.error("expiry not settled", account_id=account_id, exc_info=error)
        return False
    return True
