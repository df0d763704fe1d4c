"""How much of a limit is used, as a bar shows it: its width, its state, and the words that say the same. Pure."""

from dataclasses import dataclass
from typing import Literal

from webapp.web.display import percent_used

MeterState = Literal["ok", "warn", "bad"]

RUNNING_LOW_PERCENT = 80
WHOLE = 10_000  # the bar in hundredths of a percent
# Each state's icon and words; its name is the kind of the chip.
CHIPS: dict[MeterState, tuple[MeterState, str, str]] = {
    "ok": ("ok", "check", "On track"),
    "warn": ("warn", "warn", "Running low"),
    "bad": ("bad", "x", "Used up"),
}


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar. `text` is what it says in a sentence: `414 of 500 credits used, 83%, running low`."""

    now: int
    most: int
    width: str
    state: MeterState
    share: str
    text: str

    @property
    def chip(self) -> tuple[MeterState, str, str]:
        """Kind, icon and words of the chip that goes with the bar."""
        return CHIPS[self.state]


def meter(used: int, limit: int, *, text: str, locale: str) -> Meter:
    """The bar of `used` out of `limit`, in whole units of one kind: credits, or minor units of a currency.

    `text` says both numbers: `414 of 500 credits used`. More than the limit may be used, and a limit may be 0.
    """
    state, share = meter_state(used, limit), percent_used(used, limit, locale)
    told = (text, share, CHIPS[state][2].lower()) if limit > 0 else (text, CHIPS[state][2].lower())
    return Meter(
        now=min(max(used, 0), limit) if limit > 0 else 1,
        most=max(limit, 1),
        width=_width(used, limit),
        state=state,
        share=share,
        text=", ".join(told),
    )


def meter_state(used: int, limit: int) -> MeterState:
    """Say "bad" when nothing is left, "warn" from 80 %, else "ok"."""
    if used >= limit:
        return "bad"
    return "warn" if 100 * used >= RUNNING_LOW_PERCENT * limit else "ok"


def _width(used: int, limit: int) -> str:
    hundredths = WHOLE if used >= limit else max(used, 0) * WHOLE // limit
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
