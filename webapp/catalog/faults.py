"""What is wrong with a catalogue, each fault with the line where it stands. All are collected, then told at once."""

from dataclasses import dataclass, field
from pathlib import Path

from webapp.catalog.lines import KeyPath, key_lines, nearest_line


class CatalogError(Exception):
    """The catalogue can't be used. `faults` has one sentence for each fault: `catalog.toml:12: …`."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass
class Faults:
    """The faults found so far in one file."""

    path: Path
    text: str
    _found: list[tuple[KeyPath, str]] = field(default_factory=list)

    def add(self, at: KeyPath, sentence: str) -> None:
        """Note one fault of the key `at`, which may be missing."""
        self._found.append((at, sentence))

    def __bool__(self) -> bool:
        """Whether any were found."""
        return bool(self._found)

    def raise_any(self) -> None:
        """Raise CatalogError with every fault in the order of the lines, if there are any."""
        if not self._found:
            return
        lines = key_lines(self.text)
        placed = sorted((nearest_line(lines, at), sentence) for at, sentence in self._found)
        raise CatalogError(*(f"{self.path}:{line}: {sentence}" for line, sentence in placed))
