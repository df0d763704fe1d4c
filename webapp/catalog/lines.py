"""On which line of a TOML text a table, a key or an array's element stands. `tomllib` reads, but tells no lines.

No grammar of our own: `tomllib` itself is asked after each line whether what stands there is complete. In a valid
document the shortest run of whole lines that parses alone is one statement (a header, a key with its value, a blank
or a comment), for a string or an array that goes on in the next line doesn't parse yet. Elements of an array over
several lines are found by closing it after each line.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

# From the root: keys of tables and places in arrays, ("packs", 0, "credits").
KeyPath = tuple[str | int, ...]

# How deep arrays that span lines may stand in each other for their elements to be found.
CLOSERS = ("", "\n]", "\n]]", "\n]]]", "\n]]]]")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each table, key and array element of a valid document begins."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    sizes: dict[KeyPath, int] = {}
    for number, statement, tree in _parts(text):
        if statement.lstrip().startswith("["):
            table = _enter(tree, sizes)
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], number)
        else:
            _note(lines, table, tree, number)
    return lines


def unfinished_line(text: str) -> int:
    """The line on which the last statement begins, where the text ends in the middle of it."""
    pending: list[str] = []
    first = 1
    for number, line in enumerate(_lines(text), 1):
        pending.append(line)
        if _parsed("\n".join(pending)) is not None:
            pending.clear()
            first = number + 1
    return first


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of `path`, or of the nearest table around it that has one: where a missing key is missing."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _parts(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The statements, and the parts of statements over several lines: first line, text so far, what it says."""
    pending: list[str] = []
    first = 1
    for number, line in enumerate(_lines(text), 1):
        pending.append(line)
        statement = "\n".join(pending)
        for closer in CLOSERS:
            tree = _parsed(statement + closer)
            if tree is not None:
                yield first, statement, tree
                first = number + 1
                pending = pending if closer else []
                break


def _lines(text: str) -> list[str]:
    """The lines as TOML counts them: `splitlines` would also break at characters that may stand in a string."""
    return text.replace("\r\n", "\n").split("\n")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _enter(header: dict[str, Any], sizes: dict[KeyPath, int]) -> KeyPath:
    """The path of the table that a header opens; one in an array of tables gets the next place in it."""
    path: KeyPath = ()
    while header:
        ((key, inner),) = header.items()
        path += (key,)
        if isinstance(inner, list):
            sizes[path] = sizes.get(path, 0) + 1
            inner = inner[0]
        if path in sizes:
            path += (sizes[path] - 1,)
        header = inner
    return path


def _note(lines: dict[KeyPath, int], path: KeyPath, value: object, number: int) -> None:
    """Write down the line of everything inside `value` that has none yet."""
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    for key, inner in inside:
        lines.setdefault((*path, key), number)
        _note(lines, (*path, key), inner, number)
