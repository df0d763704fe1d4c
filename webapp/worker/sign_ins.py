"""Forget old failed sign-ins."""

import datetime as dt

from webapp.extensions import transact
from webapp.people.throttle import prune_failures
from webapp.worker.sweeps import Swept


def sweep_sign_in_failures(now: dt.datetime) -> Swept:
    """Delete the failures that no limit counts any more."""
    return Swept(settled=transact(lambda session: prune_failures(session, now=now)))
