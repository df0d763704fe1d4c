"""What the demo user did: two months of work, the same on every machine, for the meters of any catalogue. Pure."""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webapp.catalog import Catalog, CreditUnit, Meter
from webapp.metering import cost_credits, quantity_for

DAYS = 60
# How often a day has work of the main meter, from Monday to Sunday, and of each other one.
USES_BY_WEEKDAY = (2, 2, 3, 2, 2, 1, 0)
OTHERS_BY_WEEKDAY = (2, 1, 2, 2, 1, 0, 0)
# What one use costs, in minor units of worth: a call of some minutes, and smaller things.
MAIN_WORTH_MINOR = (30, 105)
OTHER_WORTH_MINOR = (15, 60)
BEGINS_AT_HOUR, ENDS_AT_HOUR = 8, 18


@dataclass(frozen=True, slots=True)
class DemoUse:
    """One use of a meter: when, how much, and what it cost."""

    at: dt.datetime
    meter: Meter
    quantity: int
    credits: int


def demo_uses(catalog: Catalog, *, days: int = DAYS, now: dt.datetime) -> list[DemoUse]:
    """The uses of the last `days` up to now, the oldest first. A catalogue without meters has none."""
    chance = random.Random(7)  # noqa: S311  # a story, the same each time
    found: list[DemoUse] = []
    for days_ago in range(days, -1, -1):
        midnight = (now - dt.timedelta(days=days_ago)).replace(hour=0, minute=0, second=0, microsecond=0)
        found += _uses_of_day(catalog, midnight, chance)
    return sorted((use for use in found if use.at < now), key=lambda use: use.at)


def _uses_of_day(catalog: Catalog, midnight: dt.datetime, chance: random.Random) -> Iterator[DemoUse]:
    main = catalog.main_meter or next(iter(catalog.meters), None)
    others = [meter for meter in catalog.meters if meter is not main]
    for _ in range(USES_BY_WEEKDAY[midnight.weekday()] if main else 0):
        yield from _use([main] if main else [], MAIN_WORTH_MINOR, midnight, chance, catalog.unit)
    for _ in range(OTHERS_BY_WEEKDAY[midnight.weekday()]):
        yield from _use(others, OTHER_WORTH_MINOR, midnight, chance, catalog.unit)


def _use(
    meters: Sequence[Meter],
    worth_minor: tuple[int, int],
    midnight: dt.datetime,
    chance: random.Random,
    unit: CreditUnit,
) -> Iterator[DemoUse]:
    """One use of one of the meters, of about so much worth; none where that doesn't pay for a unit."""
    minutes = chance.randrange(BEGINS_AT_HOUR * 60, ENDS_AT_HOUR * 60)
    credits_meant = chance.randint(*worth_minor) * unit.worth_credits // unit.worth_minor
    meter = chance.choice(meters) if meters else None
    quantity = quantity_for(meter, credits_meant) if meter else 0
    if meter and quantity:
        yield DemoUse(midnight + dt.timedelta(minutes=minutes), meter, quantity, cost_credits(meter, quantity))
