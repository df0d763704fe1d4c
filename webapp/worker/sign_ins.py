"""Forget old failed sign-ins, and login links that have ended unused."""

import datetime as dt

from webapp.extensions import transact
from webapp.people.links import prune_login_links
from webapp.people.throttle import prune_failures
from webapp.worker.sweeps import Swept


def sweep_sign_in_failures(now: dt.datetime) -> Swept:
    """Delete the failures that no limit counts any more."""
    return Swept(settled=transact(lambda session: prune_failures(session, now=now)))


def sweep_login_links(now: dt.datetime) -> Swept:
    """Delete the login links that nobody can follow any more."""
    return Swept(settled=transact(lambda session: prune_login_links(session, now=now)))
