"""The planted bugs: each a small change of one file that makes the ledger wrong in one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug in words, the file, the right text (there exactly once) and the wrong one."""

    name: str
    file: str
    right: str
    wrong: str


PLANTED = (
    Planted(
        "burn order ignores expiry",
        "webapp/ledger/burndown.py",
        "lot.priority, lot.expires_at, lot.grant",
        "lot.priority, lot.grant",
    ),
)
