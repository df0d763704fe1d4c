"""Counting and summing what a filter of the history means, without walking through it. Read only."""

import datetime as dt

from sqlalchemy import BigInteger, cast, func, select, text
from sqlalchemy.orm import Session

from webapp.ledger.history import INDEXED, Conditions, conditions_of
from webapp.ledger.models import entries
from webapp.ledger.spans import first_since

# Longer sums are not worked out for a page.
SUMMED_AT_ONCE = 10_000
_ALL = "transactions"


def count_entries(
    session: Session,
    account_id: int,
    *,
    type: str,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    before_seq: int,
) -> int:
    """How many entries a filter means, search aside. Frequent kinds are counted by their numbers, which have no gaps.

    `before_seq` is at most one more than the newest. Raises InvalidRequest.
    """
    if type in INDEXED:
        chosen = conditions_of(session, account_id, type=type, since=since, until=until, before_seq=before_seq)
        return _counted(session, account_id, chosen)
    first = 1 if since is None else first_since(session, account_id, since)
    end = before_seq if until is None else min(before_seq, first_since(session, account_id, until))
    in_all = max(0, end - first)
    if type == _ALL:
        return in_all
    within = [entries.c.seq >= first, entries.c.seq < end]
    others = sorted(set(INDEXED.values()))
    return in_all - sum(_counted(session, account_id, [text(f"entries.{other}"), *within]) for other in others)


def change_since(session: Session, account_id: int, *, type: str, since: dt.datetime, before_seq: int) -> int | None:
    """By how much the entries of a type, older than entry `before_seq`, have changed the balance from `since` on.

    None where that would mean adding up too many. Raises InvalidRequest.
    """
    if type == _ALL:
        return _between_balances(session, account_id, first_since(session, account_id, since), before_seq)
    conditions = conditions_of(session, account_id, type=type, since=since, until=None, before_seq=before_seq)
    summed = select(entries.c.credits).where(entries.c.account_id == account_id, *conditions)
    newest = summed.order_by(entries.c.seq.desc()).limit(SUMMED_AT_ONCE).subquery()
    change = cast(func.coalesce(func.sum(newest.c.credits), 0), BigInteger)
    number, changed = session.execute(select(func.count(), change).select_from(newest)).one()
    return None if number == SUMMED_AT_ONCE else int(changed)


def _between_balances(session: Session, account_id: int, first: int, end: int) -> int:
    """The balance runs along all entries: what lies between two of them is the difference."""
    if first >= end:
        return 0
    balances = select(entries.c.seq, entries.c.balance_after - entries.c.credits)
    chosen = balances.where(entries.c.account_id == account_id, entries.c.seq.in_([first, end]))
    before = dict(session.execute(chosen).all())
    return int(before[end] - before[first])


def _counted(session: Session, account_id: int, conditions: Conditions) -> int:
    chosen = select(func.count()).select_from(entries).where(entries.c.account_id == account_id, *conditions)
    return session.scalar(chosen) or 0
