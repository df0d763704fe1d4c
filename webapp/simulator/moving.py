"""The clock in the control room: what it says, and the buttons that move it ahead."""

import datetime as dt
from dataclasses import dataclass

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.clock import RENEWAL_COURSES, month_after, next_renewal
from webapp.simulator.pages import blueprint, chosen, stripe_client
from webapp.simulator.store import State

__all__ = ["blueprint"]

MOVES = ("hour", "day", "renewal", "month")
MOVE_WORDS = {"hour": "An hour", "day": "A day", "renewal": "To the next renewal", "month": "A month"}
COURSE_WORDS = (
    ("card", "Go as the card does"),
    ("paid", "Are paid"),
    ("failed", "Fail"),
    ("asks", "Wait: the bank asks"),
)
HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True)
class ClockCard:
    """The clock as the control room shows it. `seen` goes with its form, so that a second click moves nothing."""

    now: str
    ahead: str
    seen: int
    next_renewal: str | None
    moves: tuple[tuple[str, str], ...]
    courses: tuple[tuple[str, str], ...] = COURSE_WORDS


@blueprint.post("/clock")
def move_clock() -> Response:
    """Move the clock ahead: `by=hour`, `day`, `renewal`, `month`; what renews meanwhile goes as `course` says."""
    by, course = chosen("by", MOVES), chosen("course", RENEWAL_COURSES)
    client = stripe_client()
    seconds = _seconds(client, by)
    is_moved = seconds is not None and client.move_clock(seconds, course, seen=request.form.get("seen", -1, type=int))
    said = "moved" if is_moved else "not-moved"
    return redirect(url_for(".control_room", said=said, _anchor="clock"), 303)


def clock_card(client: SimulatedHTTPClient, state: State) -> ClockCard:
    """What the control room shows of the clock."""
    ahead_seconds, renews_at = client.clock.ahead_seconds, next_renewal(state, now=client.now())
    moves = tuple((by, MOVE_WORDS[by]) for by in MOVES if by != "renewal" or renews_at is not None)
    return ClockCard(
        now=_words(client.now()),
        ahead=_ahead_words(ahead_seconds),
        seen=ahead_seconds,
        next_renewal=None if renews_at is None else _words(renews_at),
        moves=moves,
    )


def simulated_time(client: SimulatedHTTPClient) -> str | None:
    """What the clock says, for the bar on every page; None while it says what every other clock does."""
    return _words(client.now()) if client.clock.ahead_seconds else None


def _seconds(client: SimulatedHTTPClient, by: str) -> int | None:
    """How far to move; None if nothing will renew."""
    now = client.now()
    if by == "renewal":
        with client.store.reading() as state:
            renews_at = next_renewal(state, now=now)
        return None if renews_at is None else renews_at - now
    return {"hour": HOUR, "day": DAY, "month": month_after(now) - now}[by]


def _words(seconds: int) -> str:
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def _ahead_words(seconds: int) -> str:
    """`31 days and 2 hours ahead`, in the two largest units."""
    if not seconds:
        return "not moved"
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // 60
    parts = [
        f"{number} {unit}{'s' * (number != 1)}"
        for number, unit in ((days, "day"), (hours, "hour"), (minutes, "minute"))
        if number
    ]
    return f"{' and '.join(parts[:2]) or 'less than a minute'} ahead"
