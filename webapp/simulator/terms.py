"""What a buyer agrees to on the checkout page of a plan: how much, how often, free until when."""

from dataclasses import dataclass

from webapp.simulator.sessions import lines_of
from webapp.simulator.store import Json, State
from webapp.simulator.words import day, rhythm_words

DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Terms:
    """The terms of a session in subscription mode. `rhythm` is like `per month`; `starts` is after the trial."""

    amount_minor: int
    rhythm: str
    trial_days: int
    starts: str


def terms_of(state: State, session: Json, *, now: int) -> Terms | None:
    """The terms of a session; None in payment mode."""
    if session["mode"] != "subscription":
        return None
    lines = lines_of(state, session["id"])
    days = state.hidden(session["id"])["subscription_data"].get("trial_period_days", 0)
    return Terms(
        amount_minor=sum(line["price"]["unit_amount"] * line["quantity"] for line in lines),
        rhythm=rhythm_words(lines[0]["price"]["recurring"]),
        trial_days=days,
        starts=day(now + days * DAY_SECONDS),
    )
