"""Whether a limit lets credits go. Pure; the caller holds the account's lock and has counted the windows."""

from collections.abc import Iterable

from webapp.ledger.errors import SpendLimitReached
from webapp.ledger.limits.facts import LimitStanding


def take_from_limits(standings: Iterable[LimitStanding], account_id: int, credits: int, *, key_id: int) -> None:
    """Count credits that an API key (0: none) is about to spend or hold in the windows that it counts in.

    Raises SpendLimitReached, and has counted nothing, if a limit that pauses has less left; of several the one that
    starts anew last, for it decides how long to wait.
    """
    concerned = [one for one in standings if one.limit.key_id in {0, key_id}]
    full = [one for one in concerned if one.limit.pauses and one.left < credits]
    if full:
        raise SpendLimitReached(account_id, max(full, key=lambda one: one.window.ends_at), needed=credits)
    for one in concerned:
        one.used += credits
