"""Faults for tests of our own application: what the next calls to the simulated Stripe run into.

Kept in this process's memory; nothing arms it but a test.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from stripe import APIConnectionError

from webapp.simulator.answers import Answer, Headers

UNREACHABLE = (
    "Unexpected error communicating with Stripe.  If this problem persists,\nlet us know at support@stripe.com."
)


@dataclass(frozen=True)
class Fault:
    """What goes wrong once, at one method and path (`{id}` stands for any id).

    `happens` gets the request as a function without arguments.
    """

    method: str
    path: str
    happens: Callable[[Callable[[], Answer]], Answer]

    def meets(self, method: str, path: str) -> bool:
        """Whether this call runs into it."""
        pattern = re.escape(self.path).replace(r"\{id\}", "[^/]+")
        return self.method == method and re.fullmatch(pattern, path) is not None


class Faults:
    """The faults to come, oldest first. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Fault] = []

    def answer(self, method: str, path: str, *, status: int, times: int = 1) -> None:
        """The next `times` calls are answered with this status (500, 429, …) and have no effect.

        Not kept under the idempotency key: it stands for a fault in front of Stripe's own code.
        """
        for _ in range(times):
            self._add(Fault(method, path, lambda _: _failed(status)))

    def refuse_connection(self, method: str, path: str, *, times: int = 1) -> None:
        """The next `times` calls never reach Stripe."""
        for _ in range(times):
            self._add(Fault(method, path, _unreachable))

    def lose_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """The next `times` calls have their effect, and the answer is lost to a time-out."""
        for _ in range(times):
            self._add(Fault(method, path, _timed_out))

    def take(self, method: str, path: str) -> Fault | None:
        """The fault this call runs into, removed from those to come."""
        with self._lock:
            for fault in self._coming:
                if fault.meets(method, path):
                    self._coming.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        """Forget the faults that did not come."""
        with self._lock:
            self._coming.clear()

    @property
    def coming(self) -> int:
        """How many faults have not been run into; a test that armed one and meets it ends at 0."""
        with self._lock:
            return len(self._coming)

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._coming.append(fault)


def _failed(status: int) -> Answer:
    kind = "api_error" if status >= 500 else "invalid_request_error"
    error = {"type": kind, "message": f"A fault of status {status}, put there by a test."}
    if status == 429:
        error["code"] = "rate_limit"
    return Answer(status, json.dumps({"error": error}), Headers({"Request-Id": "req_simfault"}))


def _unreachable(_: Callable[[], Answer]) -> Answer:
    raise _network_error("ConnectionError: refused")


def _timed_out(call: Callable[[], Answer]) -> Answer:
    call()
    raise _network_error("ReadTimeout: Read timed out.")


def _network_error(what: str) -> APIConnectionError:
    # As RequestsClient raises it, so that the SDK retries it.
    text = f"{UNREACHABLE}\n\n(Network error: {what})"
    return APIConnectionError(text, should_retry=True)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
