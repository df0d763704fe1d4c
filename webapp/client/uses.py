"""What was used, as it is said to Refill."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Required, TypedDict, cast


class Use(TypedDict, total=False):
    """What was or will be used: `credits`, or `quantity` units of a `meter`; and what History says of it."""

    credits: int
    meter: str
    quantity: int
    description: str
    details: Mapping[str, Any]
    occurred_at: dt.datetime


class Line(Use, total=False):
    """A spend of a batch, with its own key; with a service key also of its own account."""

    key: Required[str]
    account: int | str


def text(moment: dt.date) -> str:
    """A day, or an instant with its zone, as it is sent."""
    if isinstance(moment, dt.datetime) and moment.tzinfo is None:
        raise ValueError("A time must say its zone.")
    return moment.isoformat()


def cost_of(asked: Use) -> Use:
    """What the use costs, without what History says of it."""
    return cast("Use", {name: value for name, value in asked.items() if name in {"credits", "meter", "quantity"}})
