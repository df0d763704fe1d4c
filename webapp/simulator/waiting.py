"""What waits to be delivered, and what may be done to it before it is sent: hold, reorder, double, drop, spoil.

Knows the rows; must not know how anything is sent. The control room and tests use the same functions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.simulator.events import HOLD, LOST, OUTAGE, RETRY_SECONDS, is_on, plan_delivery
from webapp.simulator.signing import Manner
from webapp.simulator.store import State, Store

DROPPED = "Dropped."
ANSWER_LENGTH = 200
IN_ORDER = "ORDER BY due_at, turn"

COLUMNS = """
    SELECT sim_delivery.id, event_id, sim_event.type, object_id, attempt, retries_left, due_at, turn, manner, is_held
    FROM sim_delivery JOIN sim_event ON sim_event.id = event_id
"""


@dataclass(frozen=True)
class Delivery:
    """One planned attempt to tell the app of one event. `due_at` is in Unix seconds, `turn` orders equal times."""

    id: int
    event_id: str
    event_type: str
    object_id: str
    attempt: int
    retries_left: int
    due_at: int
    turn: int
    manner: Manner
    is_held: bool


class Queue:
    """The attempts of one simulated Stripe that have not been made."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def waiting(self) -> list[Delivery]:
        """Every attempt that is planned, also held ones and those for later, in the order of its time."""
        with self._store.reading() as state:
            return read(state, f"WHERE ended_at IS NULL {IN_ORDER}")

    def due(self, *, now: int) -> list[Delivery]:
        """The attempts whose time has come and that nobody holds."""
        return [delivery for delivery in self.waiting() if delivery.due_at <= now and not delivery.is_held]

    @property
    def is_holding(self) -> bool:
        """Whether everything new is held."""
        with self._store.reading() as state:
            return is_on(state, HOLD)

    def hold_all(self) -> None:
        """Keep back what waits and everything that comes, retries too, until `let_go_all`."""
        with self._store.writing() as state:
            state.rows("INSERT OR IGNORE INTO sim_switch (name) VALUES (?)", HOLD)
            _hold(state, read(state, "WHERE ended_at IS NULL AND is_held = 0"))

    def let_go_all(self) -> None:
        """Hold nothing any more: what waits goes in its order, each at its time."""
        with self._store.writing() as state:
            state.rows("DELETE FROM sim_switch WHERE name = ?", HOLD)
            state.rows("UPDATE sim_delivery SET is_held = 0 WHERE ended_at IS NULL")

    @property
    def is_out(self) -> bool:
        """Whether everything is lost."""
        with self._store.reading() as state:
            return is_on(state, OUTAGE)

    def begin_outage(self, *, now: int) -> None:
        """Lose what waits and everything that comes, retries too, as when Stripe has given up: until `end_outage`."""
        with self._store.writing() as state:
            state.rows("INSERT OR IGNORE INTO sim_switch (name) VALUES (?)", OUTAGE)
            for delivery in read(state, "WHERE ended_at IS NULL"):
                end(state, delivery, None, LOST, now=now)

    def end_outage(self) -> None:
        """Tell the app of what happens from now on. What was lost stays lost, unless somebody sends it again."""
        with self._store.writing() as state:
            state.rows("DELETE FROM sim_switch WHERE name = ?", OUTAGE)

    def hold(self, *deliveries: Delivery) -> None:
        """Keep back these attempts."""
        with self._store.writing() as state:
            _hold(state, deliveries)

    def send(self, *deliveries: Delivery, manner: Manner = "plain", now: int) -> None:
        """Let these attempts go now, in this manner."""
        with self._store.writing() as state:
            for delivery in deliveries:
                sql = "UPDATE sim_delivery SET is_held = 0, due_at = ?, manner = ? WHERE id = ? AND ended_at IS NULL"
                state.rows(sql, now, manner, delivery.id)

    def reverse(self) -> None:
        """Turn the order of what waits around: the last takes the time and the turn of the first."""
        with self._store.writing() as state:
            waiting = read(state, f"WHERE ended_at IS NULL {IN_ORDER}")
            for delivery, slot in zip(waiting, reversed(waiting), strict=True):
                sql = "UPDATE sim_delivery SET due_at = ?, turn = ?, done = done || ' reversed' WHERE id = ?"
                state.rows(sql, slot.due_at, slot.turn, delivery.id)

    def duplicate(self, *deliveries: Delivery, manner: Manner = "plain") -> None:
        """Plan each of these attempts once more, behind everything of its time; held if the first is."""
        with self._store.writing() as state:
            for delivery in deliveries:
                is_held = bool(read(state, "WHERE sim_delivery.id = ? AND is_held", delivery.id))
                planned = plan_delivery(
                    state, delivery.event_id, due_at=delivery.due_at, attempt=delivery.attempt, manner=manner,
                    retries_left=delivery.retries_left, done="duplicate",
                )  # fmt: skip
                _hold(state, read(state, "WHERE sim_delivery.id = ? AND NOT is_held AND ?", planned, is_held))

    def drop(self, *deliveries: Delivery, now: int) -> None:
        """Lose these attempts: nothing is sent and no retry is planned."""
        with self._store.writing() as state:
            for delivery in deliveries:
                end(state, delivery, None, DROPPED, now=now)

    def resend(self, event_id: str, *, manner: Manner = "plain", now: int) -> None:
        """Plan one more attempt by hand, in this manner. Raises LookupError for an unknown event.

        Without retries, as at Stripe; but one that is sent wrong on purpose has the ordinary ones, to be healed by.
        """
        with self._store.writing() as state:
            if not list(state.rows("SELECT 1 FROM sim_event WHERE id = ?", event_id)):
                raise LookupError(f"the simulator has no event {event_id}")
            for row in state.rows("SELECT count(*) AS attempts FROM sim_delivery WHERE event_id = ?", event_id):
                plan_delivery(
                    state, event_id, due_at=now, attempt=row["attempts"] + 1, manner=manner, done="resent",
                    retries_left=0 if manner == "plain" else len(RETRY_SECONDS),
                )  # fmt: skip


def read(state: State, tail: str, *values: object) -> list[Delivery]:
    """Deliveries of the rows that `tail` chooses."""
    rows = state.rows(f"{COLUMNS} {tail}", *values)
    return [Delivery(*(*tuple(row)[:-1], bool(row["is_held"]))) for row in rows]


def end(state: State, delivery: Delivery, status: int | None, text: str, *, now: int) -> bool:
    """Record how an attempt ended; whether it was its first end.

    A second sending of one attempt gets a row of its own; only the first plans retries.
    """
    values = (now, status, text[:ANSWER_LENGTH])
    sql = "UPDATE sim_delivery SET ended_at = ?, status = ?, answer = ? WHERE id = ? AND ended_at IS NULL RETURNING id"
    if list(state.rows(sql, *values, delivery.id)):
        return True
    again = plan_delivery(
        state, delivery.event_id, due_at=now, attempt=delivery.attempt, retries_left=0, manner=delivery.manner,
        done="duplicate",
    )  # fmt: skip
    state.rows("UPDATE sim_delivery SET ended_at = ?, status = ?, answer = ? WHERE id = ?", *values, again)
    return False


def _hold(state: State, deliveries: Iterable[Delivery]) -> None:
    for delivery in deliveries:
        sql = "UPDATE sim_delivery SET is_held = 1, done = done || ' held' WHERE id = ? AND ended_at IS NULL"
        state.rows(sql, delivery.id)
