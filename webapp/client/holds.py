"""A hold, which is settled when its block is left."""

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, Unpack

from .answers import Booked
from .errors import HoldClosed, RefillError
from .uses import Use

if TYPE_CHECKING:
    from .calls import Refill

log = logging.getLogger("refill.client")


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits on hold. As a block: leaving by an exception releases, leaving without either captures all.

    `is_replayed`: its key had been used before; it is told as it was made then, so look at `find_hold(hold.id).state`.
    """

    id: int
    credits: int
    captured: int
    state: str
    expires_at: dt.datetime
    is_replayed: bool
    _refill: "Refill" = field(repr=False, compare=False)
    _asked: Use = field(default_factory=Use, repr=False, compare=False)
    _settled: list[str] = field(default_factory=list, repr=False, compare=False)

    def capture(self, *, key: str | None = None, **used: Unpack[Use]) -> Booked:
        """Take what was used, all of it if nothing is said; the rest goes back. A quantity is in the hold's meter."""
        if "quantity" in used and "meter" in self._asked:
            used.setdefault("meter", self._asked["meter"])
        booked = self._refill.capture(self.id, key=key, **(used or self._asked or {"credits": self.credits}))
        self._settled.append("captured")
        return booked

    def release(self) -> "Hold":
        """Give all of it back: nothing was used."""
        released = self._refill.release(self.id)
        self._settled.append("released")
        return released

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._settled:
            return
        if kind is None:
            self.capture()
            return
        try:
            self.release()
        except HoldClosed:
            return  # nothing of it is on hold any more
        except RefillError as error:  # what went wrong in the block matters more
            log.warning("hold %s was not released and ends by itself: %s", self.id, error)
