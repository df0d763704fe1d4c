"""Writing to a ledger from a test, in one line."""

import datetime as dt
from itertools import count
from typing import Any

from webapp.extensions import transact
from webapp.ledger import operations
from webapp.ledger.operations import Posted
from webapp.orm import utc_now

NUMBERS = count(1)


def grant(account_id: int, credits: int, kind: str = "purchased", **more: Any) -> Posted:
    number = next(NUMBERS)
    facts = {"key": f"test:{number}", "source_kind": "test", "source_id": str(number), "now": utc_now()} | more
    return transact(lambda session: operations.grant(session, account_id, kind=kind, credits=credits, **facts))


def spend(account_id: int, credits: int, **more: Any) -> Posted:
    facts = {"key": f"test:{next(NUMBERS)}", "now": utc_now()} | more
    return transact(lambda session: operations.spend(session, account_id, credits=credits, **facts))


def hold(account_id: int, credits: int, **more: Any) -> Posted:
    facts = {"key": f"test:{next(NUMBERS)}", "actor_kind": "user", "now": utc_now()} | more
    return transact(lambda session: operations.hold(session, account_id, credits=credits, **facts))


def spends(account_id: int, credits: list[int]) -> None:
    """Many spends in one transaction."""

    def work(session):
        for number in credits:
            operations.spend(session, account_id, credits=number, key=f"test:{next(NUMBERS)}", now=utc_now())

    transact(work)


def lapsing_grant(account_id: int, credits: int, kind: str = "bonus", *, minutes_ago: int = 5) -> Posted:
    """Credits that expired some minutes ago and that no writer has met since."""
    now = utc_now()
    expired_at = now - dt.timedelta(minutes=minutes_ago)
    return grant(account_id, credits, kind, expires_at=expired_at, now=now - dt.timedelta(hours=1))
