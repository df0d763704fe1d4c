"""Reading what operators did, newest first, in pages by key: of one account, or of all."""

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from webapp.operators.acts import Act, act_of
from webapp.operators.models import OperatorAct
from webapp.people.models import User

ACTS_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class ActLine:
    """An act with the names of who did it and whose account it was; `of` is empty where nobody signs in to that."""

    act: Act
    by: str
    of: str


@dataclass(frozen=True, slots=True)
class Acts:
    """One page of acts. `next_after` is the id of the act after which the list goes on, None at its end."""

    lines: tuple[ActLine, ...]
    next_after: str | None


def acts(
    session: Session, account_id: int | None = None, *, after: str | None = None, limit: int = ACTS_AT_ONCE
) -> Acts:
    """The newest acts on an account, or on all. `after` continues a list; an act nobody knows continues none."""
    chosen = select(OperatorAct)
    if account_id is not None:
        chosen = chosen.where(OperatorAct.account_id == account_id)
    if after is not None:
        acted_at = select(OperatorAct.acted_at).where(OperatorAct.id == after).scalar_subquery()
        earlier = and_(OperatorAct.acted_at == acted_at, OperatorAct.id < after)
        chosen = chosen.where(or_(OperatorAct.acted_at < acted_at, earlier))
    newest_first = chosen.order_by(OperatorAct.acted_at.desc(), OperatorAct.id.desc())
    rows = list(session.scalars(newest_first.limit(limit + 1)))
    page = rows[:limit]
    return Acts(_lines(session, page), page[-1].id if len(rows) > limit else None)


def act_called(session: Session, act_id: str) -> ActLine | None:
    """The act of this id, or None."""
    row = session.scalar(select(OperatorAct).where(OperatorAct.id == act_id))
    return _lines(session, [row])[0] if row else None


def _lines(session: Session, rows: list[OperatorAct]) -> tuple[ActLine, ...]:
    by_id = dict(
        session.execute(select(User.id, User.email).where(User.id.in_({row.operator_id for row in rows}))).all()
    )
    owners = select(User.account_id, User.email).where(User.account_id.in_({row.account_id for row in rows}))
    of_account = dict(session.execute(owners.order_by(User.id.desc())).all())  # the first of several is the last here
    return tuple(ActLine(act_of(row), by_id[row.operator_id], of_account.get(row.account_id, "")) for row in rows)
