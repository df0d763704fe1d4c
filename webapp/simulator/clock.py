"""The simulated account's clock: the machine's, and how far somebody has moved it ahead.

The move is kept in the simulator's file, so every process of the application follows it. It is only ever moved ahead:
what has been written with a later time can't be unwritten. Must not know what becomes due.
"""

import calendar
import datetime as dt
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, get_args

from webapp.simulator.store import State, Store

# How the payment of a renewal goes that becomes due because the clock was moved; `card`: as the card does.
RenewalCourse = Literal["card", "paid", "failed", "asks"]
RENEWAL_COURSES: tuple[RenewalCourse, ...] = get_args(RenewalCourse)

READ_EVERY_SECONDS = 0.2  # `utc_now` is called many times in a request; other processes follow within this time


class Clock:
    """Unix seconds of one simulated account. `machine` is the clock that was not moved."""

    def __init__(self, store: Store, machine: Callable[[], int]) -> None:
        self._store = store
        self._machine = machine
        self._ahead_seconds = 0
        self._read_at: float | None = None

    def __call__(self) -> int:
        """The present second."""
        return self._machine() + self.ahead_seconds

    @property
    def ahead_seconds(self) -> int:
        """How far it was moved. The file is read a few times a second at most, and not made."""
        age_seconds = time.monotonic() - (self._read_at or 0.0)
        if self._read_at is None or not 0 <= age_seconds < READ_EVERY_SECONDS:
            self._ahead_seconds = self._read()
            self._read_at = time.monotonic()
        return self._ahead_seconds

    def shift(self) -> dt.timedelta:
        """How far it was moved, for `orm.run_ahead`."""
        return dt.timedelta(seconds=self.ahead_seconds)

    def move(self, seconds: int, course: RenewalCourse, *, seen: int | None = None) -> bool:
        """Move it ahead; whether it was. Renewals that become due by this go as `course` says.

        `seen` is how far it had been moved as the person saw it: a form that is sent twice moves it once.
        """
        if seconds < 0:
            raise ValueError("The clock goes ahead only.")
        with self._store.writing() as state:
            present = _ahead_seconds(state)
            if seen is not None and seen != present:
                return False
            ahead_seconds = present + seconds
            sql = "INSERT OR REPLACE INTO sim_clock (one, ahead_seconds, moved_to, course) VALUES (1, ?, ?, ?)"
            state.rows(sql, ahead_seconds, self._machine() + ahead_seconds, course)
        self._ahead_seconds, self._read_at = ahead_seconds, time.monotonic()
        return True

    def _read(self) -> int:
        with suppress(RuntimeError):  # a file of another version: who talks to Stripe is told
            if self._store.path.exists():
                with self._store.reading() as state:
                    return _ahead_seconds(state)
        return 0


def renewal_course(state: State, due_at: int) -> Literal["paid", "failed", "asks"] | None:
    """How the payment of a renewal goes: as the last move said, if it became due by that; else None."""
    for row in state.rows("SELECT course FROM sim_clock WHERE moved_to >= ? AND course <> 'card'", due_at):
        course: Literal["paid", "failed", "asks"] = row["course"]
        return course
    return None


def next_renewal(state: State, *, now: int) -> int | None:
    """When the next period of a living subscription ends; None if no subscription will renew or end."""
    sql = """
        SELECT min(json_extract(item.value, '$.current_period_end')) AS ends_at
        FROM sim_object, json_each(sim_object.json, '$.items.data') AS item
        WHERE sim_object.type = 'subscription'
        AND json_extract(sim_object.json, '$.status') IN ('trialing', 'active', 'past_due')
        AND json_extract(item.value, '$.current_period_end') > ?
    """
    (row,) = state.rows(sql, now)
    return None if row["ends_at"] is None else int(row["ends_at"])


def month_after(now: int) -> int:
    """The same moment of the next month in UTC, or of its last day."""
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return int(moment.replace(year=year, month=month, day=day).timestamp())


def _ahead_seconds(state: State) -> int:
    return next((int(row["ahead_seconds"]) for row in state.rows("SELECT ahead_seconds FROM sim_clock")), 0)
