"""Reserving credits under a key that may come again, whatever became of its first hold."""

import datetime as dt
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from webapp.extensions import transact
from webapp.ledger import operations, queries
from webapp.orm import utc_now
from webapp.web.refusals import KeyWornOut

LASTS_SECONDS = 15 * 60
MOST_TRIES = 20  # of one key, each of which came to nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be reserved, of which account, and what History will say of it."""

    account_id: int
    credits: int
    meter: str = ""
    quantity: int | None = None
    key_id: int = 0
    description: str = ""
    lasts_seconds: int = LASTS_SECONDS


@dataclass(frozen=True, slots=True)
class Reserved:
    """The hold of a key: its number, what has become of it, and whether it was made just now."""

    seq: int
    state: str
    is_new: bool


def reserve(asked: Asked, *, key: str) -> Reserved:
    """Hold the credits, or find the hold that the key has made before, in one short transaction.

    A hold that was released or has expired charged nothing, so its key may hold again. To the ledger it is `app:key`,
    then `app#2:key`, `app#3:key`, …, so that no key is another's second try.
    Raises what `operations.hold` raises, and KeyWornOut after MOST_TRIES of these.
    """
    return transact(partial(_reserve, asked=asked, key=key, now=utc_now()))


def _reserve(session: Session, *, asked: Asked, key: str, now: dt.datetime) -> Reserved:
    for number in range(1, MOST_TRIES + 1):
        posted = operations.hold(
            session,
            asked.account_id,
            credits=asked.credits,
            key=f"app:{key}" if number == 1 else f"app#{number}:{key}",
            lasts_seconds=asked.lasts_seconds,
            description=asked.description,
            meter=asked.meter,
            quantity=asked.quantity,
            key_id=asked.key_id,
            now=now,
        )
        found = queries.hold(session, asked.account_id, posted.entry.seq, now=now) if posted.replayed else posted.hold
        if found is not None and found.state in {"open", "captured"}:
            return Reserved(found.seq, found.state, is_new=not posted.replayed)
    raise KeyWornOut(f"This key was tried {MOST_TRIES} times without success. Send a new one.")
