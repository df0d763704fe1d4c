"""Look at accounts that have changed, and at those with credits about to expire: what they have crossed is stored."""

import datetime as dt
from collections.abc import Callable

from sqlalchemy.orm import Session

from webapp.alerts.reading import accounts_expiring
from webapp.alerts.watching import look_at
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger.queries import changed_accounts
from webapp.worker.rounds import each
from webapp.worker.sweeps import Swept

ACCOUNTS_AT_ONCE = 200
ACCOUNTS_PER_RUN = 2000

Find = Callable[[Session, int], tuple[int, ...]]


def sweep_alerts(now: dt.datetime) -> Swept:
    """Look at each account that has changed since it was looked at, in a transaction of its own."""
    return _look_at_all(
        lambda session, after_id: changed_accounts(session, after_id=after_id, limit=ACCOUNTS_AT_ONCE), now=now
    )


def sweep_expiring(now: dt.datetime) -> Swept:
    """Look at each account with credits about to expire that nobody was told of: nothing changes there but the time."""
    return _look_at_all(
        lambda session, after_id: accounts_expiring(session, after_id=after_id, now=now, limit=ACCOUNTS_AT_ONCE),
        now=now,
    )


def _look_at_all(find: Find, *, now: dt.datetime) -> Swept:
    """All that are found, as many as one run may take. One that breaks keeps nobody behind it from being looked at."""
    settled = failed = after_id = 0
    while settled + failed < ACCOUNTS_PER_RUN:
        found = find(db.session(), after_id)
        end_reading()
        if not found:
            break
        swept = each(list(found), lambda account_id: _look(account_id, now=now), what="alerts", named=str)
        settled, failed, after_id = settled + swept.settled, failed + swept.failed, found[-1]
    return Swept(settled=settled, failed=failed)


def _look(account_id: int, *, now: dt.datetime) -> bool:
    catalog, mode = parts().catalog, parts().settings.payments
    transact(lambda session: look_at(session, catalog, account_id, stripe_mode=mode, now=now))
    return True
