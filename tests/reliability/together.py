"""Many at the server's door from the same moment on."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Answered = TypeVar("Answered")


def all_at_once(works: Sequence[Callable[[], Answered]]) -> list[Answered]:
    """Run each in a thread of its own, from the same moment on; their answers."""
    together = Barrier(len(works), timeout=30)

    def run(work: Callable[[], Answered]) -> Answered:
        together.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))
