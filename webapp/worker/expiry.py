"""Write the entries of credits whose expiry has passed. They stopped counting at the instant itself."""

import datetime as dt

from webapp.extensions import db, end_reading, transact
from webapp.ledger.operations import expire
from webapp.ledger.queries import accounts_due
from webapp.worker.sweeps import Swept

ACCOUNTS_PER_RUN = 500


def sweep_expired(now: dt.datetime) -> Swept:
    """Settle the due lots of each due account in a transaction of its own."""
    due = accounts_due(db.session(), now=now, limit=ACCOUNTS_PER_RUN)
    end_reading()
    for account_id in due:
        transact(lambda session, account_id=account_id: expire(session, account_id, now=now))
    return Swept(settled=len(due))
