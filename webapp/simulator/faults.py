"""Faults for tests of our own application: what the next calls to the simulated Stripe run into.

Kept in the simulator's file, so that the control room arms them for every process. Knows how Stripe and the network
fail; must not know what a call would have done.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stripe import APIConnectionError

from webapp.simulator.answers import Answer, Headers
from webapp.simulator.store import State, Store

UNREACHABLE = (
    "Unexpected error communicating with Stripe.  If this problem persists,\nlet us know at support@stripe.com."
)
ANY = "*"

Kind = Literal["answer", "broken", "refused", "reset", "lost_request", "lost_answer", "slow"]
NETWORK = {
    "refused": "ConnectionError: [Errno 111] Connection refused",
    "reset": "ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
    "lost_request": "ReadTimeout: Read timed out.",  # word for word the same: nobody can tell which it was
    "lost_answer": "ReadTimeout: Read timed out.",
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong at one method and path (`{id}` stands for any id, `*` for everything).

    `amount` is the status of an answer, the seconds of a slow one. `times_left` counts the calls that will meet it.
    """

    id: int
    method: str
    path: str
    kind: Kind
    amount: float
    times_left: int
    times_met: int

    def meets(self, method: str, path: str) -> bool:
        """Whether this call runs into it."""
        pattern = re.escape(self.path).replace(r"\{id\}", "[^/]+").replace(r"\*", ".*")
        return self.method in {method, ANY} and re.fullmatch(pattern, path) is not None

    def happens(self, call: Callable[[], Answer]) -> Answer:
        """Let it happen to `call`; raises what the SDK's own HTTP client raises when there is no answer."""
        if self.kind == "answer":
            return _failed(int(self.amount))
        if self.kind == "slow":
            time.sleep(self.amount)
            return call()
        if self.kind == "lost_answer":
            call()
        raise _network_error(NETWORK[self.kind])


class Faults:
    """The faults to come, oldest first. Safe for several threads and processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, method: str, path: str, *, status: int, times: int = 1) -> None:
        """The next `times` calls are answered with this status (500, 429, …) and have no effect.

        Not kept under the idempotency key: it stands for a fault in front of Stripe's own code.
        """
        self.arm(method, path, "answer", amount=status, times=times)

    def break_down(self, method: str, path: str, *, times: int = 1) -> None:
        """The next `times` calls fail inside Stripe: 500 without effect, kept and replayed under the idempotency key.

        https://docs.stripe.com/api/idempotent_requests
        """
        self.arm(method, path, "broken", times=times)

    def refuse_connection(self, method: str, path: str, *, times: int = 1) -> None:
        """The next `times` calls never reach Stripe."""
        self.arm(method, path, "refused", times=times)

    def reset(self, method: str, path: str, *, times: int = 1) -> None:
        """The connection of the next `times` calls breaks before Stripe has done anything."""
        self.arm(method, path, "reset", times=times)

    def lose_request(self, method: str, path: str, *, times: int = 1) -> None:
        """The next `times` calls run into a time-out and have no effect."""
        self.arm(method, path, "lost_request", times=times)

    def lose_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """The next `times` calls have their effect, and the answer is lost to a time-out."""
        self.arm(method, path, "lost_answer", times=times)

    def slow(self, method: str, path: str, *, seconds: float, times: int = 1) -> None:
        """The next `times` calls are answered after this long."""
        self.arm(method, path, "slow", amount=seconds, times=times)

    def arm(self, method: str, path: str, kind: Kind, *, amount: float = 0, times: int = 1) -> None:
        """Let the next `times` calls of this method and path run into a fault."""
        with self._store.writing() as state:
            state.rows(
                "INSERT INTO sim_fault (method, path, kind, amount, times_left) VALUES (?, ?, ?, ?, ?)",
                method, path, kind, amount, times,
            )  # fmt: skip

    def take(self, method: str, path: str) -> Fault | None:
        """The fault this call runs into, once less to come. Writes nothing when there is none."""
        with self._store.reading() as state:
            if not _meeting(state, method, path):
                return None
        with self._store.writing() as state:
            for fault in _meeting(state, method, path):  # again: another process may have been quicker
                sql = "UPDATE sim_fault SET times_left = times_left - 1, times_met = times_met + 1 WHERE id = ?"
                state.rows(sql, fault.id)
                return fault
        return None

    def armed(self) -> list[Fault]:
        """Every fault since the last `clear`, also those that were met as often as they should."""
        with self._store.reading() as state:
            return _read(state)

    def clear(self) -> None:
        """Forget the faults, those that did not come too."""
        with self._store.writing() as state:
            state.rows("DELETE FROM sim_fault")

    @property
    def coming(self) -> int:
        """How many faults have not been run into; a test that armed one and meets it ends at 0."""
        return sum(fault.times_left for fault in self.armed())


def _read(state: State) -> list[Fault]:
    return [Fault(*row) for row in state.rows("SELECT * FROM sim_fault ORDER BY id")]


def _meeting(state: State, method: str, path: str) -> list[Fault]:
    return [fault for fault in _read(state) if fault.times_left and fault.meets(method, path)]


def _failed(status: int) -> Answer:
    kind = "api_error" if status >= 500 else "invalid_request_error"
    error = {"type": kind, "message": f"A fault of status {status}, put there on purpose."}
    if status == 429:
        error["code"] = "rate_limit"
    return Answer(status, json.dumps({"error": error}), Headers({"Request-Id": "req_simfault"}))


def _network_error(what: str) -> APIConnectionError:
    # As RequestsClient raises it, so that the SDK retries it.
    text = f"{UNREACHABLE}\n\n(Network error: {what})"
    return APIConnectionError(text, should_retry=True)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
