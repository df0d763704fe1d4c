"""Setting and dropping spend limits: the only writers of them."""

import datetime as dt

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from webapp.ledger.accounts import locked
from webapp.ledger.checks import check_key_id
from webapp.ledger.errors import InvalidRequest, LimitAlreadyReached
from webapp.ledger.expiry import expire
from webapp.ledger.limits.counting import counted_again, keep
from webapp.ledger.limits.facts import LimitStanding, SpendLimit
from webapp.ledger.limits.windows import window_of
from webapp.ledger.models import LIMIT_PERIODS, MAX_OPERATION_CREDITS, accounts, limit_windows, spend_limits

_KEY = ("account_id", "key_id", "period")
_DROP_WINDOWS, _DROP = (
    delete(table).where(*(table.c[name] == bindparam(f"of_{name}") for name in _KEY))
    for table in (limit_windows, spend_limits)
)
_NUMBER = select(func.count()).where(spend_limits.c.account_id == bindparam("of_account_id")).scalar_subquery()
_COUNT = update(accounts).where(accounts.c.id == bindparam("of_account_id")).values(limits=_NUMBER, has_changed=True)


def set_limit(
    session: Session, account_id: int, limit: SpendLimit, *, may_stop_now: bool, now: dt.datetime
) -> LimitStanding:
    """Set a limit of the account or of one of its keys, in place of the one for the same period; how it stands.

    Locks the account, writes down what is due. What was used and held since the present day, week or month began counts
    at once. Whether the key is the account's own is for the caller to know.
    Raises LimitAlreadyReached (facts: limit, used, held) if the limit pauses, nothing is left of it and `may_stop_now`
    is false; InvalidRequest for a key, a period or credits that no limit can have; UnknownAccount.
    """
    _check(limit)
    account = locked(session, account_id)
    expire(session, account_id, now=now)
    window = window_of(limit.period, now, account.time_zone)
    used, held = counted_again(session, account_id, limit, window)
    standing = LimitStanding(limit, window, used, held, is_stored=False)
    if limit.pauses and standing.is_reached and not may_stop_now:
        raise LimitAlreadyReached(
            f"{standing.counted:,} credits count toward this limit already, so usage would stop at once.",
            limit=limit.credits,
            used=used,
            held=held,
        )
    _drop(session, account_id, limit.key_id, limit.period)
    told = {name: getattr(limit, name) for name in SpendLimit.__dataclass_fields__}
    session.execute(insert(spend_limits).values(account_id=account_id, changed_at=now, **told))
    keep(session, account_id, standing, now=now)
    session.execute(_COUNT, {"of_account_id": account_id})
    return standing


def drop_limit(session: Session, account_id: int, *, key_id: int, period: str) -> bool:
    """Let a limit be no more; whether there was one. Locks the account. Raises UnknownAccount."""
    locked(session, account_id)
    is_dropped = _drop(session, account_id, key_id, period)
    session.execute(_COUNT, {"of_account_id": account_id})
    return is_dropped


def drop_limits_of_key(session: Session, account_id: int, key_id: int) -> None:
    """Let the limits of an API key be no more, for it is used no more. Locks the account. Raises UnknownAccount."""
    if not locked(session, account_id).limits:
        return
    for period in LIMIT_PERIODS:
        _drop(session, account_id, key_id, period)
    session.execute(_COUNT, {"of_account_id": account_id})


def _check(limit: SpendLimit) -> None:
    check_key_id(limit.key_id)
    if limit.period not in LIMIT_PERIODS:
        raise InvalidRequest(f"The period of a limit must be one of {', '.join(LIMIT_PERIODS)}.")
    if type(limit.credits) is not int or not 1 <= limit.credits <= MAX_OPERATION_CREDITS:
        raise InvalidRequest(
            f"A limit is a whole number of credits from 1 to {MAX_OPERATION_CREDITS:,}.", largest=MAX_OPERATION_CREDITS
        )


def _drop(session: Session, account_id: int, key_id: int, period: str) -> bool:
    given = {"of_account_id": account_id, "of_key_id": key_id, "of_period": period}
    session.execute(_DROP_WINDOWS, given)
    return session.execute(_DROP.returning(spend_limits.c.period), given).first() is not None
