"""Crash points: named places at the edges where a test may kill this process, as a lost machine would.

Production passes them without a look. Where CRASH_FILE is set (only with APP_ENV=test), the file says which point is
meant and at which passing: `commit.after 2`. Every passing is added to it. The inner rings have no points.
"""

import fcntl
import os
import signal
from pathlib import Path
from typing import ClassVar


class _Armed:
    """The file that is obeyed; None: no point does anything."""

    file: ClassVar[Path | None] = None


def arm(file: Path | None) -> None:
    """Obey this file from now on, whether or not it is there yet; None disarms."""
    _Armed.file = file


def point(name: str) -> None:
    """A place where the process may end at once. Does nothing unless it is armed."""
    if _Armed.file is not None:
        _pass(name, _Armed.file)


def _pass(name: str, file: Path) -> None:
    """Note the passing. At the one that is meant take the file away first, so that no other process dies."""
    try:
        armed = file.open("r+")
    except FileNotFoundError:
        return
    with armed:
        fcntl.flock(armed, fcntl.LOCK_EX)
        meant, *passed = [*armed.read().splitlines(), name]
        armed.write(f"{name}\n")
        if meant == f"{name} {passed.count(name)}":
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
