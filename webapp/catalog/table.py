"""One table of the file, read key by key: each key has a type, a range and perhaps a default; the rest is unknown.

A wrong value becomes a fault and a stand-in of the right type, so that reading goes on and finds the next fault; a
catalogue with faults is never used.
"""

import datetime as dt
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from webapp.catalog.faults import Faults
from webapp.catalog.lines import KeyPath

SLUG = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST_SLUG = 40
LONGEST_NAME = 40
LONGEST_WORD = 20
LARGEST_COUNT = 10**9  # the largest number of credits that one entry of the ledger may move

TYPE_WORDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number with a decimal point",
    str: "text",
    list: "a list",
    dict: "a table",
    dt.datetime: "a date and time",
    dt.date: "a date",
    dt.time: "a time",
}

Choice = TypeVar("Choice", bound=str)
Value = TypeVar("Value")


@dataclass
class Table:
    """The values of one table, what to call it in a sentence, and where its faults go."""

    values: Mapping[str, Any]
    at: KeyPath
    name: str
    faults: Faults
    _known: set[str] = field(default_factory=set)
    _faulty: set[str] = field(default_factory=set)

    def fault(self, key: str, sentence: str) -> None:
        """Note a fault of one key of this table."""
        self._faulty.add(key)
        self.faults.add((*self.at, key), f"{self.name}: {sentence}" if self.name else sentence)

    def is_sound(self, key: str) -> bool:
        """Whether no fault of this key is known, so that the value read is the file's and no stand-in."""
        return key not in self._faulty

    def text(self, key: str, *, longest: int, default: str | None = None) -> str:
        """One line of text of 1 to `longest` characters; only a key with a default may be missing."""
        value = self._value(key, str, default)
        if value is None:
            return ""
        if value == default:
            return value
        if not value.strip() or value != value.strip() or not value.isprintable():
            self.fault(key, f"{key} must be one line of text without spaces around it, not {_shown(value)}.")
        elif len(value) > longest:
            self.fault(key, f"{key} is {len(value)} characters long; at most {longest} fit on the pages.")
        return value

    def slug(self) -> str:
        """The name by which the program, Stripe and links know it."""
        value = self._value("slug", str, None)
        if value is None:
            return ""
        if not SLUG.fullmatch(value) or len(value) > LONGEST_SLUG:
            self.fault(
                "slug",
                f"slug must be lower-case letters, digits and single - or _ between them, beginning with a letter, "
                f"at most {LONGEST_SLUG} characters, not {_shown(value)}.",
            )
        return value

    def count(self, key: str, *, least: int = 1, most: int = LARGEST_COUNT, default: int | None = None) -> int:
        """A whole number from `least` to `most`."""
        value = self._value(key, int, default)
        if value is None:
            return least
        if not least <= value <= most:
            self.fault(key, f"{key} must be from {least:,} to {most:,}, not {value:,}.")
            return least
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """The answer to a yes-or-no question, false or true."""
        value = self._value(key, bool, default)
        return default if value is None else value

    def choice(self, key: str, *choices: Choice, default: Choice | None = None) -> Choice:
        """One of a few words."""
        value = self._value(key, str, default)
        chosen = next((choice for choice in choices if choice == value), None)
        if chosen is None and value is not None:
            words = " or ".join(f'"{choice}"' for choice in choices)
            self.fault(key, f"{key} must be {words}, not {_shown(value)}.")
        return chosen or default or choices[0]

    def table(self, key: str, *, is_needed: bool = True) -> "Table | None":
        """The table `[key]`, or None (and a fault, if it is needed) if there is none."""
        self._known.add(key)
        if key not in self.values:
            if is_needed:
                self.fault(key, f"there is no [{key}] table.")
            return None
        value = self._value(key, dict, None)
        return None if value is None else Table(value, (*self.at, key), f"[{key}]", self.faults)

    def tables(self, key: str, one: str, *, like: str = "") -> list["Table"]:
        """Each table of the list `key`, in order; `one` is what a single one is called in sentences.

        `like` says how the list is written, if not as `[[key]]` tables.
        """
        self._known.add(key)
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.fault(key, f"{key} must be written {like or f'as [[{key}]] tables, one for each {one}'}.")
            return []
        return [
            Table(value, (*self.at, key, place), _title(one, value, place), self.faults)
            for place, value in enumerate(values)
        ]

    def refuse_unknown(self) -> None:
        """Note every key that nothing has asked for: a misspelt key would silently mean its default."""
        for key in self.values:
            if key not in self._known:
                close = difflib.get_close_matches(key, sorted(self._known), n=1, cutoff=0.6)
                hint = f" (did you mean {close[0]}?)." if close else "."
                self.fault(key, f"there is no key {_shown(key)} here{hint}")

    def _value(self, key: str, kind: type[Value], default: Value | None) -> Value | None:
        """The value if it has the right type; None, and a fault, if it has not. A bool is no number."""
        self._known.add(key)
        value = self.values.get(key, default)
        if value is None:
            self.fault(key, f"{key} is missing.")
            return None
        if type(value) is not kind:
            self.fault(key, f"{key} must be {TYPE_WORDS[kind]}, not {_shown(value)}.")
            return None
        return value


def _title(one: str, value: Mapping[str, Any], place: int) -> str:
    slug = value.get("slug")
    return f"{one} {_shown(slug)}" if isinstance(slug, str) and slug else f"{one} number {place + 1}"


def _shown(value: object) -> str:
    """The value as it may be quoted in a one-line sentence: as the file writes it, and never long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        return TYPE_WORDS[type(value)]
    if isinstance(value, str):
        text = repr(value)[1:-1].replace("\\'", "'").replace('"', '\\"')
        return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'
    return str(value)[:40]
