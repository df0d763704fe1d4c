"""The product: calls that cost three credits a started minute, paid from the caller's credits in Refill.

In a project of its own, the client's folder would be copied beside this file.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from webapp.client import InsufficientCredits, Refill

METER = "call_minute"
MINUTE_SECONDS = 0.02  # a minute of the example


class CallDroppedError(Exception):
    """The line broke: our fault, so nobody pays."""


@dataclass(frozen=True)
class Call:
    """A call to be made. Its id is ours, and makes the keys under which Refill books it once."""

    id: str
    number: str
    talked_seconds: int = 0  # 0: nobody answered
    is_dropped: bool = False
    longest_minutes: int = 10


def talk(call: Call) -> int:
    """The call itself, by whatever places calls; how many seconds it took. Raises CallDroppedError."""
    time.sleep(_started_minutes(call.talked_seconds) * MINUTE_SECONDS)
    if call.is_dropped:
        raise CallDroppedError
    return min(call.talked_seconds, call.longest_minutes * 60)


def place(refill: Refill, call: Call, talk: Callable[[Call], int] = talk) -> str:
    """Make one call and settle its credits; says what became of it.

    The most it can cost is on hold before it begins, so calls at the same time can't spend the same credits.
    """
    try:
        return _talk_on_hold(refill, call, talk)
    except InsufficientCredits as refusal:
        return (
            f"not placed: it needs {refusal.needed} credits and {refusal.available} are there. Buy: {refusal.buy_url}"
        )
    except CallDroppedError:
        return "dropped: not charged"


def _talk_on_hold(refill: Refill, call: Call, talk: Callable[[Call], int]) -> str:
    about = f"Call to {call.number}"
    with refill.hold(meter=METER, quantity=call.longest_minutes, description=about, key=f"call-{call.id}") as hold:
        minutes = _started_minutes(talk(call))
        if minutes == 0:
            hold.release()
            return "no answer: not charged"
        booked = hold.capture(quantity=minutes, description=about, key=f"call-{call.id}-ended")
    return f"{minutes} min: {-booked.entry.credits} credits, {booked.available} left"


def _started_minutes(seconds: int) -> int:
    return -(-seconds // 60)
