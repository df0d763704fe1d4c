"""Two costs that are no test's matter, made small in its process: of a password's hash, and of collecting garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher

from webapp.people import passwords

TRUE_COSTS = PasswordHasher.__init__.__defaults__
CHEAP = (1, 8, 1)  # passes, KiB, lanes: the least that argon2 knows


def hash_cheaply() -> None:
    """Let this process hash passwords at the least cost: 0.1 s and 64 MiB for each are for those who guess."""
    _set_costs((*CHEAP, *TRUE_COSTS[len(CHEAP) :]))
    passwords.hasher = PasswordHasher()
    passwords.UNKNOWN_PERSON = passwords.hasher.hash("a password nobody has")


@contextmanager
def at_true_costs() -> Iterator[None]:
    """Let new hashers cost what they cost on a server."""
    cheap = PasswordHasher.__init__.__defaults__
    _set_costs(TRUE_COSTS)
    yield
    _set_costs(cheap)


PYTHONS_OWN = gc.get_threshold()


def collect_rarely() -> None:
    """Let the garbage collector look less often, and never at what is there now: modules and tests stay to the end.

    As Python sets it, it takes a fifth of a run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@contextmanager
def collecting_as_on_a_server() -> Iterator[None]:
    """Let the garbage collector look as often as Python lets it: for measurements of memory."""
    rarely = gc.get_threshold()
    gc.set_threshold(*PYTHONS_OWN)
    yield
    gc.set_threshold(*rarely)


def _set_costs(costs: tuple[object, ...]) -> None:
    PasswordHasher.__init__.__defaults__ = costs
