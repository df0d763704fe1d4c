"""The filter of the history page: which entries are asked for, read from an address and written into one."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from webapp.web.days import NO_DAY, read_day
from webapp.web.moments import begins_at, ends_at

LONGEST_SEARCH = 100
ALL = "transactions"
# The tabs: the type in the address and in the ledger, and what it is called.
TABS = (
    (ALL, "All"),
    ("purchases", "Purchases"),
    ("usage", "Usage"),
    ("grants", "Grants and bonuses"),
    ("refunds", "Refunds and adjustments"),
    ("expired", "Expired"),
)

_PLACE = re.compile(r"[1-9][0-9]{0,17}")
_NO_PLACE = "There is no such place in your history."


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. `first_on` and `last_on` are days of the account's zone, both included.

    `typed` keeps what came as it came; `faults` has a sentence for each of them that can't be read.
    `before_seq` continues an earlier page.
    """

    type: str = ALL
    text: str = ""
    first_on: dt.date | None = None
    last_on: dt.date | None = None
    before_seq: int | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the tab leaves entries out."""
        return bool(self.text or self.first_on or self.last_on)

    def query(self, **other: Any) -> dict[str, Any]:
        """The address's parameters of this filter, `other` ones on top; one that says nothing is left out."""
        own = {
            "type": self.type if self.type != ALL else None,
            "q": self.text or None,
            "from": self.first_on,
            "to": self.last_on,
        }
        return {name: value for name, value in (own | other).items() if value is not None}

    def shown(self, name: str) -> str:
        """What stands in a field: as it was typed, but a field of dates takes nothing else."""
        return "" if self.faults.get(name) == NO_DAY else self.typed.get(name, "")

    def as_typed(self) -> dict[str, Any]:
        """The address's parameters as they came, with what can't be read."""
        return {name: text for name, text in self.typed.items() if text}

    def window(self, zone: str) -> dict[str, dt.datetime | None]:
        """The instants between which entries are asked for: whole days of the zone."""
        of_account = ZoneInfo(zone)
        return {
            "since": None if self.first_on is None else begins_at(self.first_on, of_account),
            "until": None if self.last_on is None else ends_at(self.last_on, of_account),
        }


def read_filter(query: Mapping[str, str]) -> Filter:
    """The filter that an address asks for; what can't be read is left out and has its sentence."""
    typed = {name: query.get(name, "") for name in ("type", "q", "from", "to", "after")}
    text = " ".join(typed["q"].split())
    first_on, last_on = read_day(typed["from"]), read_day(typed["to"])
    type_, after = typed["type"] or ALL, typed["after"]
    faults = {
        "q": _fault_of_text(text),
        "from": NO_DAY if typed["from"] and first_on is None else "",
        "to": NO_DAY if typed["to"] and last_on is None else "",
        "after": _NO_PLACE if after and not _PLACE.fullmatch(after) else "",
        "type": "" if type_ in dict(TABS) else "There is no such list.",
    }
    if first_on and last_on and last_on < first_on:
        faults["to"] = "The last day is before the first. Choose a later one."
    faults = {name: fault for name, fault in faults.items() if fault}
    return Filter(
        type=ALL if "type" in faults else type_,
        text="" if "q" in faults else text,
        first_on=first_on,
        last_on=None if "to" in faults else last_on,
        before_seq=int(after) if after and "after" not in faults else None,
        typed=typed,
        faults=faults,
    )


def _fault_of_text(text: str) -> str:
    if len(text) > LONGEST_SEARCH:
        return f"Search for at most {LONGEST_SEARCH} characters."
    return "" if text.isprintable() else "Search for letters, digits and signs only."
