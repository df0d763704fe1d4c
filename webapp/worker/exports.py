"""Forget exports of the history that ended long ago."""

import datetime as dt

from webapp.exports.records import prune_exports
from webapp.extensions import transact
from webapp.worker.sweeps import Swept


def sweep_exports(now: dt.datetime) -> Swept:
    """Delete the rows that tell how far they came."""
    return Swept(settled=transact(lambda session: prune_exports(session, now=now)))
