"""Acts: what an operator does to an account, in one transaction with the row that says so. Knows no HTTP.

A row is never changed: what was done is undone by another act.
"""

import datetime as dt
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.ledger import operations, queries
from webapp.operators.errors import FormKeyMissing, FormUsed, ReasonMissing
from webapp.operators.models import OperatorAct
from webapp.operators.texts import clean_text

MOST_REASON_CHARACTERS = 500
LONGEST_FORM_KEY = 64

Facts = dict[str, Any]
Change = Callable[[], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What every act has: who acts, on which account, why, and the one-time key of the form that was sent."""

    operator_id: int
    account_id: int
    reason: str
    form_key: str
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Act:
    """An act as it is written down: see `models.OperatorAct`."""

    id: str
    account_id: int
    operator_id: int
    act: str
    reason: str
    facts: Facts
    before: Facts
    after: Facts
    entry_seqs: tuple[int, ...]
    form_key: str
    acted_at: dt.datetime
    is_again: bool = False


def perform(
    session: Session,
    asked: Asked,
    act: str,
    facts: Mapping[str, Any],
    *,
    look: Callable[[], Facts],
    change: Change,
) -> Act:
    """Do `change` to the account and write down who, why, and what `look` tells before and after it.

    Locks the account. `facts` is what was asked for and, like what `look` tells, ready for JSON; `change` answers the
    numbers of the entries it wrote. The same form sent again does nothing and answers the first act (`is_again`).
    Raises ReasonMissing, FormKeyMissing, FormUsed when the form did something else, UnknownAccount, and what `change`
    raises.
    """
    asked = checked(asked)
    operations.lock_account(session, asked.account_id)
    done = act_of_form(session, asked.account_id, asked.form_key)
    if done is not None:
        return _again(done, act, asked.reason, dict(facts))
    before = look()
    entry_seqs = list(change())
    session.flush()
    return write_down(session, asked, act, facts, before=before, after=look(), entry_seqs=entry_seqs)


def write_down(
    session: Session,
    asked: Asked,
    act: str,
    facts: Mapping[str, Any],
    *,
    before: Facts,
    after: Facts,
    entry_seqs: Sequence[int] = (),
) -> Act:
    """Add the row of an act that is done elsewhere in this transaction. The caller holds the account's lock.

    Raises ReasonMissing, FormKeyMissing, and FormUsed when the form has done an act already.
    """
    asked = checked(asked)
    done = act_of_form(session, asked.account_id, asked.form_key)
    if done is not None:
        raise FormUsed(done.id)
    row = OperatorAct(
        account_id=asked.account_id,
        id=secrets.token_hex(8),
        operator_id=asked.operator_id,
        act=act,
        reason=asked.reason,
        facts=dict(facts),
        before=before,
        after=after,
        entry_seqs=list(entry_seqs),
        form_key=asked.form_key,
        acted_at=asked.now,
    )
    session.add(row)
    session.flush()
    return act_of(row)


def credits_of(session: Session, account_id: int, *, now: dt.datetime) -> Facts:
    """What an act on credits may change: the parts of the balance."""
    found = queries.balance(session, account_id, now=now)
    return {name: getattr(found, name) for name in ("balance", "available", "held", "frozen", "debt")}


def checked(asked: Asked) -> Asked:
    """The same with its reason as it is written down. Raises ReasonMissing and FormKeyMissing."""
    form_key = asked.form_key
    if not (1 <= len(form_key) <= LONGEST_FORM_KEY and form_key.isascii() and form_key.isprintable()):
        raise FormKeyMissing
    return replace(asked, reason=clean_reason(asked.reason))


def clean_reason(text: str) -> str:
    """A reason as it is written down. Raises ReasonMissing."""
    reason = clean_text(text, most_characters=MOST_REASON_CHARACTERS)
    if not reason:
        raise ReasonMissing(f"Say why, in 1 to {MOST_REASON_CHARACTERS} characters. The customer doesn't see it.")
    return reason


def act_of(row: OperatorAct, *, is_again: bool = False) -> Act:
    """The row as facts."""
    return Act(
        id=row.id,
        account_id=row.account_id,
        operator_id=row.operator_id,
        act=row.act,
        reason=row.reason,
        facts=row.facts,
        before=row.before,
        after=row.after,
        entry_seqs=tuple(row.entry_seqs),
        form_key=row.form_key,
        acted_at=row.acted_at,
        is_again=is_again,
    )


def act_of_form(session: Session, account_id: int, form_key: str) -> OperatorAct | None:
    """The act that a form with this one-time key has done on the account, or None."""
    of_form = (OperatorAct.account_id == account_id, OperatorAct.form_key == form_key)
    return session.scalar(select(OperatorAct).where(*of_form))


def _again(done: OperatorAct, act: str, reason: str, facts: Facts) -> Act:
    if (done.act, done.reason, done.facts) != (act, reason, facts):
        raise FormUsed(done.id)
    return act_of(done, is_again=True)
