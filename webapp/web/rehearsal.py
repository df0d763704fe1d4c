"""Rehearsing a change: what it would answer, seen by doing it and taking everything back.

So a preview can't say anything else than what then happens.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from webapp.extensions import transact

T = TypeVar("T")


class _Rehearsed(Exception):  # no error: it ends the transaction
    """Carries the answer out of a transaction that must not commit."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer


def rehearsed(work: Callable[[Session], T]) -> T:
    """What `work` answers, with nothing of it written. It takes the locks it takes, for as long as it runs."""

    def act(session: Session) -> T:
        raise _Rehearsed(work(session))

    try:
        return transact(act)
    except _Rehearsed as ended:
        return ended.answer  # type: ignore[return-value]  # what `work` gave it
