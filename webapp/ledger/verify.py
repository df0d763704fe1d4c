"""Checking the ledger against itself. Reads only: it names what is wrong and never repairs it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.orm import Session

from webapp.ledger.accounts import possible_id, unknown_account
from webapp.ledger.invariants import INVARIANTS, Invariant
from webapp.ledger.models import accounts, entries
from webapp.ledger.scoping import scoped

MAX_ROWS_PER_RULE = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a rule is broken: the account, the entry (or the entry that made the lot or hold), and both numbers."""

    account_id: int
    seq: int | None
    rule: str
    expected: int
    found: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked when, and every fault. `is_complete` is False when a rule was broken in over 100 rows."""

    checked_at: dt.datetime
    accounts: int
    entries: int
    faults: tuple[Fault, ...]
    is_complete: bool


def read_at_one_instant(session: Session) -> None:
    """Make the session's reads agree with each other while others write. Its transaction must not have begun."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def verify(session: Session, account_id: int | None = None, *, now: dt.datetime) -> Report:
    """Check every invariant for one account, or for all, and answer what is broken.

    Others may write meanwhile only if the session sees one instant (`read_at_one_instant`). Raises UnknownAccount.
    """
    if account_id is not None:
        possible_id(account_id)
    checked_accounts, checked_entries = _counts(session, account_id)
    if account_id is not None and not checked_accounts:
        raise unknown_account(account_id)
    found = {invariant: _broken(session, invariant, account_id) for invariant in INVARIANTS}
    return Report(
        checked_at=now,
        accounts=checked_accounts,
        entries=checked_entries,
        faults=tuple(fault for invariant, rows in found.items() for row in rows for fault in _faults(invariant, row)),
        is_complete=all(len(rows) < MAX_ROWS_PER_RULE for rows in found.values()),
    )


def _counts(session: Session, account_id: int | None) -> tuple[int, int]:
    numbers = (
        select(func.count())
        .select_from(table)
        .where(column == account_id if account_id is not None else text("1 = 1"))
        .scalar_subquery()
        for table, column in ((accounts, accounts.c.id), (entries, entries.c.account_id))
    )
    row = session.execute(select(*numbers)).one()
    return row[0], row[1]


def _broken(session: Session, invariant: Invariant, account_id: int | None) -> list[RowMapping]:
    statement = text(f"{scoped(invariant.sql, is_one=account_id is not None)} LIMIT {MAX_ROWS_PER_RULE}")
    bound = {} if account_id is None else {"account": account_id}
    return list(session.execute(statement, bound).mappings())


def _faults(invariant: Invariant, row: RowMapping) -> Iterator[Fault]:
    names = [column.removeprefix("expected_") for column in row if column.startswith("expected_")]
    for name in names:
        expected, found = int(row[f"expected_{name}"]), int(row[f"found_{name}"])
        if expected != found:
            words = invariant.sentence.format(**{**row, "name": name, "expected": expected, "found": found})
            yield Fault(row["account_id"], row["seq"], invariant.rule, expected, found, f"{_where(row)}: {words}.")


def _where(row: RowMapping) -> str:
    place = f"Account {row['account_id']}"
    return place if row["seq"] is None else f"{place}, entry {row['seq']}"
