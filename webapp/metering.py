"""What metered work costs: a meter and a quantity give credits. Pure integers; a fraction of a credit is rounded up."""

from dataclasses import dataclass
from math import lcm

from webapp.catalog import Meter
from webapp.ledger.errors import InvalidCredits, InvalidRequest
from webapp.ledger.models import MAX_OPERATION_CREDITS

LARGEST_QUANTITY = 10**9


@dataclass(frozen=True, slots=True)
class _Steps:
    """A tier in what is paid whole: `units` for `price`, up to the unit `up_to` of a spend, or for ever."""

    up_to: int | None
    units: int
    price: int


def cost_credits(meter: Meter, quantity: int) -> int:
    """The credits that one spend of `quantity` units costs: each unit at its tier's price, at least the minimum.

    Worked out exactly and rounded once, as the meter says: "started" charges each started `per` units whole, "total"
    rounds the sum up. Nothing costs nothing. Raises InvalidRequest for what is not a whole number from 0 to 10^9 (fact:
    `largest`), and InvalidCredits for a cost above the largest of one spend (facts: `needed`, `largest`).
    """
    if type(quantity) is not int or not 0 <= quantity <= LARGEST_QUANTITY:
        raise InvalidRequest(f"A quantity is a whole number from 0 to {LARGEST_QUANTITY:,}.", largest=LARGEST_QUANTITY)
    cost = max(_exactly(meter, quantity), meter.minimum_credits) if quantity else 0
    if cost > MAX_OPERATION_CREDITS:
        units = meter.unit if quantity == 1 else meter.unit_plural
        raise InvalidCredits(
            f"{quantity:,} {units} would cost {cost:,} credits; at most {MAX_OPERATION_CREDITS:,} can be used at once.",
            needed=cost,
            largest=MAX_OPERATION_CREDITS,
        )
    return cost


def quantity_for(meter: Meter, credits: int) -> int:
    """The most units that one spend can have for `credits`: rounded down, so it is never more than they pay for.

    The mirror of `cost_credits`, without its limits: `credits` may be a balance. Raises ValueError for negative credits
    and TypeError for what is not an int.
    """
    if type(credits) is not int:
        raise TypeError(f"credits must be an int, not {credits!r}.")
    if credits < 0:
        raise ValueError(f"credits can't be negative: {credits}.")
    if credits < meter.minimum_credits:
        return 0
    common, steps = _steps(meter)
    quantity, left = 0, credits * common
    for step in steps:
        affordable = left // step.price * step.units
        taken = affordable if step.up_to is None else min(affordable, step.up_to - quantity)
        quantity += taken
        left -= taken // step.units * step.price
        if quantity != step.up_to:
            break
    return quantity


def _exactly(meter: Meter, quantity: int) -> int:
    """The sum over the tiers, in parts of a credit that all of them can be told in, rounded up at the end."""
    common, steps = _steps(meter)
    parts = done = 0
    for step in steps:
        end = quantity if step.up_to is None else min(quantity, step.up_to)
        parts += _divide_up(end - done, step.units) * step.price
        done = end
    return _divide_up(parts, common)


def _steps(meter: Meter) -> tuple[int, list[_Steps]]:
    """Into how many parts a credit is cut so that no price is a fraction, and the tiers in those parts."""
    if meter.rounding == "started":
        return 1, [_Steps(tier.up_to, tier.per, tier.credits) for tier in meter.tiers]
    common = lcm(*(tier.per for tier in meter.tiers))
    return common, [_Steps(tier.up_to, 1, tier.credits * (common // tier.per)) for tier in meter.tiers]


def _divide_up(number: int, by: int) -> int:
    return -(-number // by)
