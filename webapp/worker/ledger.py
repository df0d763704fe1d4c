"""Look at the ledger once a day: a fault must not wait for somebody to ask."""

import datetime as dt

from webapp.doctor.check import Look
from webapp.doctor.storage import sampled
from webapp.extensions import db, end_reading, parts
from webapp.ledger.verify import read_at_one_instant
from webapp.web.logs import log
from webapp.worker.sweeps import Swept

# The other sweeps wait meanwhile; each day another sample is taken where this isn't enough for all.
SECONDS = 20.0


def sweep_ledger(now: dt.datetime) -> Swept:
    """Check as many balances as the time allows: settled are the accounts that were looked at, failed the faults."""
    known = parts()
    end_reading()
    look = Look(db.session(), known.settings, known.catalog, known.gateway, now)
    read_at_one_instant(look.session)
    report, _ = sampled(look.session, look=look, seconds=SECONDS)
    end_reading()
    for fault in report.faults:
        log.error("ledger fault", rule=fault.rule, account_id=fault.account_id, sentence=fault.sentence)
    return Swept(settled=report.accounts, failed=len(report.faults))
