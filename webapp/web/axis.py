"""The scale beside a chart. Pure integers."""

from itertools import count

MOST_STEPS = 5


def ticks(highest: int, *, least_step: int = 1) -> list[int]:
    """What the axis of a chart counts: from 0 in at most five equal steps to the first that `highest` doesn't exceed.

    Steps are 1, 2 or 5 with any number of zeros, times `least_step`. Raises ValueError for nothing to draw.
    """
    if highest < 1 or least_step < 1:
        raise ValueError(f"There is no scale up to {highest} in steps of {least_step}.")
    for zeros in count():
        for digit in (1, 2, 5):
            step = digit * 10**zeros * least_step
            steps = -(-highest // step)
            if steps <= MOST_STEPS:
                return [place * step for place in range(steps + 1)]
    raise AssertionError  # the steps grow beyond any number
