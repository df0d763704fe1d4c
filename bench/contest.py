"""A contest: two contenders take turns, round after round, so that a noisy moment hits both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 7


@dataclass(frozen=True)
class Contender:
    """Something to measure: `run(count)` does it `count` times; `clock` is what is measured."""

    name: str
    run: Callable[[int], object]


@dataclass(frozen=True)
class Row:
    """One line of the table: medians in microseconds for one operation, and the ratio of ours to the other's."""

    title: str
    ours_us: float
    bare_us: float
    ratio: float
    lowest: float
    highest: float

    def text(self) -> str:
        """The line in Markdown."""
        spread = f"{self.lowest:.2f} to {self.highest:.2f}"
        return f"| {self.title} | {self.ours_us:,.0f} | {self.bare_us:,.0f} | **{self.ratio:.2f}** | {spread} |"


@dataclass(frozen=True)
class Note:
    """Something measured that is no contest: a sentence under the table."""

    sentence: str

    def text(self) -> str:
        """The sentence."""
        return self.sentence


def contest(
    title: str,
    ours: Contender,
    bare: Contender,
    *,
    count: int,
    clock: Callable[[], float] = time.perf_counter,
    rounds: int = ROUNDS,
) -> Row:
    """Measure both in turns; the first round warms up and does not count."""
    rows = [(_one(ours, count, clock), _one(bare, count, clock)) for _ in range(rounds + 1)][1:]
    ratios = [ours_s / bare_s for ours_s, bare_s in rows]
    return Row(
        title,
        statistics.median(ours_s for ours_s, _ in rows) / count * 1e6,
        statistics.median(bare_s for _, bare_s in rows) / count * 1e6,
        statistics.median(ratios),
        min(ratios),
        max(ratios),
    )


def _one(contender: Contender, count: int, clock: Callable[[], float]) -> float:
    began = clock()
    contender.run(count)
    return clock() - began
