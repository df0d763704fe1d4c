"""Look hourly whether Stripe has anything that never came here, and make it whole."""

import datetime as dt

from webapp.extensions import parts
from webapp.web.reconcile import reconcile
from webapp.worker.sweeps import Swept

# The other sweeps wait meanwhile. What isn't done by then is gone on with in the next run.
SECONDS = 300.0


def sweep_reconcile(now: dt.datetime) -> Swept:
    """Reconcile since the last run: what differed is settled, what broke or could not be asked has failed."""
    if parts().gateway is None:
        return Swept()
    report = reconcile(started_by="worker", now=now, seconds=SECONDS)
    is_cut_short = report.state == "stopped" and report.reason != "time"
    return Swept(settled=report.findings, failed=report.failed + int(is_cut_short))
