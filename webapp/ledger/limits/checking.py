"""Whether limits let credits go, and counting them once they went. The caller holds the account's lock.

Pure: the windows stand on the account's sheet.
"""

from collections.abc import Iterable

from webapp.ledger.errors import SpendLimitReached
from webapp.ledger.limits.facts import LimitStanding


def refuse_above_limits(standings: Iterable[LimitStanding], account_id: int, credits: int, *, key_id: int) -> None:
    """Raise SpendLimitReached if a limit that pauses has less left than an API key (0: none) asks for.

    Of several it tells the one that starts anew last, for it decides how long to wait.
    """
    full = [one for one in standings if one.concerns(key_id) and one.limit.pauses and one.left < credits]
    if full:
        raise SpendLimitReached(account_id, max(full, key=lambda one: one.window.ends_at), needed=credits)


def count_taken(standings: Iterable[LimitStanding], credits: int, *, key_id: int) -> None:
    """Count credits that an API key (0: none) spends or holds: the next line of a batch has less left."""
    for one in standings:
        if one.concerns(key_id):
            one.used += credits
