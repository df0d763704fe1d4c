"""Making the application fail at a chosen line: Python's own tracing raises there, once."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.databases import ROOT

Line = tuple[str, int]


class LineBroke(Exception):
    """Raised at the chosen line instead of running it."""


@contextmanager
def tracing(visit: Callable[[Line], object], files: frozenset[str]) -> Iterator[None]:
    """Call `visit` with each line of `files` that this thread is about to run."""

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            visit((frame.f_code.co_filename, frame.f_lineno))
        return local

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        return local if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


def lines_run(files: frozenset[str], work: Callable[[], object]) -> list[Line]:
    """The lines of `files` that `work` runs, each once, in the order of their first run."""
    seen: dict[Line, None] = {}
    with tracing(seen.setdefault, files):
        work()
    return list(seen)


@contextmanager
def broken_at(chosen: Line, files: frozenset[str]) -> Iterator[list[Line]]:
    """Raise LineBroke at the first run of one line; the list has that line once it was reached."""
    reached: list[Line] = []

    def visit(line: Line) -> None:
        if line == chosen and not reached:
            reached.append(line)
            raise LineBroke(f"{line[0]}:{line[1]}")

    with tracing(visit, files):
        yield reached


def files_of(*folders: str) -> frozenset[str]:
    """The Python files of these folders (or these files) of the package, by their absolute names."""
    found: set[Path] = set()
    for folder in folders:
        path = ROOT / "webapp" / folder
        found |= set(path.glob("*.py")) if path.is_dir() else {path}
    return frozenset(map(str, found))
