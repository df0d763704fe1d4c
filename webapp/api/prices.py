"""What a request costs: the credits it names, or what the catalogue asks for the work."""

from dataclasses import dataclass
from typing import Any, TypedDict

from webapp.api.callers import Caller
from webapp.api.spend_shapes import PricedBody, WorkBody
from webapp.extensions import parts
from webapp.metering import cost_credits
from webapp.web.refusals import UnknownMeter


@dataclass(frozen=True, slots=True)
class Price:
    """Credits, and the metered work they are for; without a meter `meter` is empty and `quantity` None.

    `may_exceed_hold` says that work which overran its hold is paid from the balance, as the meter has it.
    """

    credits: int
    meter: str
    quantity: int | None
    may_exceed_hold: bool = False


def price_of(asked: PricedBody) -> Price:
    """Raises UnknownMeter, and InvalidCredits when the work costs more than one operation may move."""
    if asked.credits is not None:
        return Price(asked.credits, "", None)
    slug, quantity = str(asked.meter), int(asked.quantity or 0)
    meter = parts().catalog.meter(slug)
    if meter is None:
        raise UnknownMeter("There is no such meter in the catalogue.", meter=slug)
    return Price(cost_credits(meter, quantity), slug, quantity, may_exceed_hold=meter.overrun == "balance")


class Work(TypedDict):
    """What the ledger is told of metered work, whether it is spent, held or captured."""

    credits: int
    meter: str
    quantity: int | None
    description: str
    details: dict[str, Any] | None
    key_id: int


def work_of(asked: WorkBody, price: Price, *, by: Caller) -> Work:
    """The work that was asked for at this price."""
    return Work(
        credits=price.credits,
        meter=price.meter,
        quantity=price.quantity,
        description=asked.description,
        details=asked.details,
        key_id=by.key_id,
    )
