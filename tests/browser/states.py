"""Every page in every state: one table for all checks. A page that is added later fails until it has a row here.

The rows are in the modules beside this one; each says which route it shows and how the state comes about.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.browser.stage import Stage, View

Make = Callable[[Stage], View]


@dataclass(frozen=True)
class State:
    """One row: the route's endpoint, and how a browser gets there."""

    endpoint: str
    make: Make


STATES: dict[str, State] = {}


def shows(endpoint: str) -> Callable[[Make], Make]:
    """Enter a state into the table under its function's name."""

    def enter(make: Make) -> Make:
        name = make.__name__.replace("_", " ")
        assert name not in STATES, f"two states are called {name}"
        STATES[name] = State(endpoint, make)
        return make

    return enter
