"""What metered work costs: a meter and a quantity give credits. Pure integers; a fraction of a credit is rounded up.

`cost_credits` and `quantity_for` are each other's mirror: what `quantity_for` promises, `cost_credits` lets you have.
"""

from webapp.catalog import Meter


def cost_credits(meter: Meter, quantity: int) -> int:
    """The credits that one spend of `quantity` units costs.

    Rounding is the meter's: "started" charges each started `per` units whole, "total" works the cost out exactly and
    rounds it up once. Raises ValueError for a negative quantity and TypeError for what is not an int.
    """
    _check_count("quantity", quantity)
    if meter.rounding == "started":
        return _divide_up(quantity, meter.per) * meter.credits
    return _divide_up(quantity * meter.credits, meter.per)


def quantity_for(meter: Meter, credits: int) -> int:
    """The most units that one spend can have for `credits`: rounded down, so it is never more than they pay for.

    Raises ValueError for negative credits and TypeError for what is not an int.
    """
    _check_count("credits", credits)
    if meter.rounding == "started":
        return credits // meter.credits * meter.per
    return credits * meter.per // meter.credits


def _divide_up(number: int, by: int) -> int:
    return -(-number // by)


def _check_count(name: str, count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name} must be an int, not {count!r}.")
    if count < 0:
        raise ValueError(f"{name} can't be negative: {count}.")
