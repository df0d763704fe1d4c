"""How the limits of an account stand, for whoever shows them. Never writes, never locks."""

import datetime as dt

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.ledger.accounts import possible_id, unknown_account
from webapp.ledger.limits.counting import standings
from webapp.ledger.limits.facts import LimitStanding
from webapp.ledger.models import accounts

_ZONE = select(accounts.c.time_zone).where(accounts.c.id == bindparam("of_account"))


def limit_standings(
    session: Session, account_id: int, *, time_zone: str | None = None, now: dt.datetime
) -> list[LimitStanding]:
    """Every limit of the account with its present window: those of the whole account first, then by key.

    What is due counts until its entries are written. `time_zone` is the account's, looked up if it is not given. One
    query, two more for each window that nobody has counted in yet. Raises UnknownAccount.
    """
    if time_zone is None:
        time_zone = session.scalar(_ZONE, {"of_account": possible_id(account_id)})
    if time_zone is None:
        raise unknown_account(account_id)
    return standings(session, account_id, time_zone=time_zone, now=now)
